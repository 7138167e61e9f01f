// Deletes what no user's compiler will read: declarations in dist/ that no entry's declarations lead to.

import { globSync, readFileSync, rmSync } from "node:fs";
import { posix } from "node:path";

const wanted = new Set(["dist/edge.d.ts", "dist/index.d.ts", "dist/node.d.ts"]);
for (const path of wanted) {
  for (const [, specifier] of readFileSync(path, "utf8").matchAll(/\b(?:from|import\()\s*"(\.[^"]+)"/g)) {
    wanted.add(posix.join(posix.dirname(path), specifier.replace(/\.[jt]s$/, ".d.ts")));
  }
}
for (const path of globSync("dist/**/*.d.ts")) {
  if (!wanted.has(path.replaceAll("\\", "/"))) rmSync(path);
}
