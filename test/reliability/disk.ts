/** A disk that the power failed for: what may be on it after a sequence of changes. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Change } from "./changes.ts";

/** A file's contents, shared by all its names. */
interface File {
  bytes: Buffer;
  synced: boolean;
}

export class Disk {
  readonly #files = new Map<string, File>();
  readonly #directories = new Set<string>();

  /** All disks that there may be: names lost back to the last sync of a directory, unsynced contents whole, half or missing. */
  static async after(before: string, changes: readonly Change[]): Promise<Disk[]> {
    const names = changes
      .map(({ kind }, i) => (kind === "sync" || kind === "write" ? -1 : i))
      .filter((i) => i >= 0);
    const isDirectory = (path: string): boolean =>
      path === "" || changes.some((c) => c.kind === "mkdir" && c.path === path);
    const synced = changes.findLastIndex((change) => change.kind === "sync" && isDirectory(change.path));
    const lost = [changes.length, ...names.filter((i) => i > synced)];
    const disks: Disk[] = [];
    for (const from of lost) {
      for (const keep of [0, 0.5, 1]) {
        const disk = new Disk();
        await disk.#load(before);
        for (const [i, change] of changes.entries())
          if (i < from || change.kind === "sync") disk.#apply(change, keep);
        disks.push(disk);
      }
    }
    return disks;
  }

  async #load(path: string): Promise<void> {
    for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
      const name = relative(path, join(entry.parentPath, entry.name));
      if (entry.isDirectory()) this.#directories.add(name);
      else this.#files.set(name, { bytes: await readFile(join(path, name)), synced: true });
    }
  }

  #apply(change: Change, keep: number): void {
    const { kind, path } = change;
    if (kind === "mkdir") this.#directories.add(path);
    if (kind === "create") this.#files.set(path, { bytes: Buffer.alloc(0), synced: false });
    if (kind === "write") this.#write(path, Buffer.from(change.data, "base64"), keep);
    if (kind === "sync") this.#sync(path);
    if (kind === "remove") {
      this.#files.delete(path);
      this.#directories.delete(path);
    }
    if (kind === "link") this.#files.set(change.to, this.#files.get(path)!);
    if (kind === "rename") this.#rename(path, change.to);
  }

  readonly #written = new Map<File, Buffer>();

  #write(path: string, bytes: Buffer, keep: number): void {
    const file = this.#files.get(path);
    if (file === undefined) return;
    this.#written.set(file, bytes);
    file.bytes = bytes.subarray(0, bytes.length * keep);
  }

  #sync(path: string): void {
    const file = this.#files.get(path);
    const written = file && this.#written.get(file);
    if (written) Object.assign(file, { bytes: written, synced: true });
  }

  #rename(path: string, to: string): void {
    if (this.#directories.delete(path)) this.#directories.add(to);
    for (const [name, file] of [...this.#files]) {
      if (name !== path && !name.startsWith(`${path}/`)) continue;
      this.#files.delete(name);
      this.#files.set(to + name.slice(path.length), file);
    }
  }

  /** The same for the same names and contents. */
  get key(): string {
    const files = [...this.#files].map(([name, { bytes }]) => [name, bytes.toString("base64")]);
    return JSON.stringify([[...this.#directories].sort(), files.sort()]);
  }

  async writeTo(path: string): Promise<void> {
    for (const name of this.#directories) await mkdir(join(path, name), { recursive: true });
    for (const [name, { bytes }] of this.#files) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), bytes);
    }
  }
}
