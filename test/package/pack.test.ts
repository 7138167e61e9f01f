import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { PROJECT_KINDS } from "../../src/cli/project-kinds.ts";

const root = new URL("../../", import.meta.url);

interface Packed {
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly sideEffects: readonly string[];
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

async function json<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(new URL(path, root), "utf8")) as T;
}

/** What would be published: `npm pack` says it without making it. */
async function pack(): Promise<Packed> {
  const { stdout } = await promisify(execFile)("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: fileURLToPath(root),
    shell: process.platform === "win32",
  });
  const [packed] = JSON.parse(stdout) as Packed[];
  return packed;
}

/** The files that an entry of `exports` may lead to. */
function targets(entry: unknown): string[] {
  return typeof entry === "string" ? [entry] : Object.values(entry as object).flatMap(targets);
}

const packed = await pack();
const paths = packed.files.map(({ path }) => path);
const manifest = await json<Manifest>("package.json");

describe("the published package", () => {
  test("is at most 400 KB unpacked", () => {
    console.log(`unpacked: ${packed.unpackedSize} bytes in ${paths.length} files`);
    expect(packed.unpackedSize).toBeLessThanOrEqual(400_000);
  });

  test("has no tests, sources, data sets or models in it", () => {
    const allowed = /^(?:dist|build|examples)\/|^(?:package\.json|README\.md|CHANGELOG\.md|LICENSE)$/;
    expect(paths.filter((path) => !allowed.test(path))).toEqual(["src/wasm/kernels.wasm.d.ts"]);
    expect(paths.filter((path) => /\.(?:gz|npy|safetensors|map|tgz)$|\.test\./.test(path))).toEqual([]);
  });

  test("has every file that its package.json names", () => {
    const { exports, sideEffects, bin } = manifest;
    const named = [...Object.values(exports).flatMap(targets), ...sideEffects, ...Object.values(bin)];
    expect(named.length).toBeGreaterThan(20);
    for (const path of named) expect(paths).toContain(path.replace(/^\.\//, ""));
  });

  test("gives types and code under the same conditions", () => {
    for (const target of Object.values(manifest.exports).filter((entry) => typeof entry === "object")) {
      const found = targets(target);
      expect(found.filter((path) => path.endsWith(".d.ts"))).toHaveLength(found.length / 2);
    }
  });
});

describe.each(PROJECT_KINDS)("examples/%s", (kind) => {
  test("is in the package, whole", () => {
    for (const name of ["package.json", "README.md", "gitignore"]) {
      expect(paths).toContain(`examples/${kind}/${name}`);
    }
  });

  test("takes this version of Elbow and exact versions of the rest, the same as Elbow where both have it", async () => {
    const example = await json<Partial<Manifest>>(`examples/${kind}/package.json`);
    const wanted = { ...example.dependencies, ...example.devDependencies };
    const ours: Record<string, string> = { ...manifest.dependencies, ...manifest.devDependencies };
    expect(wanted["elbow-vae"]).toBe(manifest.version);
    for (const [name, version] of Object.entries(wanted)) {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
      if (ours[name]) expect(version).toBe(ours[name]);
    }
  });
});
