import { parseSync } from "vite";

/** The shape of code: how long functions are, and how many arguments calls pass. */

export const MOST_FUNCTION_LINES = 50;
export const MOST_ARGUMENTS = 6;

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

function* nodesOf(node: Node): Generator<Node> {
  yield node;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) yield* nodesOf(child);
  }
}

function parse(path: string, source: string): Node {
  const { program, errors } = parseSync(path, source);
  if (errors.length > 0) throw new Error(`${path}: expected TypeScript, found ${errors[0]?.message}`);
  return program as unknown as Node;
}

/** Lines that a function takes from its first to its last; a function within another counts for both. */
export function longFunctions(path: string, source: string): string[] {
  const lineOf = (index: number): number => source.slice(0, index).split("\n").length;
  return [...nodesOf(parse(path, source))]
    .filter(({ type }) => /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(type))
    .map(({ start, end }) => [lineOf(start), lineOf(end)] as const)
    .filter(([first, last]) => last - first + 1 > MOST_FUNCTION_LINES)
    .map(([first, last]) => `${path}:${first} is a function of ${last - first + 1} lines`);
}

/** Whether arguments are a list and not parameters: `Uint8Array.of(…)`, or the words of a command line. */
function isList({ callee, arguments: given }: Node, source: string): boolean {
  const called = isNode(callee) ? source.slice(callee.start, callee.end) : "";
  const [first] = given as readonly Node[];
  return (
    /\.of$|\.constantFrom(<.*>)?$/.test(called) ||
    (first?.type === "Literal" && typeof first.value === "string")
  );
}

/** Calls with more arguments than a reader can tell apart. */
export function crowdedCalls(path: string, source: string): string[] {
  return [...nodesOf(parse(path, source))]
    .filter(({ type }) => type === "CallExpression" || type === "NewExpression")
    .filter((call) => (call.arguments as readonly Node[]).length > MOST_ARGUMENTS && !isList(call, source))
    .map(({ start }) => `${path}:${source.slice(0, start).split("\n").length} passes too many arguments`);
}

/** The same for AssemblyScript, which no parser of TypeScript reads: its functions begin and end at the line's start. */
export function longKernels(path: string, source: string): string[] {
  const functions = source.matchAll(/^(?:export )?function (\w+)[\s\S]*?^\}/gm);
  return [...functions]
    .map(([text, name]) => [name, text.split("\n").length] as const)
    .filter(([, lines]) => lines > MOST_FUNCTION_LINES)
    .map(([name, lines]) => `${path}: ${name} has ${lines} lines`);
}
