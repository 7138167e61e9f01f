import { describe, expect, test } from "vitest";
import { MemoryLimitError } from "../../src/errors.ts";
import { checkConfig, checkTraining } from "../../src/model/config.ts";
import { planSession, type Session, withNonzeros } from "../../src/train/session.ts";

/** Nonzeros only save time: whether a run fits the memory must not depend on them, nor on the tile. */

function session(batchSize: number, hidden: number[], count = 1000): Omit<Session, "listHidden"> {
  return {
    config: checkConfig({ inputDim: 784, hidden }),
    training: checkTraining({ batchSize }),
    train: { count, bytesPerValue: 1 },
    test: { count: 0, bytesPerValue: 1 },
    densities: new Array(49).fill(0.2),
    size: 2,
    tile: "6x16",
    spins: 0,
  };
}

/** The matrices whose nonzeros have room in the plan. */
function listedIn(planned: Session): string[] {
  const { plan, network } = planSession(planned);
  const layers = [...network.encoder, ...network.decoder];
  return layers.flatMap(({ layer: { input }, own: { nonzeros } }) => {
    if (!nonzeros) return [];
    const { rows, columns } = nonzeros;
    expect(plan.regions).toContainEqual(expect.objectContaining({ at: rows.at }));
    expect(plan.regions).toContainEqual(expect.objectContaining({ at: columns.at }));
    return [input.name];
  });
}

describe("withNonzeros", () => {
  test("plans the nonzeros of data and of what a ReLU leaves where there is room", () => {
    expect(listedIn(withNonzeros(session(128, [400])))).toEqual(["x", "decoder.0"]);
  });

  test("none of hidden layers where a tile gains nothing from them", () => {
    expect(listedIn(withNonzeros({ ...session(128, [400]), tile: "4x8" }))).toEqual(["x"]);
  });

  test("leaves out the hidden layers', then the data's, where the memory would not do", () => {
    expect(listedIn(withNonzeros(session(16384, [2048, 2048, 2048])))).toEqual(["x"]);
    expect(listedIn(withNonzeros(session(16384, [2048, 2048, 2048], 2_400_000)))).toEqual([]);
  });

  test("what does not fit even so is a MemoryLimitError", () => {
    const planned = withNonzeros(session(65536, [8192, 8192]));
    expect(planned).toMatchObject({ listHidden: false, densities: undefined });
    expect(() => planSession(planned)).toThrow(MemoryLimitError);
  });
});
