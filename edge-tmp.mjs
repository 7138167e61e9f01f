import { build } from "vite"; import { gzipSync } from "node:zlib"; import { writeFileSync } from "node:fs";
const b = await build({ configFile: false, logLevel: "error", build: { write: false, target: "es2023", rolldownOptions: { input: process.cwd() + "/dist/edge.js", preserveEntrySignatures: "strict" } } });
const code = b.output[0].code; console.log(code.length, gzipSync(code, { level: 9 }).length); writeFileSync("/tmp/edge.js", code);
