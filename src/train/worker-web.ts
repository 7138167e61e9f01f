// What a Web Worker runs in a browser.
import { expose } from "comlink";
import { ProgramHost } from "./program-host.ts";

expose(new ProgramHost());
