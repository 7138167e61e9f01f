/** Reads ONNX files with another implementation of protocol buffers, protobufjs, on ONNX's official schema. */
import { readFileSync } from "node:fs";
import protobuf from "protobufjs";
import { expect } from "vitest";

const SCHEMA = readFileSync(new URL("onnx.proto", import.meta.url), "utf8");
const ModelProto = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType("onnx.ModelProto");

export interface ValueInfo {
  readonly name: string;
  readonly type: {
    readonly tensor_type: {
      readonly elem_type: number;
      readonly shape: { readonly dim: readonly { dim_value?: number; dim_param?: string }[] };
    };
  };
}

export interface Node {
  readonly name: string;
  readonly op_type: string;
  readonly domain?: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly {
    readonly name: string;
    readonly type: string;
    readonly i?: number;
    readonly ints?: readonly number[];
  }[];
}

export interface Model {
  readonly ir_version: number;
  readonly producer_name: string;
  readonly producer_version?: string;
  readonly opset_import: readonly { readonly domain?: string; readonly version: number }[];
  readonly metadata_props: readonly { readonly key: string; readonly value: string }[];
  readonly graph: {
    readonly name: string;
    readonly node: readonly Node[];
    readonly initializer: readonly {
      readonly name: string;
      readonly dims: readonly number[];
      readonly data_type: number;
      readonly raw_data: Uint8Array;
    }[];
    readonly input: readonly ValueInfo[];
    readonly output: readonly ValueInfo[];
  };
}

/** @param arrays whether fields that may repeat are there, empty, where the file has none of them */
export function readModel(bytes: Uint8Array, { arrays = true } = {}): Model {
  const message = ModelProto.decode(bytes);
  expect(ModelProto.verify(message)).toBeNull();
  // Nothing in the bytes that the schema does not know: written again they are as long.
  expect(ModelProto.encode(message).finish().length).toBe(bytes.length);
  return ModelProto.toObject(message, { longs: Number, enums: String, arrays }) as Model;
}
