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

test("the whole run is resumed, the update after its checkpoint cut off", () => {
  const before = readFileSync(join(run, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  const samples = readSamples(run);
  resumeRun(run, { steps: 9000 });
  closeRun(run);
  const after = readFileSync(join(run, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  expect(after).toEqual(before.slice(0, -1));
  expect(readSamples(run)).toEqual(samples);
});
