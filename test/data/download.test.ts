import { createHash } from "node:crypto";
import { PassThrough, pipeline, Readable } from "node:stream";
import { createGzip, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { download } from "../../src/data/download.ts";
import { DataUnavailableError } from "../../src/data/unavailable.ts";
import { DataError } from "../../src/errors.ts";
import { bytesMade } from "../fuzz/defence.ts";
import { errorOf, serve, serveFiles } from "./support.ts";

const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const contents = Buffer.alloc(300_000, "a dataset");
const zipped = gzipSync(contents);
const checksums = { gzip: hash(zipped) };
const refused = (found: string): string =>
  `f: expected a working mirror, found ${found}; check the network and try again`;

test("a file comes with its progress", async () => {
  const base = await serveFiles({ f: zipped });
  const seen: [string, number, number | undefined][] = [];
  const bytes = await download("f", [`${base}f`], checksums, { onProgress: (...args) => seen.push(args) });
  expect(Buffer.compare(bytes, zipped)).toBe(0);
  expect(seen.at(-1)).toEqual(["f", zipped.length, zipped.length]);
});

test.each([
  ["compressed anew, known by its contents", gzipSync(contents, { level: 1 }), { contents: hash(contents) }],
  ["unpacked, known by both", contents, { gzip: hash(zipped), contents: hash(contents) }],
  ["of an unknown dataset", contents, undefined],
])("a file that is %s is taken", async (_, served, known) => {
  const base = await serveFiles({ f: served });
  expect(Buffer.compare(await download("f", [`${base}f`], known), served)).toBe(0);
});

test("a mirror that decodes on the way has no total, and what arrives is checked by its contents", async () => {
  const base = await serve((_, response) => {
    response.writeHead(200, { "content-encoding": "gzip", "content-length": zipped.length });
    response.end(zipped);
  });
  const totals: (number | undefined)[] = [];
  const bytes = await download(
    "f",
    [`${base}f`],
    { contents: hash(contents) },
    {
      onProgress: (_file, _received, total) => totals.push(total),
    },
  );
  expect(Buffer.compare(bytes, contents)).toBe(0);
  expect(totals.at(-1)).toBeUndefined();
});

test("after a wrong checksum the next mirror is asked", async () => {
  const wrong = await serveFiles({ f: Buffer.from("something else") });
  const right = await serveFiles({ f: zipped });
  const bytes = await download("f", [`${wrong}f`, `${right}f`], checksums);
  expect(Buffer.compare(bytes, zipped)).toBe(0);
});

test("when all fail, one line lists what each did", async () => {
  const other = Buffer.from("something else");
  const wrong = await serveFiles({ f: other });
  const missing = await serveFiles({});
  const closed = "http://127.0.0.1:1/";
  const urls = [wrong, missing, closed].map((base) => `${base}f`);
  const error = await errorOf(download("f", urls, checksums));
  expect(error).toBeInstanceOf(DataUnavailableError);
  expect(error).toBeInstanceOf(DataError);
  const [first, second, third] = (error as DataUnavailableError).fault.found.split("), ");
  expect(first).toBe(`${wrong}f (expected SHA-256 ${checksums.gzip}, found ${hash(other)}`);
  expect(second).toBe(`${missing}f (the server answered 404`);
  expect(third).toMatch(/^http:\/\/127\.0\.0\.1:1\/f \([^()]+\)$/);
  expect(error.message).toMatch(
    /^f: expected a working mirror, found [^\n]+; check the network and try again$/,
  );
});

test("a server that accepts but never answers is given up", async () => {
  const base = await serve(() => {});
  const start = performance.now();
  const error = await errorOf(download("f", [`${base}f`], checksums, { connectTimeout: 100 }));
  expect(error.message).toBe(refused(`${base}f (no answer within 0.1 s)`));
  expect(performance.now() - start).toBeLessThan(3000);
});

test("a server that stops in the middle is given up", async () => {
  const base = await serve((_, response) => {
    response.writeHead(200, { "content-length": zipped.length });
    response.write(zipped.subarray(0, 100));
  });
  const error = await errorOf(download("f", [`${base}f`], checksums, { stallTimeout: 100 }));
  expect(error.message).toBe(refused(`${base}f (no data for 0.1 s)`));
});

test("a server that sends a byte now and then is given up", async () => {
  const base = await serve((_, response) => {
    response.writeHead(200, { "content-length": zipped.length });
    const timer = setInterval(() => response.write("x"), 20);
    response.on("close", () => clearInterval(timer));
  });
  const options = { stallTimeout: 10_000, wholeTimeout: 200 };
  const error = await errorOf(download("f", [`${base}f`], checksums, options));
  expect(error.message).toBe(refused(`${base}f (not complete within 0.2 s)`));
});

describe("of a file of known size", () => {
  const known = { contents: hash(contents), bytes: contents.length };
  const most = 300_000 + 1172 + 65_536;

  test("a server that announces more is given up before it sends them", async () => {
    const base = await serve((_, response) => {
      response.writeHead(200, { "content-length": 2 ** 40 });
      response.write("x");
    });
    const error = await errorOf(download("f", [`${base}f`], known));
    expect(error.message).toBe(refused(`${base}f (expected at most ${most} bytes, found ${2 ** 40})`));
  });

  test.each([undefined, "gzip"])(
    "a server that sends more without an end is given up (%s)",
    async (encoding) => {
      const base = await serve((_, response) => {
        response.writeHead(200, encoding === undefined ? {} : { "content-encoding": encoding });
        pipeline(Readable.from(endless()), encoding ? createGzip() : new PassThrough(), response, () => {});
      });
      const error = await errorOf(download("f", [`${base}f`], known));
      expect(error.message).toBe(refused(`${base}f (expected at most ${most} bytes, found more)`));
    },
  );

  test("no more is decompressed than its contents have", async () => {
    const bomb = gzipSync(Buffer.alloc(2 ** 26), { level: 9 });
    const base = await serveFiles({ f: bomb });
    let error: Error | undefined;
    const made = await bytesMade(async () => {
      error = await errorOf(download("f", [`${base}f`], known));
    });
    expect(error!.message).toMatch(/\(expected SHA-256 \w+, found \w+\); check the network/);
    expect(made).toBeLessThan(2 ** 23);
  });
});

/** Zeros as long as somebody takes them. */
function* endless(): Generator<Uint8Array> {
  for (;;) yield new Uint8Array(2 ** 16);
}

test("a server that hangs up in the middle is a failure like any other", async () => {
  const base = await serve((_, response) => {
    response.writeHead(200, { "content-length": zipped.length });
    response.write(zipped.subarray(0, 100), () => response.destroy());
  });
  const error = await errorOf(download("f", [`${base}f`], checksums));
  expect(error).toBeInstanceOf(DataUnavailableError);
  expect(error.message).not.toContain("\n");
});

test("the caller's signal ends it at once, with the signal's reason", async () => {
  const base = await serve(() => {});
  const controller = new AbortController();
  const reason = new Error("enough");
  setTimeout(() => controller.abort(reason), 50);
  const urls = [`${base}f`, `${base}g`];
  expect(await errorOf(download("f", urls, checksums, { signal: controller.signal }))).toBe(reason);
  expect(await errorOf(download("f", urls, checksums, { signal: controller.signal }))).toBe(reason);
});
