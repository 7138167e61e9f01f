import { expect, test } from "vitest";
import { type ModelProto, type NodeProto, serializeModelProto } from "../../src/codecs/onnx.ts";
import { readModel } from "./onnx-reader.ts";

const conv: NodeProto = {
  input: ["x", "weight"],
  output: ["y"],
  name: "first",
  op_type: "Conv",
  attribute: {
    group: 1,
    strides: [2, 3],
    pads: [0, 1, 0, 1],
    axis: -1,
    keepdims: 0,
    axes: [-2, -1],
    none: [],
  },
};

const model: ModelProto = {
  ir_version: 8,
  opset: 17,
  producer_name: "somebody",
  producer_version: "1.2.3",
  doc_string: "Größe × 2",
  graph: {
    node: [conv, { input: ["y"], output: ["z"], name: "second", op_type: "Relu" }],
    name: "a graph",
    initializer: [{ name: "weight", shape: [2, 1, 1, 3], data: Float32Array.of(1, -2, Number.NaN, 4, 5, 6) }],
    input: [{ name: "x", shape: ["batch", 1, 28, 300] }],
    output: [{ name: "z", shape: [] }],
  },
  metadata_props: { key: "value", empty: "" },
};

test("every field that is written is the schema's, by number and type", () => {
  const tensorType = (dim?: object[]) => ({ tensor_type: { elem_type: 1, shape: dim ? { dim } : {} } });
  expect(readModel(serializeModelProto(model), { arrays: false })).toEqual({
    ir_version: 8,
    opset_import: [{ version: 17 }],
    producer_name: "somebody",
    producer_version: "1.2.3",
    doc_string: "Größe × 2",
    graph: {
      node: [
        {
          input: ["x", "weight"],
          output: ["y"],
          name: "first",
          op_type: "Conv",
          attribute: [
            { name: "group", type: "INT", i: 1 },
            { name: "strides", type: "INTS", ints: [2, 3] },
            { name: "pads", type: "INTS", ints: [0, 1, 0, 1] },
            { name: "axis", type: "INT", i: -1 },
            { name: "keepdims", type: "INT", i: 0 },
            { name: "axes", type: "INTS", ints: [-2, -1] },
            { name: "none", type: "INTS" },
          ],
        },
        { input: ["y"], output: ["z"], name: "second", op_type: "Relu" },
      ],
      name: "a graph",
      initializer: [
        {
          name: "weight",
          dims: [2, 1, 1, 3],
          data_type: 1,
          raw_data: new Uint8Array(Float32Array.of(1, -2, Number.NaN, 4, 5, 6).buffer),
        },
      ],
      input: [
        {
          name: "x",
          type: tensorType([{ dim_param: "batch" }, { dim_value: 1 }, { dim_value: 28 }, { dim_value: 300 }]),
        },
      ],
      output: [{ name: "z", type: tensorType() }],
    },
    metadata_props: [
      { key: "key", value: "value" },
      { key: "empty", value: "" },
    ],
  });
});

test("a producer's version is left out where none is given", () => {
  const bytes = serializeModelProto({ ...model, producer_version: undefined });
  expect(readModel(bytes).producer_version).toBeUndefined();
});

test("a tensor that is a view of a larger array is written alone", () => {
  const data = Float32Array.of(7, 8, 9, 10).subarray(1, 3);
  const graph = { ...model.graph, initializer: [{ name: "view", shape: [2], data }] };
  const [tensor] = readModel(serializeModelProto({ ...model, graph })).graph.initializer;
  expect(tensor!.raw_data).toEqual(new Uint8Array(Float32Array.of(8, 9).buffer));
});
