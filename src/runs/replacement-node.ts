/** The files of a new run beside those of the run that it replaces, until they take their place together. */
import { mkdir, rename, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { isDraft, syncDirectory } from "../files/file-node.ts";
import { isMark } from "../files/mark.ts";
import { isRunFile, namesIn, RUN_FILES, RunDirectory } from "./run-directory-node.ts";

/** `elbow-ID.new` while the new run has not saved yet; the rename to `elbow-ID.swap` is when it replaces the old one. */
const [START, NEW, SWAP] = ["elbow-", ".new", ".swap"] as const;

export class Replacement {
  /** Where the new run's files are written. */
  readonly path: string;
  readonly #run: string;
  readonly #id: string;

  private constructor(run: string, id: string) {
    this.#run = run;
    this.#id = id;
    this.path = join(run, START + id + NEW);
  }

  static async make(run: string, id: string): Promise<Replacement> {
    const replacement = new Replacement(run, id);
    await mkdir(replacement.path);
    return replacement;
  }

  /** The old run is the new one from here on, also if this process is killed: see `settleReplacements`. */
  async commit(): Promise<void> {
    const swap = join(this.#run, START + this.#id + SWAP);
    await syncDirectory(this.path);
    await rename(this.path, swap);
    await syncDirectory(this.#run);
    await settle(this.#run, swap);
  }

  discard(): Promise<void> {
    return discard(this.path, this.#id);
  }
}

/**
 * Completes what `commit` began, and deletes what a new run left that was killed before.
 *
 * @param left the id of the run that died; a replacement of any other id is recognised by its config.json
 * @returns whether a new run was deleted, which had saved nothing
 */
export async function settleReplacements(run: string, left: string | undefined): Promise<boolean> {
  let discarded = false;
  for (const name of (await namesIn(run)) ?? []) {
    const [, id, kind] = /^elbow-(.*)(\.new|\.swap)$/.exec(name) ?? [];
    if (!isMark(id)) continue;
    const path = join(run, name);
    const isOurs = id === left || (await idIn(path)) === id;
    if (kind === NEW && isOurs) {
      await discard(path, id!);
      discarded = true;
    }
    // config.json is moved last, so in the end it bears the id outside
    if (kind === SWAP && (isOurs || (await idIn(run)) === id)) await settle(run, path);
  }
  return discarded;
}

async function idIn(path: string): Promise<string | undefined> {
  return new RunDirectory(path).readConfig().then(
    ({ id }) => id,
    () => undefined,
  );
}

/** Moves the files to their places. The model goes first: while it is still here, the old run's files have not been deleted. */
async function settle(run: string, swap: string): Promise<void> {
  const names = ((await namesIn(swap)) ?? []).filter(isRunFile);
  if (names.includes(RUN_FILES.model)) {
    await remove(run, (name) => isRunFile(name) && !names.includes(name));
  }
  const rank = (name: string): number => (name === RUN_FILES.model ? 0 : name === RUN_FILES.config ? 2 : 1);
  for (const name of names.toSorted((a, b) => rank(a) - rank(b)))
    await rename(join(swap, name), join(run, name));
  await rmdir(swap).catch(() => {}); // somebody's file in it stays
  await syncDirectory(run);
}

async function discard(path: string, id: string): Promise<void> {
  await deleteRun(path, id);
  await rmdir(path).catch(() => {});
}

/** Deletes a run's files and drafts, and nothing else in its directory. */
export function deleteRun(path: string, id: string): Promise<void> {
  return remove(path, (name) => isRunFile(name) || isDraftOf(id, name));
}

/** Deletes the drafts of a run's files that bear its id. */
export function clearDrafts(path: string, id: string): Promise<void> {
  return remove(path, (name) => isDraftOf(id, name));
}

function isDraftOf(id: string, name: string): boolean {
  return Object.values(RUN_FILES).some((of) => isDraft(name, of, id));
}

async function remove(path: string, chosen: (name: string) => boolean): Promise<void> {
  for (const name of ((await namesIn(path)) ?? []).filter(chosen))
    await rm(join(path, name), { force: true });
}
