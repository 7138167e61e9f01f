// What Node and browsers have beyond library.ts: too much weight for the edge.

export { type ImportOptions, importModel } from "./formats/import-model.ts";
export { type OnnxFiles, serializeOnnx } from "./formats/onnx.ts";
export { serializeTrace, type TraceFileOptions } from "./formats/trace-file.ts";
export type { Trace, TracedStep } from "./model/training-trace.ts";
export { type TraceOptions, trace } from "./train/trace.ts";
