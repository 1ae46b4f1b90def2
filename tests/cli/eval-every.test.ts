// @module-tag deep
/** pigrad train --eval-every: evaluations that change nothing, the best policy, patience, and resuming. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { selectionSeed } from "../../src/node/best.ts";
import { openEnvironmentRun, openRun, readMetrics } from "../../src/node/run-folder.ts";
import { jsonLines, pigrad, temporary } from "../support/pigrad.ts";

const at = temporary();
const bytesOf = (run: string, name: string) => readFileSync(at(run, name)).toString("base64");
const figuresOf = (run: string) => readMetrics(at(run)).map(({ seconds: _, ...rest }) => rest);
const kinds = {
  environment: [
    ["cartpole", "--steps", "2560", "--set", "envs=4", "--set", "rollout=16"],
    ["--set", "normalizeObservation=true"],
  ].flat(),
  text: ["arith", "--steps", "2000", "--set", "width=8", "--set", "layers=1", "--set", "heads=1"],
};
const every = ["--eval-every", "300", "--eval-episodes", "6", "--quiet"];
const cutAt = { environment: "1400", text: "900" };
const sftFirst = ["--set", "sftUpdates=4"];

describe.each(["environment", "text"] as const)("a run of a %s", (kind) => {
  const args = [...kinds[kind], ...(kind === "text" ? sftFirst : [])];
  const [plain, whole, cut] = ["plain", "whole", "cut"].map((name) => `${kind}-${name}`);
  beforeAll(async () => {
    for (const [run, more] of [
      [plain, ["--quiet"]],
      [whole, every],
      [cut, [...every, "--until-steps", cutAt[kind]]],
    ] as const) {
      const done = await pigrad("train", ...args, "--out", at(run), ...more);
      expect([done.status, done.stderr]).toEqual([0, ""]);
    }
  });

  test("evaluating changes no bit of the training", () => {
    expect(bytesOf(whole, "checkpoint.safetensors")).toBe(bytesOf(plain, "checkpoint.safetensors"));
    const trained = figuresOf(whole).map(({ evalReturn: _, ...rest }) => rest);
    expect(trained).toEqual(figuresOf(plain));
  });

  test("evalReturn stands in the line of each update that passes a multiple of the steps", () => {
    let [count, taught] = [0, 0];
    for (const { envSteps, trainedTokens, evalReturn } of figuresOf(whole)) {
      taught = Number(trainedTokens ?? taught);
      const due = Math.floor((Number(envSteps) + taught) / 300);
      expect(evalReturn !== undefined).toBe(due > count);
      count = due;
    }
    expect(count).toBeGreaterThan(3);
  });

  test("the best policy is that of the first largest evalReturn", () => {
    const evaluations = figuresOf(whole).filter(({ evalReturn }) => evalReturn !== undefined);
    const most = Math.max(...evaluations.map(({ evalReturn }) => Number(evalReturn)));
    const session = openRun(at(whole), { best: true });
    expect(session.evaluate(6, selectionSeed, true).meanReturn).toBe(most);
  });

  test("cut and resumed it is the whole run, its best policy too", async () => {
    // as a kill leaves it between a checkpoint and its best policy
    const best = figuresOf(cut).filter(({ evalReturn }) => evalReturn !== undefined);
    expect(best.length).toBeGreaterThan(0);
    const done = await pigrad("train", "--resume", at(cut), "--quiet");
    expect(done.stderr).toBe("");
    for (const name of ["checkpoint.safetensors", "best.safetensors"])
      expect(bytesOf(cut, name), name).toBe(bytesOf(whole, name));
    expect(figuresOf(cut)).toEqual(figuresOf(whole));
    expect(readdirSync(at(cut)).sort()).toEqual(readdirSync(at(whole)).sort());
  });
});

test("a resumed run evaluates as it did; an option replaces its own, and 0 ends it", async () => {
  const plan = () => JSON.parse(readFileSync(at("plan", "evaluation.json"), "utf8"));
  const few = ["--eval-every", "300", "--eval-episodes", "6", "--patience", "9"];
  const resume = (steps: string, ...more: string[]) =>
    pigrad("train", "--resume", at("plan"), "--until-steps", steps, "--quiet", ...more);
  const count = () => figuresOf("plan").filter(({ evalReturn }) => evalReturn !== undefined).length;
  await pigrad("train", ...kinds.environment, ...few, "--until-steps", "600", "--out", at("plan"));
  expect([plan(), count()]).toEqual([{ every: 300, episodes: 6, patience: 9 }, 2]);
  await resume("900", "--patience", "8");
  expect([plan(), count()]).toEqual([{ every: 300, episodes: 6, patience: 8 }, 3]);
  await resume("1200", "--patience", "0", "--eval-every", "150", "--eval-episodes", "5");
  expect([plan(), count()]).toEqual([{ every: 150, episodes: 5 }, 5]);
  await resume("1500", "--eval-every", "0");
  expect([readdirSync(at("plan")).includes("evaluation.json"), count()]).toEqual([false, 5]);
  expect((await resume("1600", "--patience", "3")).stderr).toMatch(
    /--patience goes with --eval-every N/,
  );
  await resume("99999");
  const files = () => readdirSync(at("plan")).map((name) => bytesOf("plan", name));
  const finished = files();
  await resume("99999", "--eval-every", "10");
  expect(files()).toEqual(finished);
});

test.each([
  "{",
  "7",
  "null",
  "[]",
  '{"every":0,"episodes":1}',
  '{"every":1,"episodes":1,"patience":0.5}',
])(
  "a plan of evaluations that is none, %s: one line, and the folder stays as it is",
  async (text) => {
    const run = at(`spoiled-${text.length}`);
    await pigrad("train", "line", "--steps", "400", "--until-steps", "1", "--out", run, "--quiet");
    writeFileSync(join(run, "evaluation.json"), text);
    const files = () =>
      readdirSync(run).map((name) => [name, readFileSync(join(run, name), "latin1")]);
    const before = files();
    const { status, stderr } = await pigrad("train", "--resume", run);
    expect(stderr).toMatch(
      /evaluation.json: expected every, episodes and patience as whole numbers/,
    );
    expect([status, stderr.trimEnd().split("\n").length]).toEqual([2, 1]);
    expect(files()).toEqual(before);
  },
);

test("a run that fails in its first update leaves no folder", async () => {
  const args = ["train", "bandit", "--set", "means=1e308,-1e308", "--eval-every", "10"];
  expect((await pigrad(...args, "--out", at("failed"))).stderr).toMatch(
    /failed: update 1: .*not finite/,
  );
  expect(readdirSync(at("."))).not.toContain("failed");
});

test("a best policy that a kill has left unwritten is written on resuming", async () => {
  const args = ["--out", at("torn"), ...every, "--checkpoint-every", "1000000"];
  await pigrad("train", ...kinds.environment, ...args, "--until-steps", "320");
  const [first] = figuresOf("torn").filter(({ evalReturn }) => evalReturn !== undefined);
  expect(first.update).toBe(figuresOf("torn").at(-1)?.update); // the checkpoint is of that update
  const before = bytesOf("torn", "best.safetensors");
  rmSync(at("torn", "best.safetensors"));
  await pigrad("train", "--resume", at("torn"), "--until-steps", "1", ...every);
  expect(bytesOf("torn", "best.safetensors")).toBe(before);
});

test("--patience stops after that many evaluations without improvement, and a resumed run counts on", async () => {
  const still = ["--set", "learningRate=0", "--eval-every", "64", "--eval-episodes", "3"];
  const unscaled = kinds.environment.slice(0, -2); // else its statistics go on changing
  const args = [...unscaled, ...still, "--patience", "3", "--out", at("still")];
  const { stdout } = await pigrad("train", ...args);
  expect(stdout).toMatch(/stopped by patience; keeping what was learned/);
  expect(stdout).toMatch(/best policy: return [\d.]+ after 64 steps \(--best\)/);
  const evaluations = figuresOf("still").filter(({ evalReturn }) => evalReturn !== undefined);
  expect(evaluations).toHaveLength(4);
  const again = await pigrad(
    ...["train", "--resume", at("still"), ...still.slice(2), "--patience", "3"],
  );
  expect(again.stdout).toMatch(/stopped by patience/);
  expect(figuresOf("still")).toHaveLength(4);
  const more = ["--resume", at("still"), ...still.slice(2), "--patience", "5", "--json"];
  const lines = jsonLines((await pigrad("train", ...more)).stdout);
  expect(lines.filter(({ type }) => type === "update")).toHaveLength(2);
  expect(lines.at(-1)).toMatchObject({ why: "patience", best: { envSteps: 64 } });
});

test("progress and JSON show the evaluations", async () => {
  const args = [...kinds.environment, "--eval-every", "300", "--out"];
  expect((await pigrad("train", ...args, at("said"))).stdout).toMatch(/ left {2}eval \d+\.\d\d\n/);
  const lines = jsonLines((await pigrad("train", ...args, at("json"), "--json")).stdout);
  expect(lines.some(({ evalReturn }) => typeof evalReturn === "number")).toBe(true);
});

test("eval and export take --best", async () => {
  const run = at("environment-whole");
  const evaluated = async (...more: string[]) =>
    jsonLines((await pigrad("eval", run, "--json", "--episodes", "20", ...more)).stdout)[0];
  const session = openEnvironmentRun(run, { best: true });
  expect((await evaluated("--best")).returns).toEqual(
    session.evaluate(20, 1_000_000_007, true).returns,
  );
  for (const [name, more] of [
    ["last.mjs", []],
    ["best.mjs", ["--best"]],
  ] as const)
    await pigrad("export", run, "--format", "js", "--out", at(name), ...more);
  const metrics = figuresOf("environment-whole");
  const most = Math.max(...metrics.map(({ evalReturn }) => Number(evalReturn ?? -1)));
  const best = metrics.find(({ evalReturn }) => evalReturn === most);
  const same = readFileSync(at("last.mjs"), "utf8") === readFileSync(at("best.mjs"), "utf8");
  expect(same).toBe(best?.update === metrics.at(-1)?.update);
});

test("seconds go on from before, the rate is of this session alone", async () => {
  const args = [...kinds.environment, "--until-steps", "1280", "--out", at("rate"), "--quiet"];
  await pigrad("train", ...args);
  const file = at("rate", "metrics.jsonl");
  const text = readFileSync(file, "utf8").replaceAll(/"seconds":[\d.]+/g, '"seconds":1000');
  writeFileSync(file, text);
  const { stdout } = await pigrad("train", "--resume", at("rate"), "--json");
  const lines = jsonLines(stdout);
  const { seconds, stepsPerSecond } = lines.at(-1);
  expect(lines[0].seconds).toBeGreaterThan(1000);
  expect(lines.at(-2).seconds - 1000).toBeGreaterThan(0);
  expect(lines.at(-2).seconds - 1000).toBeLessThanOrEqual(seconds + 0.001); // rounded
  expect(stepsPerSecond).toBe(Math.round(1280 / seconds));
});

describe("wrong input: exit code 2 and one line", () => {
  test.each([
    [["train", "line", "--patience", "2"], /--patience goes with --eval-every N/],
    [["train", "line", "--eval-episodes", "2"], /--eval-episodes goes with --eval-every N/],
    [["train", "line", "--eval-every", "0"], /--eval-every: expected a whole number ≥ 1/],
    [
      ["eval", "environment-plain", "--best"],
      /has no best.safetensors: it was not evaluated while it trained; see pigrad train --eval-every/,
    ],
  ])("%j", async (args, message) => {
    const given = args.map((arg) => (arg === "environment-plain" ? at(arg) : arg));
    const { status, stderr } = await pigrad(...given);
    expect(stderr).toMatch(message);
    expect([status, stderr.trimEnd().split("\n").length]).toEqual([2, 1]);
  });
  test("a best policy of another run, or that is damaged", async () => {
    const file = at("torn", "best.safetensors");
    const best = readFileSync(file);
    for (const damaged of [
      best.subarray(0, 100),
      readFileSync(at("text-whole", "best.safetensors")),
    ]) {
      writeFileSync(file, damaged);
      const { status, stderr } = await pigrad("eval", at("torn"), "--best");
      expect(status).toBe(2);
      expect(stderr).toMatch(/torn\/best.safetensors: /);
    }
  });
});
