import { existsSync } from "node:fs";
import process from "node:process";
import { after, before } from "node:test";
import { type Browser, chromium } from "playwright-core";
import type { Results } from "./expected.ts";
import { type ServerOptions, type StaticServer, serve } from "./server.ts";

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

/** A browser and a server of a folder, for the tests of a suite. */
export function openPages(folder: string, file: string, options: ServerOptions): CallPage {
  let browser: Browser | undefined;
  let server: StaticServer | undefined;
  before(async () => {
    server = await serve(folder, options);
    browser = await chromium.launch({ executablePath: BINARY, args: ["--no-sandbox"] });
  });
  after(async () => {
    server?.close();
    await browser?.close();
  });
  return async (name, ...args) => {
    const page = await browser!.newPage();
    const said: string[] = [];
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(String(error)));
    try {
      await page.goto(`${server!.url}${file}`);
      await page.waitForFunction("globalThis.elbow", undefined, { timeout: LOADING_MS });
      return (await page.evaluate(callByName, { name, args })) as ReturnType<PageFunctions[typeof name]>;
    } catch (error) {
      throw new Error(`${String(error)}\nThe page said: ${said.join("\n")}`);
    } finally {
      await page.close();
    }
  };
}

/** Runs in the page. */
function callByName({ name, args }: { name: keyof PageFunctions; args: unknown[] }): unknown {
  const { elbow } = globalThis as unknown as { elbow: Record<string, (...args: unknown[]) => unknown> };
  return elbow[name]!(...args);
}
