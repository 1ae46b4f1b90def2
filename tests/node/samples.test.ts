/** Samples of a run as a report takes them, and the time that a run took over its sessions. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { State } from "../../src/core/state.ts";
import { decodeState, encodeState } from "../../src/io/state-file.ts";
import {
  abandonRun,
  createRun,
  openRun,
  readMetrics,
  readSamples,
  someSamples,
} from "../../src/node/run-folder.ts";
import { pigrad, temporary } from "../support/pigrad.ts";

const at = temporary();

test("some samples are spread evenly over all, the first among them, never more than asked for", () => {
  mkdirSync(at("run"));
  const sample = { prompt: "a", completion: "b", reward: 1, tokens: [] };
  for (const count of [0, 1, 5, 10, 11, 40]) {
    const lines = Array.from(
      { length: count },
      (_, update) => `${JSON.stringify({ update, ...sample })}\n`,
    );
    writeFileSync(at("run", "samples.jsonl"), lines.join(""));
    const updates = someSamples(at("run"), 10).map(({ update }) => update);
    const step = Math.max(1, Math.ceil(count / 10));
    expect(updates).toEqual(Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step));
    expect(updates.length).toBeLessThanOrEqual(10);
    expect(readSamples(at("run")).map(({ update }) => update)).toEqual([...lines.keys()]);
  }
  expect(someSamples(at("none"), 3)).toEqual([]);
});

test("a last line that is whole counts without its line feed, a torn one does not", () => {
  mkdirSync(at("torn"));
  const line = (update: number): string => JSON.stringify({ update, envSteps: 2, seconds: 3 });
  for (const [end, updates] of [
    [line(2), [1, 2]],
    [line(2).slice(0, -1), [1]],
    ["", [1]],
  ] as const) {
    writeFileSync(at("torn", "metrics.jsonl"), `${line(1)}\n${end}`);
    expect(readMetrics(at("torn")).map(({ update }) => update)).toEqual(updates);
  }
  writeFileSync(at("torn", "metrics.jsonl"), `${line(1).slice(0, -1)}\n${line(2)}\n`);
  expect(() => readMetrics(at("torn"))).toThrow(/metrics.jsonl, line 1: expected JSON/);
});

test("a run that fails leaves no folder, unless there is something in it to go on from", async () => {
  const run = at("failing");
  await pigrad("train", "line", "--steps", "400", "--quiet", "--out", run);
  const { config } = openRun(run);
  abandonRun(run);
  expect(readdirSync(run).sort()).toEqual([
    "checkpoint.safetensors",
    "config.json",
    "metrics.jsonl",
  ]);
  for (const [name, extra] of [
    ["empty", []],
    ["other", ["mine.txt"]],
  ] as const) {
    createRun(at(name), config);
    for (const file of extra) writeFileSync(at(name, file), "");
    abandonRun(at(name));
    expect(existsSync(at(name)) ? readdirSync(at(name)) : []).toEqual([...extra]);
    expect(existsSync(at(name))).toBe(extra.length > 0);
  }
});

test("an error of a file names the file: cut off, of another run, or without a part", {
  tags: ["deep"],
}, async () => {
  const run = at("named");
  await pigrad("train", "line", "--steps", "400", "--quiet", "--out", run);
  const file = at("named", "checkpoint.safetensors");
  const { state, metadata } = decodeState(readFileSync(file));
  const facts = Object.fromEntries(metadata);
  const parts = state as Record<string, State>;
  const { weights: _, ...bare } = parts;
  const said: [Uint8Array | string, string][] = [
    ["damaged", "safetensors: expected 8 bytes of header length, got 7"],
    [encodeState(state, { ...facts, task: "bandit" }), 'expected a checkpoint of task "line"'],
    [encodeState(bare, facts), 'state: no "weights"'],
  ];
  for (const [bytes, what] of said) {
    writeFileSync(file, bytes);
    for (const args of [["eval"], ["report"], ["train", "--steps", "9000", "--resume"]])
      expect((await pigrad(...args, run)).stderr).toContain(`pigrad: ${file}: ${what}`);
  }
  writeFileSync(at("named", "best.safetensors"), "damaged");
  const best = await pigrad("eval", run, "--best");
  expect(best.stderr).toContain(`pigrad: ${at("named", "best.safetensors")}: safetensors: `);
});

test("a resumed run's seconds go on from those it had taken", { tags: ["deep"] }, async () => {
  const run = at("line");
  await pigrad("train", "line", "--steps", "900", "--quiet", "--out", run);
  const file = at("line", "metrics.jsonl");
  const text = readFileSync(file, "utf8").replace(/"seconds":[\d.]+/g, '"seconds":5000');
  writeFileSync(file, text);
  const before = readMetrics(run).length;
  await pigrad("train", "--resume", run, "--steps", "2700", "--quiet");
  const seconds = readMetrics(run)
    .slice(before)
    .map((metric) => metric.seconds);
  expect(seconds.length).toBeGreaterThan(0);
  for (const x of seconds) expect(x).toBeGreaterThan(5000);
});
