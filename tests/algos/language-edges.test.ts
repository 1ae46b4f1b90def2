/** Language where it is easy to get wrong: dialogues, scores that are none, padded vocabularies, budgets, buffers. */

import { describe, expect, test } from "vitest";
import { CompletionSampler } from "../../src/algos/completion-sampler.ts";
import { evaluateLanguage } from "../../src/algos/evaluate-language.ts";
import {
  type GroupAlgorithmName,
  groupAlgorithms,
  tuneSettings,
} from "../../src/algos/group-algorithms.ts";
import { inStages, LanguageTraining } from "../../src/algos/language-training.ts";
import { preferenceAccuracy } from "../../src/algos/reward-model.ts";
import { type TuneReport, tuning } from "../../src/algos/tune.ts";
import { simd } from "../../src/backends/simd.ts";
import { NumericError, SettingError, UsageError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { settle } from "../../src/core/settings.ts";
import { runNow } from "../../src/core/waiting.ts";
import { gptModule } from "../../src/export/gpt-js.ts";
import { generate } from "../../src/nn/decode.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { Sampler } from "../../src/nn/sampler.ts";
import { Completer } from "../../src/rollout/completions.ts";
import { tokens } from "../../src/tasks/text/tokens.ts";
import { cosineLength, type Reward, weightedSum } from "../../src/text/rewards.ts";
import type { TextTask } from "../../src/text/task.ts";
import { openText } from "../support/sessions.ts";

const alphabet = (changes: Partial<TextTask> = {}): TextTask => {
  const task = tokens({ letters: 3, length: 2, goal: "same" });
  const { train } = task.prompts;
  return { ...task, prompts: { train, validation: train, heldOut: train }, ...changes };
};
const model = (vocab: number, k = simd({ memory: 16 << 20 })): Gpt =>
  new Gpt(
    k,
    { vocab, context: 16, layers: 1, heads: 2, width: 16, valueHead: true },
    new Random(1),
  );
const training = (
  task: TextTask,
  vocab = task.tokenizer.vocab,
  budget = 10_000,
): LanguageTraining => new LanguageTraining(model(vocab), task, new Random(2), budget);
const first = (
  t: LanguageTraining,
  algo: GroupAlgorithmName,
  settings: object = {},
): TuneReport => {
  const c = settle(tuneSettings, { prompts: 4, groupSize: 4, ...settings });
  return inStages(t, [tuning(t, algo, c)]).next().value as TuneReport;
};

describe("dialogues", () => {
  test.each(["rloo", "ppo", "grpo"])("%s learns a dialogue from truncated samples", (algo) => {
    const { reports } = openText(
      {
        task: "guess",
        algo,
        seed: 1,
        steps: 3000,
        settings: { topK: 3, sftUpdates: 5, prompts: 8, width: 16, layers: 1, heads: 2 },
      },
      { backend: simd({ memory: 2 ** 27 }) },
    );
    for (let i = 0; i < 8; i++) {
      const report = reports.next().value as TuneReport;
      if ("gradNorm" in report) expect(Number.isFinite(report.gradNorm)).toBe(true);
    }
  });

  /** A model that says what it is told, one token after another. */
  const saying = (said: readonly number[], vocab: number) => {
    const gpt = model(vocab);
    const { stop, dialogue } = { stop: [0], dialogue: { turnEnd: [2, 3], reply: () => [4] } };
    const asked: number[][] = [];
    const completer = new Completer(gpt, {
      rows: 1,
      stop,
      dialogue: {
        ...dialogue,
        reply: (sample, batch) => {
          asked.push(batch.tokensOf(sample));
          return asked.length > 2 ? null : dialogue.reply();
        },
      },
    });
    const inner = completer as unknown as { sampler: { choose(): void; token: number } };
    let at = 0;
    inner.sampler.choose = function (this: { token: number }) {
      this.token = said[at++];
    };
    const batch = completer.batch(1, 10);
    completer.complete(batch, [[1]], new Random(1));
    return {
      asked,
      made: batch.tokensOf(0),
      text: batch.tokensOf(0, false),
      ended: batch.endLength[0],
    };
  };

  test("a turn ends with all tokens of its end, and the answer to the last one may end the text", () => {
    const { asked, made, text, ended } = saying([2, 2, 3, 5, 3, 2, 3, 2, 3], 6);
    expect(asked).toEqual([
      [2, 2, 3],
      [2, 2, 3, 4, 5, 3, 2, 3],
    ]);
    expect(made).toEqual([2, 2, 3, 4, 5, 3, 2, 3, 4, 2]); // cut short by its length
    expect(text).toEqual(made);
    expect(ended).toBe(0);
    const over = saying([2, 3, 2, 3, 2, 3], 6);
    expect(over.made).toEqual([2, 3, 4, 2, 3, 4, 2, 3]);
    expect(over.text).toEqual([2, 3, 4, 2, 3, 4]);
    expect(over.ended).toBe(2);
  });

  test("nobody is asked after the end", () => {
    const { asked, made, ended } = saying([5, 0], 6);
    expect(asked).toEqual([]);
    expect(made).toEqual([5, 0]);
    expect(ended).toBe(1);
  });

  test("a reply without a turn's end is refused", () => {
    expect(() => first(training(alphabet({ reply: () => "a" })), "rloo")).toThrow(
      /expected a turnEnd/,
    );
  });
});

describe("rewards that are no numbers", () => {
  const bad = [
    async () => 1,
    () => undefined,
    () => null,
    () => "1",
    () => true,
    () => 1n,
    () => Number.POSITIVE_INFINITY,
    () => ({ valuesOf: () => 1 }),
  ] as unknown as Reward[];
  test.each(bad)("%o is an error that names the sample, alone and in parts", (reward) => {
    for (const wrong of [reward, weightedSum([[1, reward]]), cosineLength(reward, 5)]) {
      const t = training(alphabet({ reward: wrong }));
      const before = t.gpt.parameters.list.map(({ data }) => [...data]);
      expect(() => first(t, "rloo")).toThrow(UsageError);
      expect(() => first(t, "rloo")).toThrow(
        /prompt "[abc]" and completion ".*": expected a finite number/,
      );
      expect(t.gpt.parameters.list.map(({ data }) => [...data])).toEqual(before);
      const task = alphabet({ measures: { wrong } });
      expect(() => evaluateLanguage(model(task.tokenizer.vocab), task)).toThrow(UsageError);
    }
  });

  test("what cannot be scored stays so in cosineLength and weightedSum", () => {
    const none: Reward = () => Number.NaN;
    expect(cosineLength(none, 10)("", "", [1])).toBeNaN();
    expect(weightedSum([[0, none]])("", "", [1])).toBeNaN();
  });
});

describe("a vocabulary padded beyond the tokenizer's", () => {
  const task = alphabet();
  const own = task.tokenizer.vocab;
  const shares = alphabet({ reward: (prompt, text) => Number(text === prompt) }); // MaxRL's are 0 or more

  test("no padding id is drawn, whatever the logits say", () => {
    const sampler = new Sampler(own + 5, { topK: 2, repetitionPenalty: 1.5 }, own);
    const logits = Float32Array.from({ length: own + 5 }, (_, i) => (i < own ? i : 50));
    for (let i = 0; i < 100; i++) {
      sampler.choose(logits, 0, [i / 100], [0, 1], 0, 2);
      expect(sampler.token).toBeLessThan(own);
      expect([...sampler.support.subarray(own)]).toEqual([0, 0, 0, 0, 0]);
    }
    const gpt = model(own + 50);
    let n = 0;
    for (const { token } of generate(gpt, [0], new Random(1), { tokens: own })) {
      expect(token).toBeLessThan(own);
      if (++n === 200) break;
    }
  });

  test.each(Object.keys(groupAlgorithms) as GroupAlgorithmName[])(
    "%s trains such a model",
    (algo) => {
      for (const settings of [{}, { topK: 2 }]) {
        const t = training(algo === "maxrl" ? shares : task, own + 40);
        const report = first(t, algo, { ...settings, entropyWeight: 0.01 });
        expect(Number.isFinite(report.gradNorm)).toBe(true);
        const { completions } = t.batch as NonNullable<typeof t.batch>;
        expect(completions.token.every((id) => id < own)).toBe(true);
        if (algo !== "mrt" && algo !== "best-of-n") expect(report.approximateKl).toBeLessThan(1e-3);
      }
      evaluateLanguage(model(own + 40), task, { sampling: {} });
    },
  );

  test("an exported model draws no padding id either", async () => {
    const { js } = gptModule(model(own + 60), { tokenizer: task.tokenizer, begin: 0 });
    const made = await import(`data:text/javascript,${encodeURIComponent(js)}`);
    let u = 0;
    const random = () => (u = (u + 0.37) % 1);
    for (const id of made.generate([0], { random, most: 15, stop: [] }))
      expect(id).toBeLessThan(own);
  });

  test("a model with fewer ids than the tokenizer is refused at the start", () => {
    expect(() => training(task, own - 1)).toThrow(SettingError);
    expect(() => evaluateLanguage(model(own - 1), task)).toThrow(/vocabulary of 4 or more.*got 3/);
  });
});

describe("groups and budgets", () => {
  test.each(Object.keys(groupAlgorithms) as GroupAlgorithmName[])(
    "%s with a group of one",
    (algo) => {
      const needsMore = (
        [
          "rloo",
          "grpo",
          "dr-grpo",
          "dapo",
          "gspo",
          "cispo",
          "dppo",
          "maxrl",
          "mrt",
        ] as GroupAlgorithmName[]
      ).includes(algo);
      const start = () => first(training(alphabet()), algo, { groupSize: 1 });
      if (needsMore) expect(start).toThrow(/groupSize of 2 or more, got 1/);
      else expect(Number.isFinite(start().gradNorm)).toBe(true);
      if (!["reinforce", "reinforce++"].includes(algo)) return;
      expect(() => first(training(alphabet()), algo, { prompts: 1, groupSize: 1 })).toThrow(
        SettingError,
      );
    },
  );

  test("dynamic sampling stops when the budget of tokens is spent", () => {
    const task = alphabet({ reward: () => 1 }); // no group ever has a signal
    const t = training(task, task.tokenizer.vocab, 100);
    first(t, "dapo", { dynamic: 1000 });
    expect(t.envSteps).toBeLessThan(100 + 4 * 4 * task.completionLength);
  });

  test("what is kept of dynamic sampling moves whole, and what is missing does not count", () => {
    let asked = 0;
    const reward: Reward = () => {
      const group = Math.floor(asked++ / 2);
      return group % 2 === 0 ? 1 : asked % 2; // every second group has a signal
    };
    const t = training(alphabet({ reward }));
    const c = settle(tuneSettings, { prompts: 4, groupSize: 2, dynamic: 1 });
    const sampled = new CompletionSampler(t, c, false);
    runNow(sampled.sample(), "sample");
    // rounds of 4, 2 groups: signals in 2 of the first and 1 of the second
    expect([...sampled.counts]).toEqual([1, 1, 1, 1, 1, 1, 0, 0]);
    for (let i = 0; i < 6; i += 2)
      expect(sampled.batch.reward[i]).not.toBe(sampled.batch.reward[i + 1]);
  });
});

describe("buffers are given back", () => {
  test("by generate, ended or left early, and by evaluation", () => {
    const task = alphabet();
    const gpt = model(task.tokenizer.vocab);
    const k = gpt.parameters.backend as ReturnType<typeof simd>;
    const use = () => {
      for (const _ of generate(gpt, [0, 1, 2], new Random(1))) break;
      const texts = generate(gpt, [0], new Random(1), { stop: [1, 2, 3] });
      for (const _ of texts);
      const failing = generate(gpt, [99], new Random(1));
      expect(() => failing.next()).toThrow(RangeError);
      const left = generate(gpt, [0], new Random(1));
      left.next();
      left.return();
      evaluateLanguage(gpt, task);
      preferenceAccuracy(gpt, [{ chosen: [0, 1], rejected: [0, 2, 1] }]);
    };
    use(); // the workspace grows once, and stays
    const live = k.live();
    for (let i = 0; i < 20; i++) use();
    expect(k.live()).toBe(live);
  });
});

test("NaN logits and noise outside [0, 1) are errors", () => {
  for (const options of [{}, { greedy: true }, { topK: 2 }]) {
    const sampler = new Sampler(3, options);
    for (const bad of [0, 1, 2]) {
      const logits = Float32Array.of(0, 0, 0);
      logits[bad] = Number.NaN;
      expect(() => sampler.choose(logits, 0, [0.5])).toThrow(NumericError);
    }
  }
  expect(() => new Sampler(3).choose(Float32Array.of(0, 0, 0), 0, [1])).toThrow(RangeError);
});

test("top-p by either rule, on probabilities ½, ¼, ⅛, ⅛", () => {
  const logits = Float32Array.from([8, 4, 2, 2], Math.log);
  const kept = (topP: number, topPRule: "reach" | "within") => {
    const sampler = new Sampler(4, { topP, topPRule });
    sampler.choose(logits, 0, [0]);
    return [...sampler.support].join("");
  };
  expect([0.4, 0.6, 0.8, 0.9].map((p) => kept(p, "reach"))).toEqual([
    "1000",
    "1100",
    "1111",
    "1111",
  ]);
  expect([0.4, 0.6, 0.8, 0.9].map((p) => kept(p, "within"))).toEqual([
    "1000",
    "1000",
    "1100",
    "1100",
  ]);
});
