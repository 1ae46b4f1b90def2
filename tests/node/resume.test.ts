// @module-tag deep
/** Runs that go on, end, grow longer, begin from others: what they read first, and what they leave alone. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test, vi } from "vitest";
import { compareCommand } from "../../src/cli/compare.ts";
import { evalCommand } from "../../src/cli/eval.ts";
import { exportCommand } from "../../src/cli/export.ts";
import { trainCommand } from "../../src/cli/train.ts";
import { FormatError, SettingError } from "../../src/core/errors.ts";
import type { Dynamics } from "../../src/envs/env.ts";
import { decodeState, encodeState } from "../../src/io/state-file.ts";
import { openEnvironmentRun, resumeRun } from "../../src/node/run-folder.ts";

const folder = mkdtempSync(join(tmpdir(), "pigrad-resume-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

/** What the command writes to standard output. */
async function said(command: (args: string[]) => unknown, ...args: string[]): Promise<string> {
  let out = "";
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    out += text;
    return true;
  });
  try {
    await command(args);
  } finally {
    write.mockRestore();
  }
  return out;
}
const train = (...args: string[]): Promise<string> => said(trainCommand, ...args);
const bytesOf = (run: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(at(run)).map((name) => [
      name,
      readFileSync(join(at(run), name)).toString("base64"),
    ]),
  );
const greedy = (text: string): string => /greedy return.*/.exec(text)?.[0] ?? "none";
const small = ["--set", "envs=2", "--set", "rollout=16", "--set", "epochs=1"];

describe("a run that is finished", () => {
  for (const [name, args] of Object.entries({
    ppo: ["cartpole", "--steps", "320", ...small],
    "ppo with memory": ["cartpole", "--steps", "320", ...small, "--set", "memory=4"],
    reinforce: ["line", "--steps", "1600"],
    "grpo in environments": ["line", "--algo", "grpo", "--steps", "1600"],
    a3c: ["line", "--algo", "a3c", "--steps", "1600"],
    "a3c on threads": ["line", "--algo", "a3c", "--steps", "1600", "--set", "threads=2"],
    "supervised language": [
      "arith",
      "--algo",
      "sft",
      "--set",
      "sftUpdates=3",
      "--set",
      "sftTexts=2",
    ],
  })) {
    test(`${name}: resumed, it says so, gives the same evaluation, and not a byte changes`, async () => {
      const run = name.replaceAll(" ", "-");
      const first = await train(...args, "--out", at(run));
      const before = bytesOf(run);
      const again = await train("--resume", at(run));
      expect(again).toMatch(/nothing left to train/);
      expect(greedy(again)).toBe(greedy(first));
      expect(bytesOf(run)).toEqual(before);
    });
  }
});

test("--until-steps already reached, and --until-seconds 0: no update, the saved policy's evaluation", async () => {
  const first = await train("line", "--steps", "80000", "--until-steps", "30000", "--out", at("u"));
  const before = bytesOf("u");
  for (const stop of [
    ["--until-steps", "20"],
    ["--until-seconds", "0"],
    ["--until-return=-1000"],
  ]) {
    const out = await train("--resume", at("u"), ...stop);
    expect(greedy(out)).toBe(greedy(first));
    expect(bytesOf("u")).toEqual(before);
  }
});

test("--steps N beside --resume: the run is as long as N, as if it had been asked for then", async () => {
  await train("cartpole", "--steps", "320", ...small, "--out", at("longer"), "--quiet");
  await train("--resume", at("longer"), "--steps", "640", "--quiet");
  const { config, training } = openEnvironmentRun(at("longer"));
  expect(config.steps).toBe(640);
  expect(training.totalSteps).toBe(640);
  const lines = readFileSync(join(at("longer"), "metrics.jsonl"), "utf8")
    .trim()
    .split("\n");
  const metrics = lines.map((line) => JSON.parse(line));
  expect(metrics.map(({ envSteps }) => envSteps)).toEqual(
    Array.from({ length: 20 }, (_, i) => 32 * (i + 1)),
  );
  // annealed to 0 at 320, then as in a run of 640 steps: half of it is left
  expect(metrics[9].learningRate).toBeCloseTo(2e-3 * (1 - 288 / 320), 12);
  expect(metrics[10].learningRate).toBeCloseTo(2e-3 * (1 - 320 / 640), 12);
  await expect(train("--resume", at("longer"), "--steps", "100")).rejects.toThrow(SettingError);
});

test("--set envs=N beside --resume: weights and optimizer kept, environments new, said so", async () => {
  const memory = ["--set", "memory=4", "--set", "minibatch=256"]; // all sequences at once
  for (const extra of [[], ["--algo", "a3c"], memory]) {
    const run = `envs${extra.join("")}`;
    const statistics = ["--set", "normalizeObservation=true", "--set", "normalizeReward=true"];
    const own = extra[0] === "--algo" ? [] : small;
    const args = ["cartpole", "--steps", "5000", ...own, ...extra, ...statistics, "--out", at(run)];
    await train(...args, "--until-steps", "200", "--quiet");
    const before = openEnvironmentRun(at(run)).training;
    const out = await train("--resume", at(run), "--set", "envs=3", "--until-steps", "1");
    expect(out).toMatch(/3 new environments; weights and optimizer kept/);
    const session = resumeRun(at(run));
    expect(session.config.settings.envs).toBe(3);
    const first = resumeRun(at(run), { envs: "5" });
    const { training } = first as unknown as ReturnType<typeof openEnvironmentRun>;
    const numbers = (t: typeof before) => t.model.parameters.list.map(({ data }) => [...data]);
    expect(numbers(training)).toEqual(numbers(before));
    expect(training.env.moments?.count).toBeGreaterThan(200);
    expect(training.envSteps).toBeGreaterThanOrEqual(200);
    const steps = training.envSteps;
    const next = first.reports.next().value as { envSteps: number };
    expect((next.envSteps - steps) % 5).toBe(0);
  }
  expect(bytesOf("envs")["config.json"]).toBeDefined();
  await expect(train("--resume", at("envs"), "--set", "gamma=0.5")).rejects.toThrow(/--set gamma/);
});

test("--from RUN: a new run, another algorithm even, begins with the weights and statistics of the run", async () => {
  const statistics = ["--set", "normalizeObservation=true"];
  await train(
    "cartpole",
    "--steps",
    "320",
    ...small,
    ...statistics,
    "--out",
    at("from"),
    "--quiet",
  );
  const zero = ["--set", "learningRate=0", "--quiet"];
  for (const algo of ["ppo", "a2c", "a3c", "impala"]) {
    const out = at(`onward-${algo}`);
    const args = ["--algo", algo, "--steps", "64", "--from", at("from"), ...statistics, ...zero];
    await train("cartpole", ...args, "--out", out);
    const { training, config } = openEnvironmentRun(out);
    expect(config.from).toBe(at("from"));
    expect(training.model.parameters.list.map(({ data }) => [...data])).toEqual(
      openEnvironmentRun(at("from")).training.model.parameters.list.map(({ data }) => [...data]),
    );
    expect(training.env.moments?.count).toBeGreaterThan(320 + 64 - 1);
  }
  const other = train("cartpole", "--from", at("from"), "--set", "hidden=8", "--out", at("no"));
  await expect(other).rejects.toThrow(FormatError);
  expect(existsSync(at("no"))).toBe(false);
});

describe("a checkpoint is read whole before anything is touched", () => {
  const damages: Record<string, (state: Record<string, never>) => unknown> = {
    "a weight that is not finite": (state) => {
      (state.weights as Record<string, Float32Array>)["policy.head.bias"][1] = Number.NaN;
      return state;
    },
    "no optimizer": ({ adam: _, ...state }) => state,
    "weights of another size": (state) => ({
      ...state,
      weights: { ...(state.weights as object), "policy.head.bias": new Float32Array(3) },
    }),
    "environments of another task": (state) => ({
      ...state,
      env: { ...(state.env as object), envs: [[1, 2, 3]] },
    }),
  };
  for (const [name, damage] of Object.entries(damages)) {
    test(`${name}: refused, every byte as it was`, async () => {
      const run = name.replaceAll(" ", "-");
      await train("cartpole", "--steps", "640", ...small, "--until-steps", "64", "--out", at(run));
      const file = join(at(run), "checkpoint.safetensors");
      const { state, metadata } = decodeState(readFileSync(file));
      const damaged = damage(state as never) as never;
      writeFileSync(file, encodeState(damaged, Object.fromEntries(metadata)));
      writeFileSync(join(at(run), "metrics.jsonl"), '{"update":99,"envSteps":9,"seconds":1}\n');
      const before = bytesOf(run);
      await expect(train("--resume", at(run))).rejects.toThrow(FormatError);
      expect(bytesOf(run)).toEqual(before);
    });
  }
  test("of another task, algorithm or format: the message says which", async () => {
    await train("cartpole", "--steps", "64", ...small, "--out", at("meta"), "--quiet");
    const file = join(at("meta"), "checkpoint.safetensors");
    const { state } = decodeState(readFileSync(file));
    for (const [name, value] of [
      ["task", "line"],
      ["algo", "a2c"],
      ["format", "pigrad 9"],
    ]) {
      const metadata = { format: "pigrad 1", task: "cartpole", algo: "ppo", [name]: value };
      writeFileSync(file, encodeState(state, metadata));
      expect(() => resumeRun(at("meta"))).toThrow(new RegExp(`expected a checkpoint of ${name} `));
      expect(() => openEnvironmentRun(at("meta"))).toThrow(FormatError);
    }
  });
});

describe("a run that is refused, or fails before its first checkpoint, leaves no folder", () => {
  const refused: Record<string, string[]> = {
    "sequences that a minibatch cuts": ["cartpole", "--set", "memory=16", "--set", "minibatch=100"],
    "no Fisher matrix": ["recommend", "--algo", "trpo"],
    "natural gradients of convolutions": ["catch", "--algo", "natural", "--set", "filters=4"],
    "TRPO with a shared body": ["cartpole", "--algo", "trpo", "--set", "shared=true"],
    "standardizing one step": ["cartpole", "--set", "minibatch=1"],
    "a port out of range": ["line", "--watch", "--port", "70000"],
    "rewards that are not numbers": [
      "bandit",
      "--set",
      "means=1e308,1e308",
      "--set",
      "deviation=1e308",
    ],
  };
  for (const [name, args] of Object.entries(refused)) {
    test(name, async () => {
      await expect(train(...args, "--out", at("refused"))).rejects.toThrow();
      expect(existsSync(at("refused"))).toBe(false);
    });
  }
});

test("a saved recurrent policy is evaluated and compared as when it was trained", async () => {
  const args = ["--steps", "320", ...small, "--set", "memory=8"];
  for (const shared of ["false", "true"]) {
    const run = at(`lstm-${shared}`);
    const first = await train("cartpole", ...args, "--set", `shared=${shared}`, "--out", run);
    expect(greedy(await said(evalCommand, run))).toBe(greedy(first));
    expect(await said(compareCommand, run)).toMatch(/cartpole/);
  }
});

test("observationScale: an exported policy takes raw observations, as the environment gives them", async () => {
  for (const extra of [[], ["--set", "normalizeObservation=true"]]) {
    const run = at(`scaled${extra.length}`);
    const args = ["--steps", "320", ...small, "--set", "observationScale=0.25", ...extra];
    await train("cartpole", ...args, "--out", run, "--quiet");
    const file = `${run}.mjs`;
    await said(exportCommand, run, "--format", "js", "--out", file);
    const { act } = await import(pathToFileURL(file).href);
    let steps = 0;
    openEnvironmentRun(run).play(2, 1, true, (_, actor, played) => {
      const { env } = played.envs[0] as unknown as { env: Dynamics };
      const raw = new Float32Array(4);
      env.observe(raw, 0);
      if (extra.length === 0) expect(actor.observation[0]).toBeCloseTo(raw[0] / 4, 6);
      expect(act(raw)).toBe(actor.command[0]);
      steps++;
    });
    expect(steps).toBeGreaterThan(10);
  }
});

test("eval --set: trained on one part of the prices, evaluated on the other", async () => {
  const settings = ["--set", "to=0.7", "--set", "envs=2", "--set", "rollout=64"];
  await train("portfolio", "--steps", "256", ...settings, "--out", at("prices"), "--quiet");
  const evaluate = (...args: string[]) => said(evalCommand, at("prices"), ...args);
  const [seen, unseen] = [
    await evaluate(),
    await evaluate("--set", "from=0.7", "--set", "to=1"),
  ].map(greedy);
  expect(unseen).not.toBe(seen);
  await expect(evaluate("--set", "gamma=0.5")).rejects.toThrow(/setting of the task portfolio/);
  await expect(evaluate("--set", "window=3")).rejects.toThrow(FormatError);
});
