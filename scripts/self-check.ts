// Prints the checksums of the small models with which kernels are checked, for src/model/self-check.ts: after a change of the
// kernels or of the check that is meant to change bits.
//
//   node scripts/self-check.ts

import { checksum, MODELS } from "../src/model/self-check.ts";
import { BUILDS } from "../src/wasm/builds.ts";
import { compileNode } from "../src/wasm/compile-node.ts";
import { instantiate } from "../src/wasm/instance.ts";

for (const build of BUILDS.filter(({ shared }) => !shared)) {
  const instance = instantiate(await compileNode(build));
  console.log(build.arithmetic, ...MODELS.map((model) => checksum(instance, "4x8", model)));
}
