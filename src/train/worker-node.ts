// What a worker thread runs in Node.
import { parentPort } from "node:worker_threads";
import { expose } from "comlink";
import nodeEndpoint from "comlink/dist/esm/node-adapter.mjs";
import { ProgramHost } from "./program-host.ts";

expose(new ProgramHost(), nodeEndpoint(parentPort!));
