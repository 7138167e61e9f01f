import { existsSync } from "node:fs";
import process from "node:process";
import { chromium, type Page } from "playwright-core";
import type { Results } from "./expected.ts";
import { type ServerOptions, serve } from "./server.ts";

const BINARY = process.env.CHROMIUM ?? "/usr/bin/chromium";

const LOADING_MS = 20_000;

/** Why there is no Chromium here; false where there is one. */
export const noChromium: string | false = existsSync(BINARY)
  ? false
  : `no ${BINARY}; CHROMIUM=PATH names another`;

/** What apps/page.js offers, by what it resolves to. */
export interface PageFunctions {
  checkEdge(): Results;
  checkMain(workers?: number): Results;
  digits(): string;
  /** The name and the message of what is thrown by a model, or by training it. */
  fail(workers?: number): { name: string; message: string };
}

/** Calls one of the page's functions, in a new page each time. */
export type CallPage = <Name extends keyof PageFunctions>(
  name: Name,
  ...args: Parameters<PageFunctions[Name]>
) => Promise<ReturnType<PageFunctions[Name]>>;

/** Opens a page of a folder's files; an error brings what the page said. */
export async function withPage<Result>(
  folder: string,
  use: (page: Page, url: string) => Promise<Result>,
  options: ServerOptions = { isolated: true },
): Promise<Result> {
  const server = await serve(folder, options);
  const browser = await chromium.launch({ executablePath: BINARY, args: ["--no-sandbox"] });
  const said: string[] = [];
  try {
    const page = await browser.newPage();
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(String(error)));
    return await use(page, server.url);
  } catch (error) {
    throw new Error(`${String(error)}\nThe page said: ${said.join("\n")}`);
  } finally {
    server.close();
    await browser.close();
  }
}

/** Calls the functions of a page in a folder. */
export function callsTo(folder: string, file: string, options: ServerOptions): CallPage {
  return (name, ...args) =>
    withPage(
      folder,
      async (page, url) => {
        await page.goto(`${url}${file}`);
        await page.waitForFunction("globalThis.elbow", undefined, { timeout: LOADING_MS });
        return (await page.evaluate(callByName, { name, args })) as ReturnType<PageFunctions[typeof name]>;
      },
      options,
    );
}

/** Runs in the page. */
function callByName({ name, args }: { name: keyof PageFunctions; args: unknown[] }): unknown {
  const { elbow } = globalThis as unknown as { elbow: Record<string, (...args: unknown[]) => unknown> };
  return elbow[name]!(...args);
}
