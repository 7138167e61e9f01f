// What scripts/build-onnx.ts makes of onnx.proto, as far as it is used here; the names are the schema's.
declare module "*/build/onnx.js" {
  import type { PbfWriter } from "pbf";

  export interface Dimension {
    readonly dim_value?: number;
    readonly dim_param?: string;
  }
  export interface ValueInfoProto {
    readonly name: string;
    readonly type: {
      readonly tensor_type: {
        readonly elem_type: number;
        readonly shape: { readonly dim: readonly Dimension[] };
      };
    };
  }
  export interface TensorProto {
    readonly name: string;
    readonly dims: readonly number[];
    readonly data_type: number;
    readonly raw_data: Uint8Array;
  }
  export interface AttributeProto {
    readonly name: string;
    readonly type: number;
    readonly i: number;
  }
  export interface NodeProto {
    readonly name: string;
    readonly op_type: string;
    readonly input: readonly string[];
    readonly output: readonly string[];
    readonly attribute?: readonly AttributeProto[];
  }
  export interface GraphProto {
    readonly name: string;
    readonly node: readonly NodeProto[];
    readonly initializer: readonly TensorProto[];
    readonly input: readonly ValueInfoProto[];
    readonly output: readonly ValueInfoProto[];
  }
  export interface ModelProto {
    readonly ir_version: number;
    readonly opset_import: readonly { readonly version: number }[];
    readonly producer_name: string;
    readonly producer_version?: string;
    readonly doc_string: string;
    readonly metadata_props: readonly { readonly key: string; readonly value: string }[];
    readonly graph: GraphProto;
  }

  export const TensorProtoDataType: { readonly FLOAT: number };
  export const AttributeProtoAttributeType: { readonly INT: number };
  export const Version: { readonly IR_VERSION_2021_7_30: number };
  export function writeModelProto(model: ModelProto, pbf: PbfWriter): void;
}
