/**
 * Reads a trace (compare/README.md has the format), and the rows of a trace without rows.
 *
 * Browsers load modules only from a server, and the page needs none. So these scripts are classic ones: each ends with
 * the names that the others use.
 */

/** A file or a browser that cannot be used; the message says what was expected and what was found. */
class Unusable extends Error {}

/** Traces may be long: more numbers than a call takes arguments. */
const largestOf = (numbers) => numbers.reduce((most, number) => Math.max(most, number), -Infinity);

const ARRAYS = { F64: Float64Array, F32: Float32Array, I32: Int32Array, U8: Uint8Array };

/** Eight bytes of header length, the header in JSON, the data. */
function readSafetensors(buffer, name) {
  try {
    const size = Number(new DataView(buffer).getBigUint64(0, true));
    const header = new TextDecoder().decode(new Uint8Array(buffer, 8, size));
    const { __metadata__: metadata = {}, ...entries } = JSON.parse(header);
    const tensors = new Map();
    for (const [key, { dtype, shape, data_offsets }] of Object.entries(entries)) {
      const [begin, end] = data_offsets;
      const bytes = buffer.slice(8 + size + begin, 8 + size + end);
      if (bytes.byteLength !== end - begin) throw new RangeError("the file is cut off");
      tensors.set(key, { shape, data: new ARRAYS[dtype](bytes) });
    }
    return { metadata, tensors };
  } catch (cause) {
    const found = "found something else or a part of it";
    throw new Unusable(`${name}: expected a trace in the safetensors format, ${found}`, { cause });
  }
}

function readTrace(buffer, name) {
  const { metadata, tensors } = readSafetensors(buffer, name);
  if (metadata.contents !== "trace") {
    const found = metadata.contents ? `a ${metadata.contents}` : "another file";
    throw new Unusable(`${name}: expected a trace (elbow trace), found ${found}`);
  }
  if (!["1", "2"].includes(metadata.formatVersion)) {
    throw new Unusable(`${name}: expected format version 1 or 2, found ${metadata.formatVersion}`);
  }
  const known = (key) => tensors.get(`trace.${key}`)?.data;
  const parameters = [...tensors].filter(([key]) => !key.startsWith("trace."));
  return {
    metadata,
    config: JSON.parse(metadata.config),
    adam: JSON.parse(metadata.adam),
    learningRate: Number(metadata.learningRate),
    parameters: parameters.map(([key, tensor]) => ({
      name: key,
      ...tensor,
      norms: known(`gradient_norm.${key}`),
    })),
    sizes: known("batch_sizes"),
    rows: known("rows"),
    noise: known("noise"),
    x: known("x"),
    losses: known("reconstruction").map((value, i) => value + known("kl")[i]),
    seconds: known("seconds"),
  };
}

/** The trace's rows of an IDX file of images, gzipped or not. Another dataset's would show in the first loss. */
async function readRows(file, { config, rows, metadata }) {
  if (!file) {
    const whose = metadata.dataset ?? "its data";
    throw new Unusable(`the trace has no rows in it; choose the training images of ${whose} as well`);
  }
  let buffer = await file.arrayBuffer();
  const [first, second] = new Uint8Array(buffer, 0, 2);
  if (first === 0x1f && second === 0x8b) {
    const unzipped = new Blob([buffer]).stream().pipeThrough(new DecompressionStream("gzip"));
    buffer = await new Response(unzipped).arrayBuffer();
  }
  const header = 4 + 4 * new Uint8Array(buffer)[3];
  const images = new Uint8Array(buffer, header);
  const { inputDim } = config;
  const last = largestOf(rows);
  if (images.length % inputDim !== 0 || images.length <= last * inputDim) {
    const expected = `images of ${inputDim} bytes, more than ${last} of them`;
    throw new Unusable(`${file.name}: expected ${expected}, found ${images.length} bytes`);
  }
  const x = new Uint8Array(rows.length * inputDim);
  for (const [i, row] of rows.entries()) {
    x.set(images.subarray(row * inputDim, (row + 1) * inputDim), i * inputDim);
  }
  return x;
}

Object.assign(globalThis, { Unusable, largestOf, readTrace, readRows });
