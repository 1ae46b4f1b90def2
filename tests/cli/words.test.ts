// @module-tag deep
/** What commands say: names that were mistyped, numbers as arguments, progress, lists, summaries of a sweep. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { algorithms } from "../../src/algos/index.ts";
import type { Report } from "../../src/algos/training.ts";
import { only, pairs, realNumber, wholeNumber } from "../../src/cli/args.ts";
import { describe as describeEvaluation } from "../../src/cli/eval.ts";
import { didYouMean, nearest } from "../../src/cli/nearest.ts";
import { Progress, timeLeft } from "../../src/cli/progress.ts";
import { sparkline } from "../../src/cli/sparkline.ts";
import { SettingError } from "../../src/core/errors.ts";
import { bootstrapInterval, interquartileMean } from "../../src/rollout/statistics.ts";
import { environmentTasks } from "../../src/tasks/environments.ts";
import { mujocoTasks } from "../../src/tasks/mujoco.ts";
import { languageTasks } from "../../src/tasks/text/index.ts";
import { jsonLines, pigrad, temporary } from "../support/pigrad.ts";

const at = temporary();

describe("a mistyped name", () => {
  const known = [
    "learningRate",
    "gamma",
    "lambda",
    "rollout",
    "maxGradNorm",
    "clip",
    "connect-four",
  ];
  test.each([
    ["lerningRate", "learningRate"], // a letter gone
    ["learningratee", "learningRate"], // one more
    ["gamna", "gamma"], // another
    ["gmama", "gamma"], // two swapped: one edit
    ["lr", "learningRate"], // initials
    ["mgn", "maxGradNorm"],
    ["cf", "connect-four"],
    ["learn", "learningRate"], // its start
    ["connect_four", "connect-four"],
    ["CLIP", "clip"],
    ["clp", "clip"],
    ["clxy", undefined], // two of four letters
    ["l", undefined],
    ["", undefined],
    ["zzzzzz", undefined],
  ])("%s: %s", (name, meant) => {
    expect(nearest(name, known)).toBe(meant);
    expect(didYouMean(name, known)).toBe(meant === undefined ? "" : `; did you mean "${meant}"?`);
  });
  test("of two the closer one; of two that begin so, none; of a very long name, none", () => {
    expect(nearest("rollout", ["rollouts", "rollout2x", "rollou"])).toBe("rollouts");
    expect(nearest("roll", ["rollouts", "rollback"])).toBe(undefined);
    const long = "a".repeat(64);
    expect(nearest(long, [`${long}b`])).toBe(`${long}b`);
    expect(nearest(`${long}a`, [`${long}ab`])).toBe(undefined);
  });
});

describe("arguments", () => {
  test("whole numbers", () => {
    expect([undefined, "0", "7", "1e3", " 5 "].map((t) => wholeNumber("n", t, 0))).toEqual([
      undefined,
      0,
      7,
      1000,
      5,
    ]);
    for (const text of ["", " ", "x", "1.5", "-1", "9007199254740992", "NaN", "Infinity"])
      expect(() => wholeNumber("n", text, 0), text).toThrow(
        `--n: expected a whole number ≥ 0, got "${text}"`,
      );
    expect([wholeNumber("n", "2", 2, 4), wholeNumber("n", "4", 2, 4)]).toEqual([2, 4]);
    for (const text of ["1", "5"])
      expect(() => wholeNumber("n", text, 2, 4)).toThrow(
        `--n: expected a whole number from 2 to 4, got "${text}"`,
      );
  });
  test("numbers", () => {
    expect([undefined, "0", "-2.5", "1e-3"].map((t) => realNumber("r", t, -Infinity))).toEqual([
      undefined,
      0,
      -2.5,
      0.001,
    ]);
    expect(realNumber("r", "0", 0)).toBe(0);
    for (const text of ["", " ", "x", "Infinity", "NaN"])
      expect(() => realNumber("r", text, -Infinity), text).toThrow(
        `--r: expected a number, got "${text}"`,
      );
    expect(() => realNumber("r", "-0.1", 0)).toThrow(`--r: expected a number ≥ 0, got "-0.1"`);
  });
  test("settings, from a file too", () => {
    writeFileSync(at("prices"), "1,2\n");
    expect(pairs(["a=1", "b==", "__proto__=3", "c=", `d=@${at("prices")}`])).toEqual(
      Object.fromEntries([
        ["a", "1"],
        ["b", "="],
        ["__proto__", "3"],
        ["c", ""],
        ["d", "1,2\n"],
      ]),
    );
    for (const pair of ["a", "=1", ""])
      expect(() => pairs([pair])).toThrow(`--set: expected key=value, got "${pair}"`);
    expect(() => pairs(["a=1", "a=2"])).toThrow("--set: a is given twice");
    expect(() => pairs([`d=@${at("gone")}`])).toThrow(/^--set d: cannot read .*gone/);
  });
  test("the one positional", () => {
    expect(only("run", ["x"])).toBe("x");
    expect(() => only("run", [])).toThrow("expected one run, got none");
    expect(() => only("run", ["x", "y"])).toThrow("expected one run, got x y");
    expect(() => only("run", [])).toThrow(SettingError);
  });
  test.each([
    [["train", "line", "--sed", "1"], "unknown option '--sed'; did you mean --seed?"],
    [
      ["train", "line", "--gamma", "1"],
      "unknown option '--gamma'; did you mean --set gamma=VALUE?",
    ],
    [["train", "line", "--gama=1"], "unknown option '--gama'; did you mean --set gamma=VALUE?"],
    [["list", "--qqqqqq"], "unknown option '--qqqqqq'; allowed: --json"],
    [["train", "line", "--seed"], /^pigrad: .*--seed.*argument/],
    [["list", "x"], /^pigrad: .*x/],
  ])("%j", async (args, message) => {
    const { stderr, status } = await pigrad(...args);
    expect(status).toBe(2);
    if (typeof message === "string") expect(stderr).toBe(`pigrad: ${message}\n`);
    else expect(stderr).toMatch(message);
  });
});

describe("progress", () => {
  let said = "";
  let now = 0;
  beforeEach(() => {
    [said, now] = ["", 1000];
    vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      said += text;
      return true;
    });
    vi.spyOn(performance, "now").mockImplementation(() => now);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    Object.assign(process.stdout, { isTTY: undefined });
  });
  const report = (envSteps: number, more = {}): Report =>
    ({ update: envSteps / 10, envSteps, meanReturn: 1.234, ...more }) as Report;

  test("in a pipe: about ten lines, the last among them, with speed and time left of this session", () => {
    const progress = new Progress(1000, 200); // 200 steps were taken before
    for (let steps = 210; steps <= 1000; steps += 10) {
      now += 1000;
      progress.show(report(steps));
    }
    progress.end();
    const lines = said.trimEnd().split("\n");
    expect(lines.map((line) => Number(line.split(" ")[0].replace(",", "")))).toEqual([
      300, 400, 500, 600, 700, 800, 900, 1000,
    ]);
    expect(lines[0]).toBe("300 / 1,000 steps  10 steps/s  return 1.23  1 min left"); // 700 at 10 a second
    expect(lines[7]).toBe("1,000 / 1,000 steps  10 steps/s  return 1.23  0 s left");
    expect(said).not.toContain("\r");
  });

  test("on a terminal: one line, at most ten times a second, ended with a line feed", () => {
    Object.assign(process.stdout, { isTTY: true });
    const progress = new Progress(1000, 0);
    for (const [after, steps] of [
      [100, 10],
      [1, 20],
      [50, 30],
      [50, 40],
      [1, 1000],
    ]) {
      now += after;
      progress.show(report(steps), '"a\u001b[31m"');
    }
    progress.end();
    const lines = said.split("\r\u001b[2K").slice(1);
    expect(lines.map((line) => line.split(" ")[0])).toEqual(["10", "40", "1,000"]);
    expect(lines[1]).toContain("return 1.23 ▁▁▁▁  5 s left");
    expect(lines[2]).toMatch(/0 s left {2}"a.*"\n$/);
    expect(said.split("\u001b")).toHaveLength(4); // none of the sample's
  });

  test("a curve of the last 20 finite returns, on a terminal alone", () => {
    Object.assign(process.stdout, { isTTY: true });
    const progress = new Progress(1000, 0);
    for (let i = 0; i < 30; i++) progress.show(report(i, { meanReturn: i < 11 ? Number.NaN : i }));
    now += 101;
    progress.show(report(30, { meanReturn: 0 }));
    expect(said).toMatch(/return NaN {2}time.*return 0\.00 ▄[▄▅▆▇]+█+▁ {2}/s);
    expect(/[▁-█]+/.exec(said)?.[0]).toHaveLength(20);
    expect(sparkline([])).toBe("");
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7])).toBe("▁▂▃▄▅▆▇█");
    expect(sparkline([-5, Number.NaN, 5, 0])).toBe("▁█▅");
  });

  test("of supervised learning: the loss, every hundredth update in a pipe", () => {
    const progress = new Progress(1000, 0);
    for (const update of [1, 99, 100, 150, 1200])
      progress.show(report(0, { update, loss: 0.12345 }));
    expect(said).toBe("supervised update 100  loss 0.123\nsupervised update 1,200  loss 0.123\n");
  });

  test("of supervised learning on a terminal: ten times a second", () => {
    Object.assign(process.stdout, { isTTY: true });
    const progress = new Progress(1000, 0);
    for (const [after, update] of [
      [101, 1],
      [100, 2],
      [1, 3],
    ]) {
      now += after;
      progress.show(report(0, { update, loss: 2 }));
    }
    expect(said.match(/update \d/g)).toEqual(["update 1", "update 3"]);
  });

  test("time left, on both sides of each unit", () => {
    const hour = 3600;
    expect(
      [0, -3, 59.4, 59.6, 60, 89, 91, 59.4 * 60, 59.6 * 60, 2 * hour - 1].map(timeLeft),
    ).toEqual([
      "0 s left",
      "0 s left",
      "59 s left",
      "1 min left",
      "1 min left",
      "1 min left",
      "2 min left",
      "59 min left",
      "1 h 0 min left",
      "2 h 0 min left",
    ]);
    expect([47.9 * hour, 48 * hour, 99 * hour, Infinity].map(timeLeft)).toEqual([
      "47 h 54 min left",
      "2 d 0 h left",
      "4 d 3 h left",
      "time left unknown",
    ]);
  });
});

test("an evaluation in words", () => {
  const evaluation = {
    episodes: 9,
    meanReturn: 1.5,
    stdReturn: 0.6,
    margin: 0.4,
    successRate: 0.125,
  };
  expect(describeEvaluation({ ...evaluation, meanLength: 3 } as never, true)).toBe(
    "greedy return over 9 episodes: 1.50 ± 0.60 (95 % interval of the mean 1.10 to 1.90), success 12.5 %",
  );
  const other = {
    ...evaluation,
    margin: 0,
    successRate: null,
    measures: { exact: 0.25, length: 2 },
  };
  expect(describeEvaluation(other as never, false)).toBe(
    "sampled return over 9 episodes: 1.50 ± 0.60, exact 0.250, length 2.000",
  );
});

describe("list", () => {
  test("as JSON: every task, algorithm and table of settings, with its defaults", async () => {
    const lines = jsonLines((await pigrad("list", "--json")).stdout);
    const of = (type: string) => lines.filter((line) => line.type === type);
    expect(of("task").map(({ name }) => name)).toEqual(
      Object.keys({ ...environmentTasks, ...mujocoTasks }),
    );
    expect(of("textTask").map(({ name }) => name)).toEqual(Object.keys(languageTasks));
    const cartpole = of("task").find(({ name }) => name === "cartpole");
    expect(cartpole).toMatchObject({
      about: environmentTasks.cartpole.about,
      steps: environmentTasks.cartpole.steps,
      presets: environmentTasks.cartpole.presets,
    });
    const ppo = of("algorithm").find(({ name }) => name === "ppo");
    const { annealClip } = algorithms.ppo.settings;
    expect(ppo.settings).toContainEqual({
      name: "annealClip",
      initial: annealClip.initial,
      about: annealClip.about,
      allowed: annealClip.allowed,
    });
    expect(of("textAlgorithm").map(({ name }) => name)).toContain("grpo");
    for (const type of ["model", "textModel"]) expect(of(type)).toHaveLength(1);
    const arith = of("textTask").find(({ name }) => name === "arith");
    const { about, algo, steps, preset } = languageTasks.arith;
    expect(arith).toMatchObject({ about, algo, steps, preset });
  });
  test("a name lists that task or algorithm alone, on each kind of task that has it", async () => {
    const all = jsonLines((await pigrad("list", "--json")).stdout);
    const named = jsonLines((await pigrad("list", "cartpole", "grpo", "--json")).stdout);
    expect(named).toEqual(all.filter(({ name }) => name === "cartpole" || name === "grpo"));
    expect(named.map(({ type }) => type)).toEqual(["task", "algorithm", "textAlgorithm"]);
    const { stdout } = await pigrad("list", "sft");
    expect(stdout).toContain("  sft on texts: supervised learning alone\n    sftUpdates ");
    expect(stdout).not.toContain("cartpole");
    const { stderr, status } = await pigrad("list", "cartpol");
    expect(status).toBe(2);
    expect(stderr).toMatch(
      /^pigrad: unknown task or algorithm "cartpol"; allowed: line, .*; did you mean "cartpole"\?\n$/,
    );
  });
  test("in words: each of them with its preset and a line for each setting", async () => {
    const { stdout } = await pigrad("list");
    const json = jsonLines((await pigrad("list", "--json")).stdout);
    for (const { name, about, settings = [] } of json) {
      if (name !== undefined) expect(stdout).toContain(`  ${name}: ${about}\n`);
      for (const s of settings) {
        const value = String(s.initial) === "" ? "(none)" : String(s.initial);
        expect(stdout).toContain(
          `    ${s.name.padEnd(20)} ${value.padEnd(20)} ${s.about} (${s.allowed})\n`,
        );
      }
    }
    expect(stdout).toContain(
      `    by default ppo for ${environmentTasks.cartpole.steps.toLocaleString("en")} steps\n`,
    );
    expect(stdout).toContain("    by default ppo for 4,000,000 steps\n"); // connect-four's are its preset's
    const preset = Object.entries(environmentTasks.cartpole.presets?.ppo ?? {}).map(
      ([key, value]) => `${key}=${value}`,
    );
    expect(stdout).toContain(`    preset for ppo: ${preset.join(" ")}\n`);
    const { algo, steps } = languageTasks.arith;
    expect(stdout).toContain(
      `    by default ${algo} for ${steps.toLocaleString("en")} sampled tokens\n    preset for every algorithm: `,
    );
    expect(stdout).not.toMatch(/preset for \w+: \n/);
    expect(stdout).toContain("  sft: supervised learning alone\n");
  });
});

describe("sweep", () => {
  let lines: ReturnType<typeof jsonLines>;
  const args = [
    "sweep",
    "line",
    "--seeds",
    "3",
    "--steps",
    "2400",
    "--episodes",
    "4",
    "--threads",
    "2",
  ];
  const grid = ["--set", "gamma=1,0.9", "--set", "hidden=4;8,8"];
  beforeAll(async () => {
    const { stdout, stderr } = await pigrad(...args, ...grid, "--threshold", "-100", "--json");
    expect(stderr).toBe("");
    lines = jsonLines(stdout);
  });
  const results = (i: number) =>
    lines
      .filter(({ type }) => type === "result")
      .filter(({ config: { settings } }) => {
        const [gamma, hidden] = [
          [1, "4"],
          [1, "8,8"],
          [0.9, "4"],
          [0.9, "8,8"],
        ][i];
        return settings.gamma === gamma && String(settings.hidden) === hidden;
      });
  const summary = (i: number) => lines.filter(({ type }) => type === "summary")[i];

  test("trains every seed of every combination", () => {
    expect(lines.filter(({ type }) => type === "result")).toHaveLength(12);
    for (const i of [0, 1, 2, 3]) {
      expect(
        results(i)
          .map(({ config }) => config.seed)
          .sort(),
      ).toEqual([1, 2, 3]);
      for (const { evaluation, config, envSteps } of results(i)) {
        expect(evaluation.episodes).toBe(4);
        expect(config.steps).toBe(2400);
        expect(envSteps).toBeGreaterThanOrEqual(2400);
      }
    }
  });

  test("a result has the training's curve, and the steps at which it reached the threshold", () => {
    for (const { curve, stepsToThreshold, trainingReturn, envSteps } of results(0)) {
      expect(curve).toHaveLength(10);
      expect(curve[9]).toBe(trainingReturn); // the last tenth is the end
      if (trainingReturn >= -100) expect(stepsToThreshold).not.toBe(null);
      if (stepsToThreshold !== null) expect(stepsToThreshold).toBeLessThanOrEqual(envSteps);
    }
  });

  test("a summary is of its own combination's results", () => {
    for (const i of [0, 1, 2, 3]) {
      const own = results(i).sort((a, b) => a.config.seed - b.config.seed);
      const returns = own.map(({ evaluation }) => evaluation.meanReturn);
      const reached = own.map(({ stepsToThreshold }) => stepsToThreshold).filter((x) => x !== null);
      const { iqm, interval, least, seconds, ...rest } = summary(i);
      expect(rest.settings).toEqual(
        [
          { gamma: "1", hidden: "4" },
          { gamma: "1", hidden: "8,8" },
          { gamma: "0.9", hidden: "4" },
          { gamma: "0.9", hidden: "8,8" },
        ][i],
      );
      expect(iqm).toBe(interquartileMean(returns));
      expect(interval).toEqual(bootstrapInterval(returns, interquartileMean));
      expect(least).toBe(Math.min(...returns));
      expect(rest.reached).toBe(reached.length);
      // of three the middle one; a seed that never came there is last
      expect(rest.medianSteps).toBe(reached.sort((a, b) => a - b)[1] ?? null);
      expect(seconds).toBeCloseTo(own.reduce((sum, r) => sum + r.seconds, 0) / 3, 9);
    }
  });

  test("in words: a row for each combination", async () => {
    const { stdout } = await pigrad(...args, ...grid, "--threshold", "-100");
    const [head, ...rows] = stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.trim().split(/ {2,}/));
    expect(head).toEqual([
      "settings",
      "IQM of greedy returns",
      "95 % interval",
      "least",
      "s a seed",
      "reach -100",
      "median steps",
      "P(better than row 1)",
      "its interval",
      "real",
    ]);
    expect(rows.pop()).toEqual(["too few seeds to call a difference real: --seeds 4 or more"]);
    for (const i of [0, 1, 2, 3]) {
      const { settings, iqm, interval, least, reached, medianSteps, improvement } = summary(i);
      const [name, ...cells] = rows[i];
      expect(name).toBe(`gamma=${settings.gamma} hidden=${settings.hidden}`);
      cells.splice(3, 1); // seconds differ
      expect(cells).toEqual([
        iqm.toFixed(2),
        interval.map((x: number) => x.toFixed(2)).join(" to "),
        least.toFixed(2),
        `${reached} of 3`,
        medianSteps?.toLocaleString("en") ?? "–",
        improvement?.probability.toFixed(2) ?? "–",
        improvement?.interval.map((x: number) => x.toFixed(2)).join(" to ") ?? "–",
        improvement === null ? "–" : "no",
      ]);
    }
  });

  test("without settings it is the presets; a threshold that no one reaches", async () => {
    const one = ["sweep", "bandit", "--seeds", "1", "--steps", "200", "--threads", "1"];
    const { stdout } = await pigrad(...one, "--threshold", "1e9");
    expect(stdout.split("\n")[1]).toMatch(/^presets .* 0 of 1 +–$/);
    const [, told] = jsonLines((await pigrad(...one, "--threshold", "1e9", "--json")).stdout);
    expect([told.reached, told.medianSteps]).toEqual([0, null]);
  });

  test("of a task that is never solved: no columns for it", async () => {
    const one = ["sweep", "tokens", "--seeds", "1", "--steps", "100", "--threads", "1"];
    const { stdout } = await pigrad(...one, "--set", "width=8");
    const [head, row] = stdout.split("\n").map((line) => line.trim().split(/ {2,}/));
    expect(head).toEqual([
      "settings",
      "IQM of greedy returns",
      "95 % interval",
      "least",
      "s a seed",
    ]);
    expect(row).toHaveLength(5);
  });

  test("a setting that no combination may have starts nothing", async () => {
    const { stderr, stdout, status } = await pigrad(...args, "--set", "gamma=1,2");
    expect(stderr).toMatch(/gamma: expected a number from 0 to 1, got "2"/);
    expect([stdout, status]).toEqual(["", 2]);
  });
});

describe("train", () => {
  test("--from begins with the weights of another run; the result beside the exact one", async () => {
    const [base, next] = [at("base"), at("next")];
    const set = ["--set", "hidden=4"];
    const begun = await pigrad("train", "line", "--steps", "40000", "--seed", "3", "--out", base);
    expect(begun.stdout).toMatch(/^training line with reinforce, seed 3\n/);
    expect(begun.stdout).toMatch(/optimum -33.00 \(value iteration\), random policy -147.73: /);
    const again = await pigrad("train", "line", "--steps", "1", "--from", base, "--out", next);
    expect(again.stderr).toBe("");
    expect(again.stdout).not.toContain("fresh");
    const greedy = async (run: string): Promise<number> =>
      jsonLines((await pigrad("eval", run, "--json")).stdout)[0].meanReturn;
    const was = await greedy(base);
    const is = await greedy(next);
    expect(Math.abs(is - was)).toBeLessThan(10); // random weights are at −148
    const other = await pigrad(
      "train",
      "line",
      "--steps",
      "1",
      "--from",
      base,
      "--out",
      at("no"),
      ...set,
    );
    expect(other.status).toBe(2);
    const done = await pigrad("train", "--resume", base);
    expect(done.stdout).toMatch(
      /^finished already: line with reinforce, seed 3\nnothing left to train; the policy as it was saved:\n/,
    );
    const more = await pigrad("train", "--resume", base, "--steps", "41000");
    expect(more.stdout).toMatch(/^going on with line with reinforce, seed 3\n/);
    const taken = Number(/trained ([\d,]+) steps/.exec(more.stdout)?.[1].replaceAll(",", ""));
    expect(taken).toBeGreaterThanOrEqual(41_000);
    const fewer = await pigrad("train", "--resume", base, "--steps", "10");
    expect(fewer.stderr).toMatch(
      /--steps: expected at least the [\d]+ steps that .*base has taken, got 10/,
    );
  });

  test.each(["1", "2", "3"])("the verdict is by twice the mean's error, seed %s", async (seed) => {
    const out = at(`noisy${seed}`);
    const args = ["--steps", seed === "3" ? "8" : "3000", "--seed", seed, "--out", out];
    const { stdout } = await pigrad("train", "bandit", ...args, "--set", "means=0,1,3");
    const [, mean, deviation] = /episodes: (\S+) ± (\S+) /.exec(stdout) ?? [];
    const [, optimum, verdict] = /optimum (\S+) .*: (.*)\n/.exec(stdout) ?? [];
    const short = Number(optimum) - Number(mean);
    expect(Number(deviation)).toBeGreaterThan(0.1);
    const error = (2 * Number(deviation)) / 10; // of the mean of 100 episodes
    if (Math.abs(short) <= error) expect(verdict).toBe("optimal within sampling error");
    else expect(verdict).toMatch(/^-?\d+\.\d\d below the optimum$/);
    if (Math.abs(short) > error) expect(Number(verdict.split(" ")[0])).toBeCloseTo(short, 1);
  });

  test("what --resume does not take is named", async () => {
    mkdirSync(at("x"));
    const { stderr } = await pigrad(
      "train",
      "line",
      "--resume",
      at("x"),
      "--algo",
      "ppo",
      "--seed",
      "2",
      "--set",
      "gamma=1",
    );
    expect(stderr).toContain("got line --algo --seed --set gamma beside it");
    expect((await pigrad("train", "line", "--trust-data")).stderr).toContain(
      "--trust-data goes with --resume",
    );
  });
});

test("emit-wasm writes a module, and says how large it is", async () => {
  const out = at("kernels.wasm");
  const { stdout } = await pigrad("emit-wasm", "--out", out);
  const plain = readFileSync(out);
  expect(stdout).toBe(`${out}: ${plain.length.toLocaleString("en")} bytes\n`);
  expect(WebAssembly.validate(plain)).toBe(true);
  await pigrad("emit-wasm", "--out", out, "--shared-pages", "7");
  const [memory] = WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(out)));
  expect(memory.kind).toBe("memory");
  await pigrad("emit-wasm", "--out", out, "--fast");
  expect(readFileSync(out).equals(plain)).toBe(false);
});
