/** The settings of environmentTasks: what each changes, what it refuses, and that presets say something. */
import { describe, expect, test } from "vitest";
import { SettingError } from "../../src/core/errors.ts";
import { type Settings, settle } from "../../src/core/settings.ts";
import type { Dynamics } from "../../src/envs/env.ts";
import { environmentTasks } from "../../src/tasks/environments.ts";
import { gptSettings, modelSettings } from "../../src/tasks/model-settings.ts";
import { algorithmOf, tablesOf, taskNamed } from "../../src/tasks/run.ts";
import { type LanguageTaskName, languageTasks } from "../../src/tasks/text/index.ts";
import { seen, stepFrom } from "../support/seen.ts";
import { configOf, openConfig } from "../support/sessions.ts";

type Name = keyof typeof environmentTasks;
const make = (task: Name, given: object = {}): Dynamics => {
  const { settings, make: build } = environmentTasks[task];
  return build(settle(settings, given as Record<string, unknown>));
};
const outcomes = (env: Dynamics, state: number, action: number): number =>
  (env as unknown as { outcomes(s: number, a: number): unknown[] }).outcomes(state, action).length;

describe("each setting reaches the environment; without it, it is as usual", () => {
  test("step limits", () => {
    const usual = {
      line: 50,
      cartpole: 500,
      acrobot: 500,
      "mountain-car": 200,
      "mountain-car-continuous": 999,
      pendulum: 200,
      reacher: 100,
      lander: 600,
      "cliff-walking": 200,
      taxi: 200,
      breakout: 1000,
      recommend: 100,
      portfolio: 64,
    };
    for (const [task, steps] of Object.entries(usual)) {
      expect([task, make(task as Name).maxSteps]).toEqual([task, steps]);
      expect(make(task as Name, { maxSteps: 9 }).maxSteps).toBe(9);
    }
  });
  test.each<[Name, object, (env: Dynamics) => unknown, unknown, unknown]>([
    [
      "line",
      { start: "uniform" },
      (env) => (env as unknown as { startProbabilities: number[] }).startProbabilities[4] > 0,
      false,
      true,
    ],
    ["line", { end: "article" }, (env) => stepFrom(env, [9], 1).terminated, false, true],
    ["bandit", { means: "1,2" }, (env) => env.render(), "arms: 0 0.25 0.5 0.75 1", "arms: 1 2"],
    ["bandit", { deviation: 0 }, (env) => stepFrom(env, [], 3).reward === 0.75, false, true],
    ["cartpole", { velocities: false }, (env) => env.observationSpace.size, 4, 2],
    [
      "reacher",
      { within: 0.3 },
      (env) => stepFrom(env, [0, 0, 0, 0, 1.8, 0], [0, 0]).success,
      false,
      true,
    ],
    ["lander", { actions: "continuous" }, (env) => env.actionSpace.kind, "discrete", "box"],
    [
      "lander",
      { wind: 2 },
      (env) =>
        stepFrom(env, [0, 20, 0, 0, 0, 0, 0, 0, 2, ...new Array(12).fill(0)], 0).state[3] > 0,
      false,
      true,
    ],
    ["driving", { actions: "controls" }, (env) => env.actionSpace.kind, "discrete", "box"],
    ["driving", { sensors: "lidar" }, (env) => env.observationSpace.size, 33, 57],
    ["driving", { cars: 3 }, (env) => env.state.length, 6 + 46 * 6, 6 + 4 * 6],
    ["driving", { seconds: 30 }, (env) => env.maxSteps, 200, 100],
    [
      "driving",
      { careless: 0 },
      (env) => {
        env.start();
        return env.state.some((x, i) => i > 6 && i % 6 === 5 && x === 1);
      },
      true,
      false,
    ],
    ["frozen-lake", { map: "8x8" }, (env) => env.observationSpace.size, 16, 64],
    ["frozen-lake", { slippery: false }, (env) => outcomes(env, 9, 1), 3, 1],
    ["cliff-walking", { slippery: true }, (env) => outcomes(env, 9, 1), 1, 3],
    ["taxi", { rainy: true }, (env) => outcomes(env, 240, 1), 1, 3],
    ["blackjack", { sab: false }, (env) => stepFrom(env, [11, 1, 2, 21, 0, 3, 10], 0).reward, 1, 0],
    [
      "blackjack",
      { sab: false, natural: true },
      (env) => stepFrom(env, [11, 1, 2, 20, 0, 3, 10], 0).reward,
      1,
      1.5,
    ],
    ["catch", { rows: 4, columns: 3 }, (env) => env.observationSpace.shape, [2, 10, 5], [2, 4, 3]],
    [
      "breakout",
      { sticky: 1 },
      (env) =>
        stepFrom(env, [5, 5, 5, 1, 1, 55, 2, 0, ...new Array(100).fill(0)], 0).state[0] === 6,
      false,
      true,
    ],
    [
      "recommend",
      { items: 4, topics: 2, slate: 2 },
      (env) => [
        env.observationSpace.size,
        env.actionSpace.size,
        (env as unknown as { appeal: number[] }).appeal.length,
      ],
      [10, 3, 10],
      [4, 2, 4],
    ],
    ["portfolio", { prices: `a,b\n${"1,2\n".repeat(80)}` }, (env) => env.actionSpace.size, 4, 3],
    ["portfolio", { choice: true }, (env) => env.actionSpace.kind, "box", "discrete"],
    ["portfolio", { window: 2 }, (env) => env.observationSpace.size, 28, 10],
    [
      "portfolio",
      { cost: 0.4 },
      (env) => stepFrom(env, [100, 1, 0, 0, 0], [0, 5, 0, 0]).reward < -0.2,
      false,
      true,
    ],
    [
      "portfolio",
      { from: 0.9 },
      (env) => {
        env.seed(1);
        env.start();
        return env.state[0] > 3600;
      },
      false,
      true,
    ],
    [
      "portfolio",
      { to: 0.02 },
      (env) => {
        env.seed(1);
        env.start();
        return env.state[0] < 80;
      },
      false,
      true,
    ],
  ])("%s %o", (task, given, look, usual, changed) => {
    expect(look(make(task))).toEqual(usual);
    expect(look(make(task, given))).toEqual(changed);
  });
  test("recommend's drift: visitors' favorites change, or never", () => {
    const moved = (drift: number): number => {
      const env = make("recommend", { drift });
      return Array.from({ length: 20 }, (_, seed) => {
        env.startFrom([3, ...new Array(15).fill(0)]);
        env.seed(seed);
        env.act([0, 1, 2], 0);
        return Number(env.state[0] !== 3);
      }).reduce((a, b) => a + b);
    };
    expect(moved(0)).toBe(0);
    expect(moved(1)).toBeGreaterThan(8);
    expect(seen(make("recommend")).length).toBe(10);
  });
});

test("what counts as solved is a return that can be had, and not by every policy", () => {
  const possible: Readonly<Record<string, readonly [least: number, most: number]>> = {
    cartpole: [1, 500],
    acrobot: [-500, 0],
    "mountain-car": [-200, 0],
    "mountain-car-continuous": [-99.9, 100],
    pendulum: [-200 * 16.3, 0], // π² + 0.1·8² + 0.001·2² a step
    "frozen-lake": [0, 1],
    catch: [-1, 1],
  };
  const named = Object.entries(environmentTasks).filter(([, { solved }]) => solved !== undefined);
  expect(named.map(([task]) => task).sort()).toEqual(Object.keys(possible).sort());
  for (const [task, { solved }] of named) {
    const [least, most] = possible[task];
    const share = ((solved as number) - least) / (most - least);
    expect(share > 0.4 && share < 1, `${task}: ${share}`).toBe(true);
  }
});

/** What a table takes at its ends, and refuses beyond them. */
function mustTake(settings: Settings, name: string, least: number, most: number, step = 1): void {
  const takes = (x: number): boolean => settings[name].read(x) !== undefined;
  expect([name, least, takes(least), takes(least - step)]).toEqual([
    name,
    least,
    true,
    least === -Infinity,
  ]);
  if (most === Infinity) return;
  expect([name, most, takes(most), takes(most + step)]).toEqual([name, most, true, false]);
}

describe("ranges", () => {
  test("of control", () => {
    for (const task of ["line", "cartpole", "taxi", "portfolio"] as const)
      mustTake(environmentTasks[task].settings, "maxSteps", 1, 1_000_000);
    mustTake(environmentTasks.bandit.settings, "deviation", 0, Infinity);
    mustTake(environmentTasks.catch.settings, "rows", 2, 100);
    mustTake(environmentTasks.catch.settings, "columns", 1, 100);
    mustTake(environmentTasks.breakout.settings, "sticky", 0, 1, 0.01);
    for (const [name, least, most] of [
      ["items", 1, 1000],
      ["topics", 1, 100],
      ["slate", 1, 20],
    ] as const)
      mustTake(environmentTasks.recommend.settings, name, least, most);
    mustTake(environmentTasks.recommend.settings, "drift", 0, 1, 0.01);
    for (const name of ["from", "to"])
      mustTake(environmentTasks.portfolio.settings, name, 0, 1, 0.01);
    mustTake(environmentTasks.portfolio.settings, "window", 1, 1000);
    mustTake(environmentTasks.portfolio.settings, "cost", 0, 0.49, 0.01);
    for (const [task, name] of [
      ["line", "start"],
      ["line", "end"],
      ["frozen-lake", "map"],
    ] as const)
      expect(environmentTasks[task].settings[name].read("other")).toBeUndefined();
  });
  test("of models", () => {
    mustTake(modelSettings, "memory", 0, 4096);
    mustTake(modelSettings, "logStd", -20, 2, 0.1);
    mustTake(modelSettings, "observationScale", 1e-12, Infinity);
    mustTake(modelSettings, "frames", 1, 64);
    for (const name of ["layers", "heads"]) mustTake(gptSettings, name, 1, 64);
    mustTake(gptSettings, "width", 1, 8192);
    mustTake(gptSettings, "context", 0, 65536);
  });
  test("of text tasks", () => {
    const ranges: [LanguageTaskName, string, number, number, number?][] = [
      ["arith", "digits", 1, 3],
      ["arith", "sloppy", 0, 1, 0.01],
      ["g2p", "longest", 3, 20],
      ["g2p", "words", 100, 1_000_000],
      ["g2p", "tests", 10, 2 ** 31],
      ["g2p", "taught", 0, 1, 0.01],
      ["guess", "numbers", 2, 99],
      ["guess", "games", 10, 1_000_000],
      ["number-words", "below", 10, 1_000_000],
      ["number-words", "share", 20, 1_000_000],
      ["sentiment", "promptWords", 1, 20],
      ["sentiment", "merges", 0, 10_000],
      ["sentiment", "completion", 2, 256],
      ["sentiment", "longest", 10, 10_000],
      ["summarize", "merges", 0, 10_000],
      ["summarize", "completion", 2, 256],
      ["summarize", "longest", 10, 100_000],
      ["translate", "merges", 0, 10_000],
      ["translate", "completion", 2, 256],
      ["translate", "longest", 5, 100_000],
      ["translate", "taught", 0, 1, 0.01],
      ["tokens", "letters", 2, 8],
      ["tokens", "length", 1, 5],
    ];
    for (const [task, name, least, most, step] of ranges)
      mustTake(languageTasks[task].settings, name, least, most, step);
    expect(languageTasks["number-words"].settings.direction.read("x")).toBeUndefined();
    expect(languageTasks.tokens.settings.goal.read("x")).toBeUndefined();
  });
});

describe("presets", () => {
  const settingsOf = (task: string, algo: string): Settings => {
    const own = taskNamed(task);
    const tables = tablesOf(own, algorithmOf({ task, algo }, own));
    return { ...tables.algorithm, ...tables.model, ...tables.task };
  };

  test("every task of control has one for its own algorithm, and a flag in it is another than the default", () => {
    for (const [task, { presets = {}, algo }] of Object.entries(environmentTasks)) {
      expect(Object.keys(presets)).toContain(algo);
      for (const [name, preset] of Object.entries(presets)) {
        const table = settingsOf(task, name);
        expect(Object.keys(preset as object).length, task).toBeGreaterThan(0);
        for (const [setting, value] of Object.entries(preset as object)) {
          if (typeof value !== "boolean") continue;
          expect(value, `${task} ${name} ${setting}`).not.toEqual(table[setting].initial);
        }
      }
    }
  });
  test("so are those of text tasks", () => {
    for (const [task, { preset = {}, algo }] of Object.entries(languageTasks)) {
      const table = settingsOf(task, algo);
      expect(Object.keys(preset).length, task).toBeGreaterThan(0);
      for (const [setting, value] of Object.entries(preset))
        if (typeof value === "boolean")
          expect(value, `${task} ${setting}`).not.toEqual(table[setting].initial);
    }
  });
});

test.each([
  [{ task: "tokens", settings: { heads: 7 } }, /^width: expected a multiple of 7 for 7 heads, got/],
  [
    { task: "tokens", settings: { heads: 3, width: 9, family: "llama" } },
    /^width: expected a multiple of 6 for 3 heads, got 9; change width or heads$/,
  ],
  [
    { task: "catch", settings: { filters: [4, 4, 4, 4, 4] } },
    /^filters: expected planes of more than 10 by 10 for 5 convolutions, got \[/,
  ],
])("sizes that do not fit each other are settings to mend: %j", (config, message) => {
  const made = (): void => openConfig(configOf({ backend: "loops", ...config })).prepare();
  expect(made).toThrow(SettingError);
  expect(made).toThrow(message);
});
