// Builds build/onnx.js, which writes the messages of ONNX's schema, unless it is newer than all it is made from.

import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { compileRaw } from "pbf/compile";
import parse from "protocol-buffers-schema";

const SCHEMA = "src/formats/onnx.proto";
const TARGET = "build/onnx.js";

function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

if (modified(TARGET) <= Math.max(modified(SCHEMA), modified("package-lock.json"))) {
  // The parser does not know empty statements: the schema has a semicolon behind some closing braces.
  const schema = readFileSync(SCHEMA, "utf8").replace(/^(\s*)\};/gm, "$1}");
  mkdirSync("build", { recursive: true });
  writeFileSync(TARGET, compileRaw(parse(schema), { noRead: true }));
  console.log(`built ${TARGET}`);
}
