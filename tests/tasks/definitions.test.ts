/** Tasks, texts and algorithms that people define: a field that does not fit is refused by its name, before it trains. */
import { describe, expect, test } from "vitest";
import { OwnCodeError, SettingError } from "../../src/core/errors.ts";
import { nextOf } from "../../src/core/waiting.ts";
import { fromGymnasium } from "../../src/envs/gymnasium.ts";
import { algorithmFrom, type OwnAlgorithm } from "../../src/tasks/own-algorithm.ts";
import { registerOwn } from "../../src/tasks/own-files.ts";
import { taskFrom } from "../../src/tasks/own-task.ts";
import { resolve } from "../../src/tasks/run.ts";
import { open } from "../../src/tasks/session.ts";

const room = {
  observationSpace: { type: "box", low: 0, high: 9, shape: [1] },
  actionSpace: { type: "discrete", n: 2 },
  reset: () => [[0], {}],
  step: (action: number) => [[0], action, false, true],
};
const environment = () => ({ ...room });

/** Resolves and opens a task as the command line does; returns the message of what refuses it. */
function refused(task: object, settings = {}): string {
  try {
    const run = resolve({ task: "own", algo: undefined, settings }, taskFrom(task, "mine.mjs"));
    open(run).close();
    return "accepted";
  } catch (error) {
    if (!(error instanceof SettingError || error instanceof OwnCodeError)) throw error;
    return error.message;
  }
}

describe("a task", () => {
  test.each<[object, string]>([
    [{ environment, steps: 0 }, "expected steps as a whole number ≥ 1, got 0"],
    [{ environment, solved: "5" }, 'expected solved as a number, got "5"'],
    [{ environment, preset: [] }, "expected preset as an object, got a list"],
    [{ environment, presets: { ppo: 5 } }, "expected presets as objects by algorithm"],
    [{ environment, preset: { lerningRate: 3 } }, 'setting of preset "lerningRate"'],
    [{ environment, presets: { pppo: {} } }, 'algorithm of presets "pppo"'],
    [{ environment, names: { action: "ab" } }, "names: expected action as a list of texts"],
    [
      { environment, names: { observation: [1] } },
      "names: expected observation as a list of texts",
    ],
    [{ environment, names: { observations: ["a"] } }, 'names: unknown field "observations"'],
    [{ environment, names: 5 }, "expected names as an object, got 5"],
    [{ environment, settings: null }, "expected settings as an object, got null"],
    [
      { environment, settings: { a: { default: "z", choices: ["x"] } } },
      'that is one of x, got "z"',
    ],
    [{ environment, settings: { a: { default: 3, max: 2 } } }, "settings.a: expected a default"],
    [{ environment, settings: { a: Number.NaN } }, "settings.a: expected a default"],
    [
      { environment, settings: { a: { default: 1.5, whole: true } } },
      "settings.a: expected a default",
    ],
    [
      { environment, settings: { a: { default: 1, maximum: 5 } } },
      'settings.a: unknown field "maximum"',
    ],
    [
      { environment, settings: { a: { default: "x", choices: "xyz" } } },
      "expected choices as a list",
    ],
    [[{ prompt: "a" }], "got a list; pigrad train text --set data=FILE"],
    [
      { environment: () => ({ ...room, actionSpace: { type: "discrete", n: 1e9 } }) },
      "at most 16777216",
    ],
    [
      { environment: () => ({ ...room, observationSpace: { type: "box", shape: [1e9] } }) },
      "at most 16777216",
    ],
    [
      { environment: () => ({ ...room, observationSpace: { type: "box", shape: 2 } }) },
      "expected shape as a list of sizes, got 2",
    ],
    [
      { environment: () => ({ ...room, observationSpace: { type: "dict", spaces: null } }) },
      "expected spaces by name, got null",
    ],
  ])("%j: %s", (task, message) => {
    const said = refused(task);
    expect(said).toContain(message);
    if (!/preset/.test(message)) expect(said).toContain("mine.mjs");
  });

  test("what fits is accepted", () => {
    const settings = {
      a: { default: 2, min: 1, max: 3, whole: true },
      b: { default: "x", choices: ["x", "y"] },
    };
    const names = { observation: ["heat"], action: ["off", "on"] };
    const presets = { preset: { learningRate: 0.01 }, presets: { ppo: { rollout: 8 } } };
    expect(refused({ environment, settings, names, ...presets, about: "a room" })).toBe("accepted");
  });
});

describe("a text", () => {
  const text = { prompts: ["ab", "cd"], reward: () => 1 };
  test.each<[object, string]>([
    [{ tokenizer: null }, "expected tokenizer as"],
    [{ tokenizer: [] }, "expected tokenizer as"],
    [{ tokenizer: { merges: "x" } }, "expected tokenizer as"],
    [{ tokenizer: { foo: 1 } }, "expected tokenizer as"],
    [{ corpus: 5 }, "corpus: expected a text, got 5"],
    [{ visible: 5 }, "expected visible as a function, got 5"],
    [{ end: 5 }, "expected end as a text"],
    [{ end: "" }, "expected end as a text of a character or more"],
    [{ turnEnd: 5 }, "expected turnEnd as a text"],
    [{ splits: "0.2" }, "expected splits as a number from 0 to below 0.5"],
    [{ measures: { m: 1 } }, "expected measures as functions by name"],
    [{ examples: async () => [] }, "examples: expected a list, got a promise; await it"],
    [
      { reward: { short: { wieght: 0.1, reward: () => 1 } } },
      'reward short: unknown field "wieght"',
    ],
    [{ reward: { reward: () => 1, batch: () => [1] } }, 'unknown field "reward"'],
    [{ reward: { reward: () => 1, concurrency: 0 } }, "expected concurrency as a number above 0"],
  ])("%j: %s", (more, message) => {
    expect(refused({ ...text, ...more })).toContain(message);
  });

  test("a measure that answers later is named", () => {
    const task = taskFrom({ ...text, measures: { m: async () => 1 } }, "mine.mjs");
    const { measures } = task.make({} as never, () => "") as {
      measures: Record<string, (...x: unknown[]) => number>;
    };
    expect(() => measures.m("a", "b", [])).toThrow(
      "mine.mjs: measure m: expected a finite number, or NaN, got a promise",
    );
  });
});

describe("an algorithm", () => {
  test.each<[object, string]>([
    [{ estimator: 5 }, "expected estimator as an object, got 5"],
    [{ estimator: null }, "expected estimator as an object"],
    [{ estimator: { baseline: "median" } }, "estimator: expected baseline as one of"],
    [{ estimator: { scale: "grp" } }, "estimator: expected scale as one of"],
    [{ estimator: { aggregation: "tok" } }, "estimator: expected aggregation as one of"],
    [{ estimator: { kl: { estimator: "k9" } } }, "estimator.kl: expected estimator as one of"],
    [{ estimator: { surrogate: "clip" } }, "estimator: expected surrogate as an object"],
    [
      { estimator: { surrogate: { form: "klip" } } },
      "estimator.surrogate: expected form as one of",
    ],
    [{ estimator: { surrogate: { clipLo: 3 } } }, 'estimator.surrogate: unknown field "clipLo"'],
    [{ estimator: { surrogate: { clipLow: "0.2" } } }, "expected clipLow as a number ≥ 0"],
    [{ wholeBatch: "no" }, "expected wholeBatch as true or false"],
    [{ usual: "x" }, "expected usual as an object"],
    [{ base: "grpoo" }, "expected base as one of"],
    [{ train: 5 }, "expected train as a generator function, got 5"],
  ])("%j: %s", (definition, message) => {
    expect(() => algorithmFrom(definition, "own", "own.mjs")).toThrow(SettingError);
    expect(() => algorithmFrom(definition, "own", "own.mjs")).toThrow(message);
  });

  /** The first reports of an own generator on our room; the error where there is one. */
  async function drawn(train: unknown, count = 3) {
    registerOwn("own.mjs", { train });
    const files = { algo: { path: "own.mjs", sha256: "" } };
    const run = resolve(
      { task: "own", algo: "own", files, settings: { envs: 1 } },
      taskFrom({ environment }, "mine.mjs"),
    );
    const session = open(run);
    const said: unknown[] = [];
    while (said.length < count) said.push((await nextOf(session.reports)).value);
    return said;
  }

  const throws = (): never => {
    throw new Error("x\ny");
  };
  const idle = { update: 1, envSteps: 0 };
  test.each<[string, unknown, string]>([
    [
      "no generator",
      () => {},
      "expected train to return a generator, as function* does, got undefined",
    ],
    [
      "an async one",
      async function* () {
        yield 1;
      },
      "expected train to return a generator",
    ],
    ["an error", throws, "own.mjs: x"],
    [
      "an error later",
      function* () {
        yield { ...idle, envSteps: 1 };
        throws();
      },
      "own.mjs: x",
    ],
    [
      "no report",
      function* () {
        yield 5;
      },
      "expected reports with update and envSteps as whole numbers, got 5",
    ],
    [
      "an end",
      function* () {
        yield idle;
      },
      "expected train to yield reports without an end",
    ],
    [
      "no steps",
      function* () {
        for (;;) yield idle;
      },
      "got 100000 reports without one",
    ],
  ])("that gives %s is refused", async (_, train, message) => {
    await expect(drawn(train, 200_000)).rejects.toThrow(message);
  });

  test("that trains is drawn from", async () => {
    const report = { update: 1, envSteps: 4, episodes: 0, meanReturn: 0, meanLength: 0 };
    const own: OwnAlgorithm = algorithmFrom(
      {
        train: function* () {
          for (;;) yield report;
        },
      },
      "own",
      "own.mjs",
    );
    expect(own.kind).toBe("generator");
    expect(
      await drawn(function* () {
        for (;;) yield report;
      }),
    ).toEqual([report, report, report]);
  });
});

test("masks that the first reset does not give are refused, and so are those of an environment that answers later", async () => {
  const late = fromGymnasium({
    ...room,
    step: () => [[0], 0, false, false, { actionMask: [1, 0] }],
  } as never);
  late.start();
  expect(() => late.act([0], 0)).toThrow(
    "step 1: expected no actionMask, as the first reset gave none",
  );
  const later = fromGymnasium({
    ...room,
    reset: async () => [[0], { actionMask: [1, 0] }],
  } as never);
  later.start();
  await expect(later.pending).rejects.toThrow(
    "masks of an environment that answers later come from a method mask",
  );
});
