import { onTestFinished } from "vitest";
import "../../src/node.ts";
import { type Platform, platform, usePlatform } from "../../src/wasm/platform.ts";

/** Node's platform with changes, until the test is over. */
export function changePlatform(change: Partial<Platform>): void {
  const before = platform();
  usePlatform({ ...before, ...change });
  onTestFinished(() => usePlatform(before));
}
