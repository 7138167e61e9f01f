import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

/** Bytes in hexadecimal digits, by name, as check() of checks.js gives them. */
export type Results = Readonly<Record<string, string>>;

const FILE = new URL("expected.json", import.meta.url);

function digest(hex: string): string {
  return createHash("sha256").update(Buffer.from(hex, "hex")).digest("hex").slice(0, 16);
}

function digests(results: Results): Record<string, string> {
  return Object.fromEntries(Object.entries(results).map(([name, hex]) => [name, digest(hex)]));
}

type Group = "checks" | "digits";

/** Every result of a group, and each to the last bit, is what the pinned Node once found. */
export function expectPinned(group: Group, results: Results): void {
  const expected = (JSON.parse(readFileSync(FILE, "utf8")) as Record<Group, Record<string, string>>)[group];
  const found = digests(results);
  const names = new Set([...Object.keys(expected), ...Object.keys(found)]);
  const different = [...names].filter((name) => found[name] !== expected[name]);
  assert.deepEqual(different, [], "these have other bytes than expected.json says");
}

/** Makes these results the expected ones. */
export function pin(results: Readonly<Record<Group, Results>>): void {
  const pinned = { checks: digests(results.checks), digits: digests(results.digits) };
  writeFileSync(FILE, `${JSON.stringify(pinned, undefined, 2)}\n`);
}
