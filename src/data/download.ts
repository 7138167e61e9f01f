import { ByteSink } from "../codecs/byte-sink.ts";
import { gunzip, mostZipped } from "../codecs/gzip.ts";
import { escapeText } from "../codecs/quote.ts";
import { sha256, toHex } from "../codecs/sha256.ts";
import type { Checksums } from "./registry.ts";
import { DataUnavailableError } from "./unavailable.ts";

/** Called for each chunk of a file, with the bytes so far; the total is undefined if the server does not tell it. */
export type OnProgress = (file: string, receivedBytes: number, totalBytes: number | undefined) => void;

export interface DownloadOptions {
  /** Called with the progress of each download. */
  readonly onProgress?: OnProgress | undefined;
  /** Aborts the downloads; the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Timeout for the headers, in milliseconds. */
  readonly connectTimeout?: number | undefined;
  /** Timeout between two chunks, in milliseconds. */
  readonly stallTimeout?: number | undefined;
  /** Timeout for the whole file, in milliseconds. */
  readonly wholeTimeout?: number | undefined;
}

const CONNECT_TIMEOUT = 5_000;
const STALL_TIMEOUT = 15_000;
/** The largest file of a known dataset has 26 MB: 45 kB/s. */
const WHOLE_TIMEOUT = 600_000;
/** For files of unknown size: a server that sends more sends something else. */
const MOST_BYTES = 2 ** 30;
/** Content-Length is a hint; more than this is allocated only as bytes arrive. */
const MOST_BYTES_BEFOREHAND = 2 ** 26;

/**
 * Downloads a file from the first mirror that serves it intact.
 * @param urls the file's addresses, best first
 * @param checksums the file's checksums and size; without them any bytes are accepted
 * @throws {DataUnavailableError} when every mirror failed
 * @throws the signal's reason when it is aborted
 *
 * @internal
 */
export async function download(
  file: string,
  urls: readonly string[],
  checksums: Checksums | undefined,
  options: DownloadOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const failures: string[] = [];
  for (const url of urls) {
    try {
      const bytes = await fetchBytes(file, url, mostBytes(checksums), options);
      if (checksums !== undefined) await check(file, bytes, checksums);
      return bytes;
    } catch (error) {
      options.signal?.throwIfAborted();
      failures.push(`${url} (${reasonOf(error)})`);
    }
  }
  const fault = { setting: file, expected: "a working mirror", found: failures.join(", ") };
  throw new DataUnavailableError({ ...fault, remedy: "check the network and try again" });
}

async function fetchBytes(
  file: string,
  url: string,
  most: number,
  options: DownloadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { onProgress, connectTimeout = CONNECT_TIMEOUT, stallTimeout = STALL_TIMEOUT } = options;
  const deadline = new Deadline(options);
  try {
    deadline.set(connectTimeout, `no answer within ${connectTimeout / 1000} s`);
    const response = await fetch(url, { signal: deadline.signal });
    if (!response.ok || response.body === null) throw new Error(`the server answered ${response.status}`);
    const total = contentLength(response);
    if (total !== undefined && total > most)
      throw new Error(`expected at most ${most} bytes, found ${total}`);
    const sink = new ByteSink(Math.min(total ?? 0, MOST_BYTES_BEFOREHAND));
    const stalled = `no data for ${stallTimeout / 1000} s`;
    deadline.set(stallTimeout, stalled);
    const reader = response.body.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      deadline.set(stallTimeout, stalled);
      sink.append(next.value);
      if (sink.length > most) throw new Error(`expected at most ${most} bytes, found more`);
      onProgress?.(file, sink.length, total);
    }
    if (total !== undefined && sink.length !== total) {
      throw new Error(`expected ${total} bytes, found ${sink.length}`);
    }
    return sink.finish();
  } finally {
    deadline.end();
  }
}

/** The most bytes to receive: a server may send the contents compressed or not. */
function mostBytes(checksums: Checksums | undefined): number {
  return checksums?.bytes === undefined ? MOST_BYTES : mostZipped(checksums.bytes);
}

/** Undefined for a body that `fetch` decodes: then the header counts the bytes on the wire. */
function contentLength(response: Response): number | undefined {
  const length = response.headers.get("content-length");
  if (length === null || !/^\d+$/.test(length) || response.headers.has("content-encoding")) return undefined;
  return Number(length);
}

/** Servers may compress anew or send the contents uncompressed, so either checksum will do. */
async function check(file: string, bytes: Uint8Array<ArrayBuffer>, checksums: Checksums): Promise<void> {
  const found = toHex(await sha256(bytes));
  if (found === checksums.gzip || found === checksums.contents) return;
  if (checksums.contents !== undefined) {
    const most = checksums.bytes === undefined ? MOST_BYTES : checksums.bytes + 1;
    const contents = toHex(await sha256(await gunzip(file, bytes, most)));
    if (contents === checksums.contents) return;
  }
  throw new Error(`expected SHA-256 ${checksums.gzip ?? checksums.contents}, found ${found}`);
}

/** One abort signal for the caller's signal, the timeout of the whole and the latest other timeout. */
class Deadline {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#controller.abort(this.#outer?.reason);
  readonly #whole: ReturnType<typeof setTimeout>;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor({ signal: outer, wholeTimeout = WHOLE_TIMEOUT }: DownloadOptions) {
    this.#outer = outer;
    this.#whole = this.#after(wholeTimeout, `not complete within ${wholeTimeout / 1000} s`);
    if (outer?.aborted) this.#onAbort();
    outer?.addEventListener("abort", this.#onAbort);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  set(milliseconds: number, reason: string): void {
    clearTimeout(this.#timer);
    this.#timer = this.#after(milliseconds, reason);
  }

  #after(milliseconds: number, reason: string): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#controller.abort(new Error(reason)), milliseconds);
  }

  /** Also cancels a body that was not read to its end. */
  end(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#whole);
    this.#outer?.removeEventListener("abort", this.#onAbort);
    this.#controller.abort();
  }
}

/** `fetch` hides the reason in its error's cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const reason = cause instanceof Error && cause.message !== "" ? cause : error;
  return escapeText(reason instanceof Error ? reason.message : String(reason));
}
