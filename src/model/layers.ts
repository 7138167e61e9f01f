import type { VaeConfig } from "./config.ts";
import type { ParameterTable } from "./parameters.ts";
import type { Lists, Matrix } from "./regions.ts";

/** y = f(x·W + b), with the place of everything that it reads and writes. */
export interface Dense {
  readonly x: Matrix;
  readonly y: Matrix;
  readonly dy: Matrix;
  /** Byte offset of its weights in the buffer of parameters. */
  readonly w: number;
  readonly k: number;
  readonly hidden: boolean;
  /** Where x may be mostly zeros: room for lists of what is not. */
  readonly lists: Lists | undefined;
}

/** The layers of both halves, each in the order of the forward pass. */
export interface Chains {
  readonly encoder: readonly Dense[];
  readonly decoder: readonly Dense[];
}

/**
 * x → encoder.0 → … → heads (μ and log σ²), and z → decoder.0 → … → out; `matrix` and `lists` give the places of each
 * by its name.
 */
export function layerChains(
  { hidden }: VaeConfig,
  { layers }: ParameterTable,
  matrix: (name: string) => Matrix,
  lists: (name: string, columns: number) => Lists | undefined,
): Chains {
  // fc_logvar's weights follow fc_mu's as its panels follow μ's: the two are one layer here
  const places = layers.filter(({ name }) => name !== "fc_logvar");
  const chain = (side: "encoder" | "decoder", input: string, output: string): Dense[] => {
    const names = [...hidden.map((_, i) => `${side}.${i}`), output];
    const start = side === "encoder" ? 0 : names.length;
    return names.map((name, i) => {
      const from = i === 0 ? input : names[i - 1];
      const { offset, k } = places[start + i];
      return {
        x: matrix(from),
        y: matrix(name),
        // the output is overwritten by its own gradient
        dy: matrix(name === "out" ? name : `d ${name}`),
        w: offset,
        k,
        hidden: name !== output,
        lists: lists(from, k),
      };
    });
  };
  return { encoder: chain("encoder", "x", "heads"), decoder: chain("decoder", "z", "out") };
}
