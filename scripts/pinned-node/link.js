// Puts the pinned Node at node_modules/.bin/node. npm 11 has done so; npm 10 removes it again with the packages of the
// other platforms, which have a command of the same name. Runs on the Node that runs npm, before anything else.

import { existsSync, linkSync, readFileSync } from "node:fs";

const { optionalDependencies } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
const modules = new URL("../../node_modules/", import.meta.url);

for (const name of Object.keys(optionalDependencies)) {
  for (const file of ["node", "node.exe"]) {
    const binary = new URL(`${name}/bin/${file}`, modules);
    const command = new URL(`.bin/${file}`, modules);
    if (existsSync(binary) && !existsSync(command)) linkSync(binary, command);
  }
}
