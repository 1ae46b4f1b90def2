/** Sessions of both kinds through one door, and an episode played back. */
import { describe, expect, test } from "vitest";
import { SettingError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { CartPole } from "../../src/envs/cartpole.ts";
import { student95 } from "../../src/rollout/evaluate.ts";
import { mean } from "../../src/rollout/statistics.ts";
import { environmentTasks } from "../../src/tasks/environments.ts";
import { replay } from "../../src/tasks/replay.ts";
import { taskNamed } from "../../src/tasks/run.ts";
import { languageTasks } from "../../src/tasks/text/index.ts";
import { languageModule } from "../../src/tasks/text/session.ts";
import { configOf, openConfig, openControl, openText } from "../support/sessions.ts";
import { contextFor } from "./context.ts";

describe("configOf", () => {
  test("a task of either kind by its name, with what is usual for it", () => {
    expect([taskNamed("arith").kind, taskNamed("line").kind]).toEqual(["text", "environment"]);
    expect(() => taskNamed("toString")).toThrow(SettingError);
    const arith = configOf({ task: "arith", backend: "loops", from: "runs/a" });
    expect(arith).toMatchObject({
      task: "arith",
      algo: "grpo",
      seed: 1,
      steps: 2_500_000,
      backend: "loops",
      from: "runs/a",
    });
    expect(arith.settings).toMatchObject({
      digits: 2,
      prompts: 128,
      sftUpdates: 1500,
      curriculum: true,
    });
    expect(taskNamed("arith")).toBe(languageTasks.arith);
    expect(taskNamed("line")).toBe(environmentTasks.line);
  });
  test("given settings come first; supervised learning alone has none of the rewards' settings", () => {
    const sft = configOf({ task: "arith", algo: "sft", settings: { sftUpdates: 3 } });
    expect(sft.settings.sftUpdates).toBe(3);
    expect(sft.settings).not.toHaveProperty("groupSize");
    expect(configOf({ task: "arith", settings: { prompts: 4 } }).settings.prompts).toBe(4);
    const dr = configOf({ task: "tokens", algo: "ppo" }).settings;
    expect(dr).toMatchObject({ width: 32, layers: 1, sftUpdates: 0, reference: false });
  });
  test("names and numbers that are none are refused, with those there are", () => {
    for (const bad of [
      { task: "no" },
      { task: "arith", algo: "no" },
      { task: "arith", algo: "trpo" },
      { task: "arith", seed: -1 },
      { task: "arith", steps: 0 },
      { task: "arith", backend: "no" },
      { task: "arith", settings: { gamma: 2 } },
      { task: "arith", algo: "sft", settings: { groupSize: 2 } },
    ])
      expect(() => configOf(bad)).toThrow(SettingError);
    expect(() => configOf({ task: "no" })).toThrow(/cartpole.*arith/);
    expect(() => configOf({ task: "arith", algo: "no" })).toThrow("for arith");
    expect(() => openConfig(configOf({ task: "g2p", settings: { data: "x" } }))).toThrow(
      'no way to read "x"',
    );
  });
});

describe("a language session", () => {
  const small = { width: 8, layers: 1, heads: 2, sftUpdates: 1, prompts: 2, groupSize: 2 };
  const make = (task: string, settings: object = {}, algo = "rloo", seed = 2) =>
    openText({ task, algo, seed, backend: "loops", settings: { ...small, ...settings } });

  test("an evaluation's completions are episodes: rewards as returns, tokens as lengths", () => {
    const session = make("number-words", { share: 40 });
    for (const greedy of [true, false]) {
      const episodes = session.evaluate(6, 3, greedy);
      const rewards = episodes.samples.map(({ reward }) => reward);
      expect(episodes.returns).toEqual(rewards);
      expect(mean(episodes.lengths)).toBeCloseTo(episodes.meanLength, 12);
      expect([episodes.episodes, episodes.meanReturn]).toEqual([rewards.length, mean(rewards)]);
      expect(episodes.margin).toBeCloseTo(
        (student95(rewards.length - 1) * episodes.stdReturn) / Math.sqrt(rewards.length),
        12,
      );
      expect(episodes.successRate).toBe(episodes.measures.exact);
    }
    expect(session.evaluate(6, 3, false).returns).not.toEqual(
      session.evaluate(6, 4, false).returns,
    );
  });
  test("greedy completions do not depend on the seed", () => {
    const session = make("number-words", { share: 40 });
    const of = (seed: number) => session.evaluate(6, seed, true).samples;
    expect(of(3)).toEqual(of(4));
  });
  test("success is what is exact, or found; null where a task says neither", () => {
    expect(make("guess").evaluate(4, 1, false).successRate).toBe(
      make("guess").evaluate(4, 1, false).measures?.found,
    );
    expect(make("tokens").evaluate(4, 1, false).successRate).toBeNull();
  });
  test("completions that cannot be scored are no episodes", () => {
    const session = make("sentiment", { merges: 0, completion: 2 });
    const episodes = session.evaluate(80, 1, false);
    const scored = episodes.samples.map(({ reward }) => reward).filter((r) => !Number.isNaN(r));
    expect(scored.length).toBeLessThan(episodes.samples.length);
    expect([episodes.returns, episodes.episodes]).toEqual([scored, scored.length]);
    expect([episodes.lengths.length, episodes.unscored]).toEqual([
      scored.length,
      episodes.samples.length - scored.length,
    ]);
  });
  test("as a module it begins and stops as the task does; a turn that ends with two tokens is refused", () => {
    const language = make("guess", { numbers: 3 });
    const { js } = languageModule(language, "three numbers");
    expect(js).toContain("three numbers");
    expect(js).toContain("const stops = [6,3];"); // three numbers, ?, <, >, and the end
    expect(js).toContain(`const longest = ${language.task.completionLength};`);
    expect(js).toContain("generate([6, ...encode(text)]");
    expect(
      languageModule({ ...language, task: { ...language.task, turnEnd: "" } }, "x").js,
    ).toContain("const stops = [6];");
    const two = { ...language, task: { ...language.task, turnEnd: "<?" } };
    expect(() => languageModule(two, "x")).toThrow(SettingError);
  });
  test("a value head where the algorithm's baseline is a value; weights and chance by the seed", () => {
    const hasValue = (algo: string, baseline?: string): boolean => {
      const settings = { ...small, ...(baseline === undefined ? {} : { baseline }) };
      const given = algo === "sft" ? { width: 8 } : settings;
      const { gpt } = openText({ task: "tokens", algo, backend: "loops", settings: given });
      return gpt.parameters.get("value.weight") !== undefined;
    };
    expect([hasValue("ppo"), hasValue("rloo"), hasValue("sft")]).toEqual([true, false, false]);
    const weights = (seed: number): number[] => [
      ...make("tokens", {}, "rloo", seed).gpt.parameters.list[0].data,
    ];
    expect(weights(2)).toEqual(weights(2));
    expect(weights(2)).not.toEqual(weights(3));
  });
  test("the context is what is asked for, or what the task's longest text needs, plain text cut at 64", () => {
    const of = (task: string, settings = {}): number => make(task, settings).gpt.options.context;
    expect(of("tokens", { context: 40 })).toBe(40);
    expect(of("tokens")).toBe(2 + 4); // end, letter; three letters and an end
    expect(of("arith", { digits: 1 })).toBe(5 + 3);
    for (const task of ["sentiment", "guess"])
      expect(of(task)).toBe(contextFor(task as "sentiment"));
  });
  test("learning from rewards follows the supervised stage, which ends alone; a saved training goes on the same", () => {
    const settings = { ...small, sftUpdates: 2, sftTexts: 4 };
    const config = configOf({ task: "tokens", algo: "rloo", backend: "loops", settings });
    const take = ({ reports }: ReturnType<typeof openConfig>, n: number): unknown[] =>
      Array.from({ length: n }, () => reports.next().value);
    const one = openConfig(config);
    const reports = take(one, 6);
    expect(reports.map((report) => "validationLoss" in (report as object))).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
    for (const done of [1, 3]) {
      const cut = openConfig(config);
      take(cut, done);
      const two = openConfig(config, { saved: structuredClone(cut.training.save()) });
      two.prepare();
      expect(take(two, 6 - done)).toEqual(reports.slice(done));
    }
    const alone = { width: 8, layers: 1, heads: 2, sftUpdates: 2, sftTexts: 4 };
    const sft = openConfig(
      configOf({ task: "tokens", algo: "sft", backend: "loops", settings: alone }),
    );
    expect(take(sft, 3)).toEqual([...reports.slice(0, 2).map(() => expect.anything()), undefined]);
  });
});

describe("replay", () => {
  const session = (settings: object = {}, task = "cartpole") =>
    openControl(
      configOf({
        task,
        algo: "ppo",
        backend: "loops",
        settings: { hidden: [4], envs: 1, ...settings },
      }),
    );
  test("a frame for each step: the picture before it, what was done, and what the policy thought", () => {
    const one = session({ maxSteps: 6 });
    const { frames, returns } = replay(one, 2, 3);
    expect(returns).toEqual(one.evaluate(2, 3, true).returns);
    expect(frames.map(({ episode }) => episode)).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
    const env = new CartPole({ maxSteps: 6 });
    const random = new Random(3);
    for (const [i, frame] of frames.entries()) {
      if (i % 6 === 0) {
        env.seed(random.split().bits());
        env.start();
      }
      expect(frame.scene).toEqual(env.scene());
      expect(frame.outputs?.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
      expect(frame.outputs?.[frame.action[0]]).toBeGreaterThanOrEqual(0.5);
      expect(frame.attribution?.length).toBe(4);
      expect(Number.isFinite(frame.value)).toBe(true);
      env.act(frame.action, 0);
    }
  });
  test("at most so many frames; a policy that remembers thinks nothing that is shown", () => {
    expect(replay(session({ maxSteps: 6 }), 3, 3, 7).frames.length).toBe(7);
    expect(replay(session({ maxSteps: 6 }), 3, 3, 7).returns.length).toBe(3);
    const [frame] = replay(session({ maxSteps: 2, memory: 2 }), 1, 3).frames;
    expect([frame.outputs, frame.value, frame.attribution]).toEqual([null, null, null]);
    const masked = replay(session({}, "taxi"), 1, 3, 3).frames;
    for (const { outputs } of masked) expect(outputs).toContain(0);
  });
});
