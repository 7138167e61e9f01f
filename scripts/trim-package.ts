// Makes the package lighter without changing what it does: declarations that no entry's declarations lead to are deleted,
// since no user's compiler will read them, and JavaScript loses its white space, the names of local variables and what says the
// same in more letters. Names of functions and classes stay, for stack traces.

import { globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { posix } from "node:path";
import { minifySync } from "vite";

const wanted = new Set(["dist/edge.d.ts", "dist/index.d.ts", "dist/node.d.ts"]);
for (const path of wanted) {
  for (const [, specifier] of readFileSync(path, "utf8").matchAll(/\b(?:from|import\()\s*"(\.[^"]+)"/g)) {
    wanted.add(posix.join(posix.dirname(path), specifier.replace(/\.[jt]s$/, ".d.ts")));
  }
}
for (const path of globSync("dist/**/*.d.ts")) {
  if (!wanted.has(path.replaceAll("\\", "/"))) rmSync(path);
}

for (const path of globSync("dist/**/*.js")) {
  const compress = { target: "es2023", keepNames: { function: true, class: true } } as const;
  const mangle = { keepNames: true, toplevel: false };
  const { code, errors } = minifySync(path, readFileSync(path, "utf8"), { compress, mangle });
  if (errors.length > 0) throw errors[0];
  writeFileSync(path, code);
}
