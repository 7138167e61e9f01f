// What run.ts has made before the tests.

import process from "node:process";

function given(name: string): string {
  const value = process.env[name];
  if (value) return value;
  throw new Error(`expected ${name} in the environment; \`npm run test:runtimes\` sets it`);
}

/** A folder for what the tests make; it is removed at the end. */
export const FOLDER = given("ELBOW_FOLDER");
/** The packed package. */
export const TARBALL = given("ELBOW_TARBALL");
/** A project that has it: see project.ts. */
export const PROJECT = given("ELBOW_PROJECT");
