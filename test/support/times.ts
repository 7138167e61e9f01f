/**
 * How often a test of test/reliability/ tries: a sample in `npm test`, the full count in `npm run test:long`, which is
 * vitest's mode "long".
 */
export function times(sample: number, full: number): number {
  return process.env.MODE === "long" ? full : sample;
}
