import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** An IDX file of bytes with the given sizes; the values count up. */
export function idx(sizes: readonly number[], magic = 0x0800 + sizes.length): Buffer {
  const values = sizes.reduce((product, size) => product * size, 1);
  const bytes = Buffer.alloc(4 + 4 * sizes.length + values);
  bytes.writeUInt32BE(magic, 0);
  sizes.forEach((size, i) => {
    bytes.writeUInt32BE(size, 4 + 4 * i);
  });
  for (let i = 0; i < values; i++) bytes[4 + 4 * sizes.length + i] = i % 251;
  return bytes;
}

/** The four files of a small dataset: 5 training and 3 test images of 4 × 3. */
export function smallFiles(): Record<string, Buffer> {
  return {
    "train-images-idx3-ubyte": idx([5, 4, 3]),
    "train-labels-idx1-ubyte": idx([5]),
    "t10k-images-idx3-ubyte": idx([3, 4, 3]),
    "t10k-labels-idx1-ubyte": idx([3]),
  };
}

/** A directory that is gone when the test is over, with these files in it. */
export async function directoryWith(files: Record<string, Uint8Array> = {}): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "elbow-data-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), bytes);
  }
  return directory;
}

/** A server on this machine that is closed when the test is over. Returns its address, with a slash at the end. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Serves files by their names, 404 for others. */
export function serveFiles(files: Record<string, Uint8Array>): Promise<string> {
  return serve((request, response) => {
    const bytes = files[(request.url ?? "").slice(1)];
    response.writeHead(bytes === undefined ? 404 : 200, { "content-length": bytes?.length ?? 0 });
    response.end(bytes);
  });
}

/** The error that a promise is rejected with. */
export async function errorOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error("expected a rejection, found none");
}

/** Real MNIST beside the checkout, where there is one. */
export const MNIST_DIRECTORY = join(dirname(fileURLToPath(import.meta.url)), "../../../shared/data/mnist");
export const hasMnist = existsSync(join(MNIST_DIRECTORY, "train-images-idx3-ubyte.gz"));
