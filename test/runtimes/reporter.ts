// What `node --test` has found, as a table: a line for each suite, which is a runtime mostly.

import { basename } from "node:path";
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

interface Counts {
  passed: number;
  failed: number;
  /** What was left out, and why. */
  skipped: string[];
}

const WIDTH = 80;

function none(): Counts {
  return { passed: 0, failed: 0, skipped: [] };
}

/** Text in lines of at most `width` characters, the second and later ones set in. */
function wrap(text: string, width: number, indent: number): string {
  const lines: string[] = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1)!;
    if (last.length + 1 + word.length <= width || last === "")
      lines[lines.length - 1] = `${last} ${word}`.trim();
    else lines.push(word);
  }
  return lines.join(`\n${" ".repeat(indent)}`);
}

function describe({ passed, failed, skipped }: Counts): string {
  const parts = [
    ...(failed > 0 ? [`${failed} FAILED`] : []),
    ...(passed > 0 ? [`${passed} passed`] : []),
    ...skipped.map((why) => `skipped: ${why}`),
  ];
  return parts.join(", ");
}

export function formatTable(rows: ReadonlyMap<string, Counts>): string {
  const names = Math.max(...[...rows.keys()].map((name) => name.length));
  const lines = [...rows].map(([name, counts]) => {
    return `${name.padEnd(names)}  ${wrap(describe(counts), WIDTH - names - 2, names + 2)}`;
  });
  const all = [...rows.values()];
  const sum = (count: (one: Counts) => number): number => all.reduce((total, one) => total + count(one), 0);
  const total = [
    `${sum(({ passed }) => passed)} passed`,
    `${sum(({ failed }) => failed)} failed`,
    `${sum(({ skipped }) => skipped.length)} skipped`,
  ];
  return [...lines, "-".repeat(WIDTH), total.join(", ")].join("\n");
}

/** The reason given, or nothing where the test ran. */
function skipReason(skip: string | boolean | undefined): string | undefined {
  return skip === undefined || skip === false ? undefined : skip === true ? "no reason given" : skip;
}

/** Whether a failure only follows from another one, of a test in the suite or of what all its tests need. */
function isEcho(error: Error & { failureType?: string }): boolean {
  return ["subtestsFailed", "cancelledByParent"].includes(error.failureType ?? "");
}

/** Node's reporters are generators: events in, text out. */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string, void> {
  const rows = new Map<string, Counts>();
  let tests = none();
  for await (const { type, data } of events) {
    if (type === "test:stderr" || type === "test:stdout") yield data.message;
    if (type !== "test:pass" && type !== "test:fail") continue;
    const reason = skipReason(data.skip);
    const isSuite = data.details.type === "suite";
    if (!isSuite) {
      if (reason !== undefined) tests.skipped.push(`${data.name} (${reason})`);
      else if (type === "test:pass") tests.passed++;
      else tests.failed++;
    }
    if (type === "test:fail" && !isEcho(data.details.error)) {
      const { cause } = data.details.error;
      yield `\nfailed: ${data.name} (${basename(data.file ?? "")})\n${inspect(cause)}\n`;
      if (isSuite) tests.failed = Math.max(tests.failed, 1);
    }
    if (data.nesting > 0) continue;
    if (isSuite && reason !== undefined) tests.skipped.push(reason);
    rows.set(isSuite ? data.name : basename(data.name), tests);
    yield `${data.name}: ${describe(tests)}\n`;
    tests = none();
  }
  yield `\n${formatTable(rows)}\n`;
}
