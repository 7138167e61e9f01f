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

function listsOf(planned: Session): string[] {
  return planSession(planned).plan.regions.flatMap(
    ({ name }) => /^(rows of .*), nonzeros$/.exec(name)?.[1] ?? [],
  );
}

describe("withNonzeros", () => {
  test("lists data and what a ReLU leaves where there is room", () => {
    expect(listsOf(withNonzeros(session(128, [400])))).toEqual(["rows of x", "rows of decoder.0"]);
  });

  test("no hidden layers where a tile gains nothing from it", () => {
    expect(listsOf(withNonzeros({ ...session(128, [400]), tile: "4x8" }))).toEqual(["rows of x"]);
  });

  test("leaves out the hidden layers', then the data's, where the memory would not do", () => {
    expect(listsOf(withNonzeros(session(16384, [2048, 2048, 2048])))).toEqual(["rows of x"]);
    expect(listsOf(withNonzeros(session(16384, [2048, 2048, 2048], 2_400_000)))).toEqual([]);
  });

  test("what does not fit even so is a MemoryLimitError", () => {
    expect(() => planSession(withNonzeros(session(65536, [8192, 8192])))).toThrow(MemoryLimitError);
  });
});
