/** The hash of a published model's folder: read once in a process, and again as soon as a file has changed. */

import { once } from "node:events";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { getEnvironmentData, setEnvironmentData, Worker } from "node:worker_threads";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readPublished } from "../../src/node/published.ts";
import { writeModelFolder } from "../support/model-folder.ts";
import { temporary } from "../support/pigrad.ts";

const at = temporary();
const shared = "pigrad: hashes of models";
const known = () =>
  getEnvironmentData(shared) as unknown as
    | Map<string, { stamp: string; sha256: string }>
    | undefined;
const hash = (): string => readPublished(at("model"), "model").sha256;

let later = 0;
beforeEach(() => {
  rmSync(at("model"), { recursive: true, force: true });
  writeModelFolder(at("model"), "gpt2");
  later = 10_000;
  const { now } = Date;
  vi.spyOn(Date, "now").mockImplementation(() => now() + later);
});
afterEach(() => {
  known()?.clear();
  vi.restoreAllMocks();
});

test("a folder that has not changed is not hashed again, and threads know its hash", async () => {
  const sha256 = hash();
  expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  const remembered = known()?.get(at("model"));
  expect(remembered?.sha256).toBe(sha256);
  known()?.set(at("model"), { stamp: remembered?.stamp ?? "", sha256: "of the leader" });
  expect(hash()).toBe("of the leader"); // without reading the files
  setEnvironmentData(shared, known() as never);
  const code = `const { Worker, getEnvironmentData, parentPort } = require("node:worker_threads");
    const inner = "const t = require('node:worker_threads'); t.parentPort.postMessage(t.getEnvironmentData('${shared}'))";
    new Worker(inner, { eval: true }).on("message", (all) => parentPort.postMessage(all));`;
  const [all] = await once(new Worker(code, { eval: true }), "message"); // a thread of a thread, as of a team
  expect(all).toEqual(known());
});

test.each([
  ["a byte more", (file: string) => appendFileSync(file, " ")],
  ["the same bytes again", (file: string) => writeFileSync(file, readFileSync(file))],
])("%s: hashed again", (_, change) => {
  const before = hash();
  const { stamp = "" } = known()?.get(at("model")) ?? {};
  known()?.set(at("model"), { stamp, sha256: "old" });
  change(at("model", "config.json"));
  const after = hash();
  expect(after).toMatch(/^[0-9a-f]{64}$/);
  expect(after === before).toBe(_ === "the same bytes again");
});

test("a folder written a moment ago is hashed each time, since the next write may leave no trace", () => {
  later = 0;
  hash();
  expect(known()?.get(at("model"))).toBe(undefined);
});
