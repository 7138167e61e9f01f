/** A code sample of a page. */
export interface Sample {
  /** The page and the sample's first line in it, as `README.md:84`. */
  readonly at: string;
  readonly code: string;
  /** Whether running it needs a network, a browser or another program: its fence says `no_run`. */
  readonly runs: boolean;
  /** What its lines `console.log(…); // this` say that they print. */
  readonly prints: readonly string[];
}

const FENCED = /^```(?:ts|js)(?<mark> no_run)?\n(?<code>.*?)^```$/gms;
const PRINTED = /^ *console\.log\(.*\); \/\/ (?<text>.+)$/gm;

/** The samples of TypeScript and JavaScript in a page of Markdown. */
export function samplesIn(page: string, markdown: string): Sample[] {
  return Array.from(markdown.matchAll(FENCED), ({ index, groups }) => {
    const { code, mark } = groups as { code: string; mark?: string };
    return {
      at: `${page}:${markdown.slice(0, index).split("\n").length + 1}`,
      code,
      runs: mark === undefined,
      prints: Array.from(code.matchAll(PRINTED), (match) => match.groups!.text),
    };
  });
}
