import type { ScalingResult } from "../scaling.ts";
import { speedup } from "../scaling.ts";
import { digits3 } from "../table.ts";
import { dot, FAINT, line, OURS, picture, THEIRS, text } from "./svg.ts";

const SIZE = 360;
const LEFT = 60;
const BOTTOM = SIZE - 50;
const TOP = 60;
const RIGHT = SIZE + 60;
const LINE_HEIGHT = 18;

/** How many times as fast as one worker, against the number of workers; the dashed line is as many times. */
export function scalingPlot(results: readonly ScalingResult[]): string {
  const most = Math.max(...results.map(({ workers }) => workers));
  const x = (workers: number): number => LEFT + (workers / most) * (RIGHT - 100 - LEFT);
  const y = (times: number): number => BOTTOM - (times / most) * (BOTTOM - TOP);
  const counts = Array.from({ length: most }, (_, i) => i + 1);
  const axes = counts.flatMap((count) => [
    line([LEFT, y(count)], [x(most), y(count)], FAINT),
    text(LEFT - 10, y(count) + 5, `${count}×`, { anchor: "end" }),
    text(x(count), BOTTOM + 20, String(count), { anchor: "middle" }),
  ]);
  const last = (name: string): ScalingResult => results.findLast(({ data }) => data === name)!;
  // labels go from the highest curve down, and keep a line's height apart
  const names = [...new Set(results.map(({ data }) => data))].sort(
    (a, b) => speedup(results, last(b)) - speedup(results, last(a)),
  );
  let label = TOP - LINE_HEIGHT;
  const curves = names.flatMap((name) => {
    const fill = name === results[0]!.data ? OURS : THEIRS;
    const points = results
      .filter(({ data }) => data === name)
      .map((result) => ({
        x: x(result.workers),
        y: y(speedup(results, result)),
        times: speedup(results, result),
      }));
    const end = points.at(-1)!;
    label = Math.max(label + LINE_HEIGHT, end.y + 5);
    return [
      ...points.slice(1).map((point, j) => line([points[j]!.x, points[j]!.y], [point.x, point.y], fill, 2)),
      ...points.map((point) => dot(point.x, point.y, fill)),
      text(end.x + 10, label, `${name} ${digits3(end.times)}×`, { fill }),
    ];
  });
  return picture(RIGHT + 20, SIZE, "Speed against one worker", [
    ...axes,
    line([LEFT, BOTTOM], [x(most), BOTTOM], FAINT),
    line([x(1), y(1)], [x(most), y(most)], FAINT, 2, "5 4"),
    ...curves,
    text((LEFT + x(most)) / 2, BOTTOM + 40, "workers", { anchor: "middle" }),
  ]);
}
