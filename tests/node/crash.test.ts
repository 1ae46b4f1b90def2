// @module-tag deep
/** A run whose process is killed goes on to the bytes of one that was left alone. A kill leaves the folder of that moment. */

import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { closeRun, createRun, readSamples, resumeRun } from "../../src/node/run-folder.ts";
import { trainRun } from "../../src/node/train-run.ts";
import { configOf, openConfig } from "../support/sessions.ts";

const folder = mkdtempSync(join(tmpdir(), "pigrad-crash-"));
afterAll(() => rmSync(folder, { recursive: true }));

const configs = {
  line: { task: "line", steps: 1600, settings: { envs: 2 } },
  arith: {
    task: "arith",
    steps: 96,
    settings: { width: 8, layers: 1, heads: 1, prompts: 4, groupSize: 2, sftUpdates: 2 },
  },
};
type Name = keyof typeof configs;

/** Files of a run by name, times left out. */
const bytesOf = (path: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(path)
      .sort()
      .map((name) => [
        name,
        name === "metrics.jsonl"
          ? readFileSync(join(path, name), "utf8").replaceAll(/,"seconds":[\d.]+/g, "")
          : readFileSync(join(path, name)).toString("base64"),
      ]),
  );

/** Trains in a folder until the end, with a copy of the folder for each update; returns the copies. */
async function trained(name: Name, path: string, goOn = false, copies = true): Promise<string[]> {
  const session = goOn ? resumeRun(path) : openConfig(configOf(configs[name]));
  if (!goOn) createRun(path, session.config);
  const moments: string[] = [];
  const copy = (): void => {
    const to = `${path}-${moments.length}`;
    cpSync(path, to, { recursive: true, filter: (from) => !from.endsWith("lock") });
    moments.push(to);
  };
  const { config } = session;
  const checkpointEvery = Math.ceil(config.steps / 4);
  await trainRun(path, session, { checkpointEvery }, () => {
    if (copies) copy();
  });
  if (copies) copy(); // a kill in the final evaluation, which comes now
  session.evaluate(5, 1, true);
  closeRun(path);
  return moments;
}

describe.each(Object.keys(configs) as Name[])("%s", (name) => {
  test("killed at any time, its last lines torn, and resumed: the same bytes", async () => {
    const path = join(folder, name);
    const moments = await trained(name, path);
    const whole = bytesOf(path);
    expect(moments.length).toBeGreaterThan(4);
    const chosen = [0, 1, Math.floor(moments.length / 2), moments.length - 2, moments.length - 1];
    for (const at of new Set(chosen)) {
      const killed = moments[at];
      // what comes after the last checkpoint may be torn; after the end nothing is written
      if (at < moments.length - 1) {
        for (const file of readdirSync(killed).filter((file) => file.endsWith(".jsonl")))
          appendFileSync(join(killed, file), '{"update":99,"envSt');
      }
      await trained(name, killed, true, false);
      expect(bytesOf(killed)).toEqual(whole);
    }
  });
});

test("samples of an update are written once, up to the last", () => {
  const samples = readSamples(join(folder, "arith"));
  const texts = samples.map((sample) => JSON.stringify(sample));
  const updates = samples.map(({ update }) => update);
  const perUpdate = new Map<number, number>();
  for (const update of updates) perUpdate.set(update, (perUpdate.get(update) ?? 0) + 1);
  expect(perUpdate.size).toBeGreaterThan(2);
  expect(Math.max(...perUpdate.values())).toBeLessThanOrEqual(4);
  expect([...updates].sort((a, b) => a - b)).toEqual(updates);
  expect(texts.length).toBe(updates.length);
});
