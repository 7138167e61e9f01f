// Prints the checksums of the small models with which kernels are checked, for src/model/self-check.ts: after a change of the
// kernels or of the check that is meant to change bits.
//
//   node scripts/self-check.ts

import { ACTIVATIONS } from "../src/model/activations.ts";
import { LIKELIHOODS } from "../src/model/likelihoods.ts";
import { checksum, type Uses } from "../src/model/self-check.ts";
import { BUILDS } from "../src/wasm/builds.ts";
import { compileNode } from "../src/wasm/compile-node.ts";
import { instantiate } from "../src/wasm/instance.ts";

for (const build of BUILDS.filter(({ shared }) => !shared)) {
  const instance = instantiate(await compileNode(build));
  for (const activation of Object.keys(ACTIVATIONS) as Uses["activation"][]) {
    for (const likelihood of Object.keys(LIKELIHOODS) as Uses["likelihood"][]) {
      const sum = checksum(instance, "4x8", { activation, likelihood });
      console.log(`${sum}, // ${build.arithmetic}, ${activation}, ${likelihood}`);
    }
  }
}
