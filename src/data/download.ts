import { ByteSink } from "../codecs/byte-sink.ts";
import { gunzip } from "../codecs/gzip.ts";
import { sha256, toHex } from "../codecs/sha256.ts";
import type { Checksums } from "./registry.ts";
import { DataUnavailableError } from "./unavailable.ts";

/** Called for each chunk of a file that arrives, with bytes so far; the total is undefined where the server does not say it. */
export type OnProgress = (file: string, receivedBytes: number, totalBytes: number | undefined) => void;

export interface DownloadOptions {
  /** Hears how far each download has come. */
  readonly onProgress?: OnProgress | undefined;
  /** Ends the downloads; what was asked for then fails with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the headers must be there. */
  readonly connectTimeout?: number | undefined;
  /** Milliseconds that may pass between two chunks. */
  readonly stallTimeout?: number | undefined;
}

const CONNECT_TIMEOUT = 5_000;
const STALL_TIMEOUT = 15_000;
/** Far above any file of a known dataset: a server that sends more is not sending one of them. */
const MOST_BYTES = 2 ** 30;
/** A Content-Length is a hint; beyond this much, room is made only as bytes arrive. */
const MOST_BYTES_BEFOREHAND = 2 ** 26;

/**
 * One file from the first mirror that gives it whole and right. What a mirror gave before it failed is dropped.
 * @param urls the file's addresses, best first
 * @param checksums what the file must be; without them anything goes
 * @throws DataUnavailableError where no mirror did, with the reason of each on one line
 * @throws the signal's reason where it is aborted
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
      const bytes = await fetchBytes(file, url, options);
      if (checksums !== undefined) await check(file, bytes, checksums);
      return bytes;
    } catch (error) {
      options.signal?.throwIfAborted();
      failures.push(`${url}: ${reasonOf(error)}`);
    }
  }
  throw new DataUnavailableError(`${file} could not be downloaded. ${failures.join("; ")}.`);
}

async function fetchBytes(
  file: string,
  url: string,
  options: DownloadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { onProgress, signal, connectTimeout = CONNECT_TIMEOUT, stallTimeout = STALL_TIMEOUT } = options;
  const deadline = new Deadline(signal);
  try {
    deadline.set(connectTimeout, `no answer within ${connectTimeout / 1000} s`);
    const response = await fetch(url, { signal: deadline.signal });
    if (!response.ok || response.body === null) throw new Error(`the server answered ${response.status}`);
    const total = contentLength(response);
    const sink = new ByteSink(Math.min(total ?? 0, MOST_BYTES_BEFOREHAND));
    const stalled = `no data for ${stallTimeout / 1000} s`;
    deadline.set(stallTimeout, stalled);
    const reader = response.body.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      deadline.set(stallTimeout, stalled);
      sink.append(next.value);
      if (sink.length > MOST_BYTES) throw new Error("the server sends more than 1 GiB");
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

/** Undefined where the body arrives decoded: then the header counts the bytes on the wire, not those we see. */
function contentLength(response: Response): number | undefined {
  const length = response.headers.get("content-length");
  if (length === null || !/^\d+$/.test(length) || response.headers.has("content-encoding")) return undefined;
  return Number(length);
}

/** Servers may compress anew or send the contents unpacked, so either checksum will do. */
async function check(file: string, bytes: Uint8Array<ArrayBuffer>, checksums: Checksums): Promise<void> {
  const found = toHex(await sha256(bytes));
  if (found === checksums.gzip || found === checksums.contents) return;
  if (checksums.contents !== undefined) {
    const contents = toHex(await sha256(await gunzip(file, bytes)));
    if (contents === checksums.contents) return;
  }
  throw new Error(`expected SHA-256 ${checksums.gzip ?? checksums.contents}, found ${found}`);
}

/** One abort signal for the caller's wish and for the time-out that is set last. */
class Deadline {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#controller.abort(this.#outer?.reason);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(outer: AbortSignal | undefined) {
    this.#outer = outer;
    if (outer?.aborted) this.#onAbort();
    outer?.addEventListener("abort", this.#onAbort);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  set(milliseconds: number, reason: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(new Error(reason)), milliseconds);
  }

  /** Also drops a body that was not read to its end. */
  end(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#onAbort);
    this.#controller.abort();
  }
}

/** `fetch` hides what went wrong in the cause of its error. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const text = cause instanceof Error && cause.message !== "" ? cause.message : error.message;
  return text.replaceAll(/\s+/g, " ").replace(/\.$/, "");
}
