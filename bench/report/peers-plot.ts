import { median } from "../measure.ts";
import type { PeerResults } from "../peer-results.ts";
import { digits3 } from "../table.ts";
import { dot, FAINT, line, OURS, picture, THEIRS, text } from "./svg.ts";

const WIDTH = 760;
const LEFT = 290;
const RIGHT = WIDTH - 70;
const TOP = 62;
const STEP = 26;

/** Seconds of an epoch of MNIST, a dot a program, on a logarithmic axis. */
export function peersPlot({ results }: PeerResults): string {
  const rows = results
    .filter(({ data }) => data === "mnist")
    .map(({ name, threads, role, seconds }) => ({ name, threads, role, seconds: median(seconds) }))
    .sort((a, b) => a.seconds - b.seconds);
  const least = Math.floor(Math.log10(Math.min(...rows.map(({ seconds }) => seconds))));
  const most = Math.ceil(Math.log10(Math.max(...rows.map(({ seconds }) => seconds))));
  const x = (seconds: number): number =>
    LEFT + ((Math.log10(seconds) - least) / (most - least)) * (RIGHT - LEFT);
  const bottom = TOP + rows.length * STEP;
  const powers = Array.from({ length: most - least + 1 }, (_, i) => 10 ** (least + i));
  const grid = powers.flatMap((power) => [
    line([x(power), TOP - 12], [x(power), bottom - 8], FAINT),
    text(x(power), bottom + 10, `${power} s`, { anchor: "middle", fill: THEIRS }),
  ]);
  const dots = rows.flatMap(({ name, threads, role, seconds }, i) => {
    const ours = role.startsWith("elbow");
    const fill = ours ? OURS : THEIRS;
    const y = TOP + i * STEP;
    return [
      text(LEFT - 16, y + 5, `${name}, ${threads} thread${threads === 1 ? "" : "s"}`, {
        anchor: "end",
        fill,
        bold: ours,
      }),
      line([LEFT, y], [x(seconds), y], fill, 2),
      dot(x(seconds), y, fill),
      text(x(seconds) + 10, y + 5, `${digits3(seconds)} s`, { fill }),
    ];
  });
  return picture(
    WIDTH,
    bottom + 26,
    "Seconds for an epoch of MNIST, 784-400-2 (logarithmic; less is better)",
    [...grid, ...dots],
  );
}
