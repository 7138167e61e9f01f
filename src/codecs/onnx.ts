/**
 * ONNX, the file format of models (https://onnx.ai): the few protocol-buffer messages that a graph of float32 layers needs.
 * Types have the schema's names. Each function writes one message: its fields by their numbers, in the schema's order.
 * The schema is test/codecs/onnx.proto; tests read with it what is written here.
 */
import { PbfWriter } from "pbf";
import { elementBytes } from "./dtypes.ts";

/** TensorProto.DataType */
const FLOAT = 1;
/** AttributeProto.AttributeType */
const INT = 2;
const INTS = 7;

export interface ModelProto {
  /** The version of the file format. */
  readonly ir_version: number;
  /** The version of the standard operators. */
  readonly opset: number;
  readonly producer_name: string;
  readonly producer_version?: string | undefined;
  readonly doc_string: string;
  readonly graph: GraphProto;
  readonly metadata_props: Readonly<Record<string, string>>;
}

export interface GraphProto {
  /** In the order of their use: every input of a node is an initializer, an input or an earlier node's output. */
  readonly node: readonly NodeProto[];
  readonly name: string;
  readonly initializer: readonly TensorProto[];
  readonly input: readonly ValueInfoProto[];
  readonly output: readonly ValueInfoProto[];
}

/** One use of an operator (https://onnx.ai/onnx/operators). */
export interface NodeProto {
  /** Names of tensors, as are the outputs. */
  readonly input: readonly string[];
  readonly output: readonly string[];
  /** Unique in the graph. */
  readonly name: string;
  readonly op_type: string;
  /** By name, each an integer or a list of integers: `{ group: 1, strides: [2, 2] }`. */
  readonly attribute?: Readonly<Record<string, Attribute>>;
}

type Attribute = number | readonly number[];

/** Weights, float32, row-major. */
export interface TensorProto {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A float32 tensor that goes into a graph or comes out of it. */
export interface ValueInfoProto {
  readonly name: string;
  /** A size is a number, or a name where it may vary: `["batch", 784]`. */
  readonly shape: readonly Dimension[];
}

type Dimension = number | string;

/** The bytes of an ONNX file. The same model gives the same bytes. */
export function serializeModelProto(model: ModelProto): Uint8Array<ArrayBuffer> {
  const pbf = new PbfWriter();
  writeModel(model, pbf);
  return new Uint8Array(pbf.finish());
}

function writeModel(model: ModelProto, pbf: PbfWriter): void {
  pbf.writeVarintField(1, model.ir_version);
  pbf.writeMessage(8, writeOperatorSet, model.opset);
  pbf.writeStringField(2, model.producer_name);
  if (model.producer_version !== undefined) pbf.writeStringField(3, model.producer_version);
  pbf.writeStringField(6, model.doc_string);
  pbf.writeMessage(7, writeGraph, model.graph);
  for (const entry of Object.entries(model.metadata_props)) pbf.writeMessage(14, writeEntry, entry);
}

/** Without a domain: the standard operators. */
function writeOperatorSet(version: number, pbf: PbfWriter): void {
  pbf.writeVarintField(2, version);
}

function writeEntry([key, value]: readonly [string, string], pbf: PbfWriter): void {
  pbf.writeStringField(1, key);
  pbf.writeStringField(2, value);
}

function writeGraph(graph: GraphProto, pbf: PbfWriter): void {
  for (const node of graph.node) pbf.writeMessage(1, writeNode, node);
  pbf.writeStringField(2, graph.name);
  for (const tensor of graph.initializer) pbf.writeMessage(5, writeTensor, tensor);
  for (const value of graph.input) pbf.writeMessage(11, writeValueInfo, value);
  for (const value of graph.output) pbf.writeMessage(12, writeValueInfo, value);
}

function writeNode(node: NodeProto, pbf: PbfWriter): void {
  for (const name of node.input) pbf.writeStringField(1, name);
  for (const name of node.output) pbf.writeStringField(2, name);
  pbf.writeStringField(3, node.name);
  pbf.writeStringField(4, node.op_type);
  for (const entry of Object.entries(node.attribute ?? {})) pbf.writeMessage(5, writeAttribute, entry);
}

function writeAttribute([name, value]: readonly [string, Attribute], pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  pbf.writeVarintField(20, typeof value === "number" ? INT : INTS);
  if (typeof value === "number") pbf.writeVarintField(3, value);
  else for (const item of value) pbf.writeVarintField(8, item);
}

function writeTensor({ name, shape, data }: TensorProto, pbf: PbfWriter): void {
  for (const size of shape) pbf.writeVarintField(1, size);
  pbf.writeVarintField(2, FLOAT);
  pbf.writeStringField(8, name);
  pbf.writeBytesField(9, elementBytes(data));
}

function writeValueInfo({ name, shape }: ValueInfoProto, pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  pbf.writeMessage(2, writeType, shape);
}

function writeType(shape: readonly Dimension[], pbf: PbfWriter): void {
  pbf.writeMessage(1, writeTensorType, shape);
}

function writeTensorType(shape: readonly Dimension[], pbf: PbfWriter): void {
  pbf.writeVarintField(1, FLOAT);
  pbf.writeMessage(2, writeShape, shape);
}

function writeShape(shape: readonly Dimension[], pbf: PbfWriter): void {
  for (const size of shape) pbf.writeMessage(1, writeDimension, size);
}

function writeDimension(size: Dimension, pbf: PbfWriter): void {
  if (typeof size === "number") pbf.writeVarintField(1, size);
  else pbf.writeStringField(2, size);
}
