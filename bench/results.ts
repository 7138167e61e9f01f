import type { Arithmetic } from "../src/wasm/builds.ts";
import type { TileName } from "../src/wasm/tiles.ts";
import type { BreakEven } from "./break-even.ts";
import type { KernelResult } from "./kernels.ts";
import type { Machine } from "./machine.ts";
import type { Peak } from "./peak.ts";
import type { ScalingResult } from "./scaling.ts";
import type { StepResult } from "./step.ts";
import type { SweepPoint } from "./sweep.ts";
import type { TileResult } from "./tiles.ts";

/** What `npm run bench` writes and report.ts reads; sections that were not asked for are absent. */
export interface BenchResults {
  readonly machine: Machine;
  readonly arithmetic: Arithmetic;
  readonly tile: TileName;
  readonly revectorized: boolean;
  readonly quick: boolean;
  readonly peak: Peak;
  readonly tiles?: readonly TileResult[];
  readonly kernels?: readonly KernelResult[];
  readonly breakEven?: BreakEven;
  readonly step?: readonly StepResult[];
  readonly scaling?: readonly ScalingResult[];
  readonly sweep?: readonly SweepPoint[];
}
