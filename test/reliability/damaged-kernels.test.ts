import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { KernelError } from "../../src/errors.ts";
import { BUILDS } from "../../src/wasm/builds.ts";
import { compileNode } from "../../src/wasm/compile-node.ts";
import { compileWeb } from "../../src/wasm/compile-web.ts";
import { times } from "../support/times.ts";
import { uniforms } from "../support/uniforms.ts";

const FLIPS = times(80, 1000);

/** What the next file that is read holds, if another is to be read than the one that is there. */
let given: Buffer | undefined;

vi.mock("node:fs/promises", async (load) => {
  const real = await load<typeof import("node:fs/promises")>();
  return { ...real, readFile: async (path: URL) => given ?? real.readFile(path) };
});

afterEach(() => {
  given = undefined;
  vi.unstubAllGlobals();
});

/** A build with one bit flipped, for each of some random bits. */
function* damaged(file: string): Generator<Buffer<ArrayBuffer>> {
  const bytes = readFileSync(new URL(`../../build/${file}`, import.meta.url));
  for (const dice of uniforms(file.length, FLIPS, 0, 8 * bytes.length)) {
    const copy = Buffer.from(bytes);
    copy[dice >> 3]! ^= 1 << (dice & 7);
    yield copy;
  }
}

function serve(bytes: Uint8Array<ArrayBuffer>): void {
  const headers = { "content-type": "application/wasm" };
  vi.stubGlobal("fetch", async () => new Response(bytes, { headers }));
}

/** The message of what is thrown on purpose; anything else is thrown on. */
async function refusal(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    if (error instanceof KernelError) return error.message;
    throw error;
  }
}

describe.each(BUILDS)("$file with one bit flipped", (build) => {
  const { file } = build;

  test("is refused in Node, on one line", async () => {
    for (given of damaged(file)) {
      expect(await refusal(compileNode(build))).toMatch(
        /^[^\n]+kernels[^\n]*\.wasm: expected the kernels, found a damaged file; install elbow-vae again, or run npm run build in a checkout$/,
      );
    }
    given = undefined;
    await expect(compileNode(build)).resolves.toBeInstanceOf(WebAssembly.Module);
  });

  test("is refused in a page, on one line", async () => {
    for (const bytes of damaged(file)) {
      serve(bytes);
      expect(await refusal(compileWeb(build))).toMatch(
        /^[^\n]+kernels[^\n]*\.wasm: expected the kernels as WebAssembly, found damaged ones; [^\n]+$/,
      );
    }
  });
});

test("a page from plain http has no checksums, and small models instead (test/model/self-check.test.ts)", async () => {
  vi.stubGlobal("crypto", undefined);
  const [build] = BUILDS;
  serve(readFileSync(new URL(`../../build/${build.file}`, import.meta.url)));
  await expect(compileWeb(build)).resolves.toBeInstanceOf(WebAssembly.Module);
  serve(Buffer.from("damaged"));
  expect(await refusal(compileWeb(build))).toMatch(/found damaged ones/);
});
