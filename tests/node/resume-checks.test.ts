// @module-tag deep
/** A resume reads every file of the folder before it writes to one: where it fails, no byte has changed. */

import {
  appendFileSync,
  cpSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { closeRun, createRun, readSamples, resumeRun } from "../../src/node/run-folder.ts";
import { trainRun } from "../../src/node/train-run.ts";
import { pigradProcess } from "../support/pigrad.ts";
import { configOf, openConfig } from "../support/sessions.ts";

const folder = mkdtempSync(join(tmpdir(), "pigrad-checks-"));
afterAll(() => rmSync(folder, { recursive: true }));
const run = join(folder, "run");

beforeAll(async () => {
  const settings = { width: 8, layers: 1, heads: 1, prompts: 4, groupSize: 2 };
  const session = openConfig(configOf({ task: "arith", steps: 100, settings }));
  createRun(run, session.config);
  await trainRun(run, session, { checkpointEvery: 50 }, () => {});
  closeRun(run);
  // what a kill after the checkpoint leaves: an update that a resume cuts off
  const last = readFileSync(join(run, "metrics.jsonl"), "utf8").trimEnd().split("\n").at(-1) ?? "";
  const next = { ...JSON.parse(last), update: JSON.parse(last).update + 1 };
  appendFileSync(join(run, "metrics.jsonl"), `${JSON.stringify(next)}\n`);
});

const contents = (path: string): [string, string][] =>
  readdirSync(path)
    .sort()
    .map((name) => {
      const file = join(path, name);
      return [
        name,
        lstatSync(file).isSymbolicLink()
          ? `link to ${readlinkSync(file)}`
          : readFileSync(file).toString("base64"),
      ];
    });
const insert = (file: string, line: string): void => {
  const lines = readFileSync(file, "utf8").split("\n");
  writeFileSync(file, [lines[0], line, ...lines.slice(1)].join("\n"));
};
const link = (file: string, to: string): void => {
  rmSync(file, { force: true });
  symlinkSync(to, file);
};
const victim = join(folder, "victim");
writeFileSync(victim, "keep\n");

const damages: Record<string, (path: string) => void> = {
  "a sample that is none": (at) => insert(join(at, "samples.jsonl"), "{}"),
  "a metric that is none": (at) => insert(join(at, "metrics.jsonl"), "null"),
  "samples that are a link": (at) => link(join(at, "samples.jsonl"), victim),
  "samples that are a dangling link": (at) => link(join(at, "samples.jsonl"), join(at, "nowhere")),
  "metrics that are a link": (at) => link(join(at, "metrics.jsonl"), victim),
  "no metrics": (at) => rmSync(join(at, "metrics.jsonl")),
  "no checkpoint": (at) => rmSync(join(at, "checkpoint.safetensors")),
};
test.each(Object.entries(damages))("%s", (name, damage) => {
  const path = join(folder, name);
  cpSync(run, path, { recursive: true });
  damage(path);
  const before = contents(path);
  expect(() => resumeRun(path, { steps: 9000 })).toThrow(FormatError);
  expect(contents(path)).toEqual(before);
  expect(readFileSync(victim, "utf8")).toBe("keep\n");
});

test("killed at its first checkpoint, a run begins again", () => {
  const path = join(folder, "first");
  cpSync(run, path, { recursive: true });
  const temporary = join(path, `checkpoint.safetensors.pigrad-${"0".repeat(16)}.tmp`);
  renameSync(join(path, "checkpoint.safetensors"), temporary);
  expect(resumeRun(path).training.update).toBe(0);
  closeRun(path);
  expect(readdirSync(path).sort()).toEqual(["config.json", "metrics.jsonl", "samples.jsonl"]);
  expect(readFileSync(join(path, "metrics.jsonl"), "utf8")).toBe("");
});

test("a resumed training that fails keeps every file", async () => {
  const file = join(folder, "room.mjs");
  const room = (reward: string) => `export default { environment: () => ({
    observationSpace: { type: "box", low: 0, high: 9, shape: [1] },
    actionSpace: { type: "discrete", n: 2 },
    reset: () => [[0], {}],
    step: () => [[0], ${reward}, false, true],
  }) };`;
  writeFileSync(file, room("1"));
  const path = join(folder, "room");
  const settings = ["--set", "envs=1", "--set", "rollout=4", "--set", "minibatch=4"];
  const train = ["train", file, ...settings, "--steps", "8", "--eval-every", "4", "--quiet"];
  expect((await pigradProcess([...train, "--out", path])).stderr).toBe("");
  writeFileSync(file, room("NaN"));
  const kept = contents(path);
  const again = await pigradProcess(["train", "--resume", path, "--steps", "16", "--quiet"]);
  expect([again.status, again.stderr]).toEqual([2, expect.stringContaining("room.mjs")]);
  const names = kept.map(([name]) => name);
  expect(contents(path).map(([name]) => name)).toEqual(names);
  expect(contents(path).filter(([name]) => name !== "config.json")).toEqual(
    kept.filter(([name]) => name !== "config.json"),
  );
});

test("the whole run is resumed, the update after its checkpoint cut off", () => {
  const before = readFileSync(join(run, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  const samples = readSamples(run);
  resumeRun(run, { steps: 9000 });
  closeRun(run);
  const after = readFileSync(join(run, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  expect(after).toEqual(before.slice(0, -1));
  expect(readSamples(run)).toEqual(samples);
});
