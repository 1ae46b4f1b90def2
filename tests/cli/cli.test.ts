/** The command line as a person or a script meets it. */
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { jsonLines as lines, pigrad, pigradProcess, temporary } from "../support/pigrad.ts";

const at = temporary();
const run = at("line");

beforeAll(async () => {
  const { status, stdout, stderr } = await pigrad(
    "train",
    "line",
    "--steps",
    "80000",
    "--json",
    "--out",
    run,
  );
  expect(stderr).toBe("");
  expect(status).toBe(0);
  const json = lines(stdout);
  expect(json.slice(0, -1).every(({ type }) => type === "update")).toBe(true);
  const summary = json.at(-1);
  expect(summary).toMatchObject({ type: "summary", task: "line", algo: "reinforce", seed: 1, run });
  expect(summary.envSteps).toBeGreaterThanOrEqual(80_000);
  expect(summary.stepsPerSecond).toBeGreaterThan(0);
  expect(summary.evaluation).toMatchObject({
    episodes: 100,
    meanReturn: -33,
    stdReturn: 0,
    successRate: 1,
  });
});

describe("train", () => {
  test("leaves config, metrics and weights, and nothing else", async () => {
    expect(JSON.parse(readFileSync(join(run, "config.json"), "utf8"))).toMatchObject({
      task: "line",
      seed: 1,
    });
    expect(
      lines(readFileSync(join(run, "metrics.jsonl"), "utf8")).at(-1).envSteps,
    ).toBeGreaterThanOrEqual(80_000);
    expect(existsSync(join(run, "checkpoint.safetensors"))).toBe(true);
    expect(existsSync(join(run, "checkpoint.safetensors.tmp"))).toBe(false);
  });

  test("one seed gives one run, byte for byte, times aside; another seed another", async () => {
    const again = async (name: string, seed: string): Promise<string> => {
      const [out, small] = [at(name), ["--steps", "2000", "--quiet"]];
      expect((await pigrad("train", "line", ...small, "--seed", seed, "--out", out)).status).toBe(
        0,
      );
      const metrics = readFileSync(join(out, "metrics.jsonl"), "utf8").replace(
        /,"seconds":[\d.]+/g,
        "",
      );
      return metrics + readFileSync(join(out, "checkpoint.safetensors")).toString("base64");
    };
    const first = await again("a", "7");
    expect(await again("b", "7")).toBe(first);
    expect(await again("c", "8")).not.toBe(first);
  });

  test("plain lines when piped, then the result beside optimum and random policy", async () => {
    const { stdout, status } = pigradProcess(["train", "line", "--steps", "8000"], { cwd: at() });
    expect(status).toBe(0);
    expect(stdout).not.toContain("\r");
    expect(stdout).toMatch(/8,000 \/ 8,000 steps .* steps\/s/);
    expect(stdout).toMatch(/optimum -33.00 \(value iteration\), random policy -147.73/);
    expect(stdout).toMatch(/saved to runs/);
  });
});

describe("eval", () => {
  test("needs only the run folder", async () => {
    const { stdout, status } = await pigrad(
      "eval",
      run,
      "--episodes",
      "5",
      "--seed",
      "3",
      "--sample",
      "--json",
    );
    expect(status).toBe(0);
    const [line] = lines(stdout);
    expect(line).toMatchObject({
      type: "evaluation",
      task: "line",
      episodes: 5,
      seed: 3,
      greedy: false,
    });
    expect(line.meanReturn).toBeGreaterThan(-60);
    expect((await pigrad("eval", run)).stdout).toMatch(
      /greedy return over 100 episodes: -33.00 ± 0.00, success 100.0 %/,
    );
  });
});

test("list names every task, algorithm and setting", async () => {
  const { stdout, status } = await pigrad("list");
  expect(status).toBe(0);
  for (const name of ["line", "bandit", "reinforce", "learningRate", "gamma", "baseline", "end"]) {
    expect(stdout).toContain(name);
  }
});

describe("lab", () => {
  test("prints exact figures, and writes a page that asks no network", async () => {
    const out = at("lab");
    const { stdout, status } = await pigrad("lab", "bandit", "--out", out);
    expect(status).toBe(0);
    expect(stdout).toMatch(/rloo +1.000 +0.0° +0 /);
    expect(stdout).toMatch(/reinforce-mean +0.500 +0.0° +0.500 /);
    const page = readFileSync(join(out, "lab.html"), "utf8");
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(
      /<(link (?!rel="icon" href="data:)|img|script src)|url\(http|@import|fetch\(/,
    );
    expect(
      JSON.parse(readFileSync(join(out, "lab.json"), "utf8"))[0].sweeps.length,
    ).toBeGreaterThan(2);
  });
  test("--json prints one object a problem", async () => {
    const { stdout } = await pigrad("lab", "bandit", "--json");
    const [report] = lines(stdout);
    expect(report).toMatchObject({ type: "lab", problem: "bandit" });
    expect(report.fresh.find(({ name }: { name: string }) => name === "rloo").bias).toBeLessThan(
      1e-9,
    );
  });
});

test("training that runs into NaN stops: exit code 1, the update named, no checkpoint written", async () => {
  const out = at("nan");
  const { status, stderr } = await pigrad(
    "train",
    "bandit",
    "--set",
    "means=1e308,-1e308",
    "--out",
    out,
  );
  expect(stderr).toMatch(
    /^pigrad: failed: update 1: the gradient's norm is \S+: an input \[64\] of surrogateLoss is not finite\n$/,
  );
  expect(status).toBe(1);
  expect(existsSync(join(out, "checkpoint.safetensors"))).toBe(false);
});

describe("wrong input: exit code 2, one clear line, nothing written", () => {
  const out = at("never");
  const damaged = (name: string, damage: (path: string) => void): string => {
    const path = at(name);
    cpSync(run, path, { recursive: true });
    damage(path);
    return path;
  };
  const cases: Record<string, [() => string[], RegExp]> = {
    "unknown command": [() => ["fly"], /unknown command "fly"; allowed: train, /],
    "unknown task": [
      () => ["train", "moon", "--out", out],
      /unknown task "moon"; allowed: line, bandit/,
    ],
    "no task": [() => ["train", "--out", out], /expected one task, got none/],
    "an algorithm for texts": [
      () => ["train", "cartpole", "--algo", "remax", "--out", out],
      /algorithm remax does not fit: it compares with a prompt's greedy completion; allowed for cartpole: reinf/,
    ],
    "unknown algorithm": [
      () => ["train", "line", "--algo", "x", "--out", out],
      /allowed for line: reinforce/,
    ],
    "unknown setting": [
      () => ["train", "line", "--set", "lr=1", "--out", out],
      /unknown setting "lr"; allowed: .*learningRate/,
    ],
    "setting out of range": [
      () => ["train", "line", "--set", "gamma=2", "--out", out],
      /gamma: expected a number from 0 to 1, got "2"/,
    ],
    "setting not a number": [
      () => ["train", "line", "--set", "envs=many", "--out", out],
      /envs: expected a whole number/,
    ],
    "setting without a value": [
      () => ["train", "line", "--set", "gamma", "--out", out],
      /expected key=value/,
    ],
    "setting given twice": [
      () => ["train", "line", "--set", "gamma=1", "--set", "gamma=0", "--out", out],
      /twice/,
    ],
    "unknown choice": [
      () => ["train", "line", "--set", "baseline=x", "--out", out],
      /one of none, mean, value/,
    ],
    "negative steps": [
      () => ["train", "line", "--steps=-1", "--out", out],
      /steps: expected a whole number ≥ 1/,
    ],
    "steps not whole": [() => ["train", "line", "--steps", "1.5", "--out", out], /whole number/],
    "negative seed": [() => ["train", "line", "--seed=-3", "--out", out], /seed/],
    "unknown backend": [
      () => ["train", "line", "--backend", "gpu", "--out", out],
      /allowed: auto, loops/,
    ],
    "unknown flag": [() => ["train", "line", "--fast", "--out", out], /'--fast'/],
    "folder in use": [() => ["train", "line", "--out", run], /in use/],
    "not a run": [() => ["eval", at()], /not a run folder/],
    "no such folder": [() => ["eval", at("nowhere")], /not a run folder/],
    "unknown lab problem": [
      () => ["lab", "moon"],
      /expected one problem of bandit, parity, stop, got moon/,
    ],
    "no episodes": [
      () => ["eval", run, "--episodes", "0"],
      /episodes: expected a whole number ≥ 1/,
    ],
    "both ways": [() => ["eval", run, "--greedy", "--sample"], /got both/],
    "config not JSON": [
      () => ["eval", damaged("d1", (p) => writeFileSync(join(p, "config.json"), "{"))],
      /d1.config.json: /,
    ],
    "config of another kind": [
      () => ["eval", damaged("d2", (p) => writeFileSync(join(p, "config.json"), "[]"))],
      /d2.config.json: expected an object/,
    ],
    "weights cut off": [
      () => ["eval", damaged("d3", (p) => truncateSync(join(p, "checkpoint.safetensors"), 200))],
      /safetensors/,
    ],
    "weights missing": [
      () => ["eval", damaged("d4", (p) => rmSync(join(p, "checkpoint.safetensors")))],
      /has no checkpoint.safetensors/,
    ],
    "weights of another size": [
      () => [
        "eval",
        damaged("d5", (p) => {
          const file = join(p, "config.json");
          writeFileSync(file, readFileSync(file, "utf8").replace("32", "16"));
        }),
      ],
      /d5\/checkpoint.safetensors: weights: expected policy.0.weight of \[16, 1\], got 32 numbers/,
    ],
  };
  for (const [name, [args, message]] of Object.entries(cases)) {
    test(name, async () => {
      const { status, stdout, stderr } = await pigrad(...args());
      expect(stderr).toMatch(message);
      expect(stderr.trimEnd().split("\n")).toHaveLength(1);
      expect(stdout).toBe("");
      expect(status).toBe(2);
      expect(existsSync(join(out, "checkpoint.safetensors"))).toBe(false);
    });
  }
});
