// @module-tag deep
/** Training of language models: every algorithm climbs, resumes to the last bit, and says what is wrong. */

import { describe, expect, test } from "vitest";
import { CompletionSampler } from "../../src/algos/completion-sampler.ts";
import {
  type GroupAlgorithmName,
  groupAlgorithms,
  tuneSettings,
} from "../../src/algos/group-algorithms.ts";
import { inStages, LanguageTraining } from "../../src/algos/language-training.ts";
import { countTokens, sftSettings, supervised, TextLoss, textsOf } from "../../src/algos/sft.ts";
import { type TuneReport, tuning } from "../../src/algos/tune.ts";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { Random } from "../../src/core/random.ts";
import { settle } from "../../src/core/settings.ts";
import { runNow } from "../../src/core/waiting.ts";
import { decodeState, encodeState } from "../../src/io/state-file.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { exactMeanReward, tokens } from "../../src/tasks/text/tokens.ts";
import { type Example, singleTurns } from "../../src/text/corpus.ts";
import type { TextTask } from "../../src/text/task.ts";
import { openText } from "../support/sessions.ts";

const small = { width: 16, layers: 1, heads: 2, prompts: 8, groupSize: 8, reference: true };
const config = (algo: string, settings: object = {}) => ({
  task: "tokens",
  algo,
  seed: 3,
  steps: 100_000,
  settings: { ...small, learningRate: 3e-3, warmup: 2, ...settings },
});
const names = Object.keys(groupAlgorithms) as GroupAlgorithmName[];

test.each(names)("%s raises the exact mean reward of a token task", (algo) => {
  const session = openText(config(algo), { backend: simd({ memory: 2 ** 26 }) });
  const before = exactMeanReward(session.gpt, session.task);
  for (let i = 0; i < 40; i++) session.reports.next();
  const after = exactMeanReward(session.gpt, session.task);
  expect(after).toBeGreaterThan(before + 0.3);
});

test("more minibatches than samples are one per sample, in the warmup too", () => {
  const [most, more] = [16, 4096].map((minibatches) => {
    const { reports } = openText(
      config("grpo", { prompts: 4, groupSize: 4, minibatches, warmup: 4 }),
    );
    return Array.from({ length: 4 }, () => reports.next().value as TuneReport);
  });
  expect(more).toEqual(most);
  expect(more[3].learningRate).toBeGreaterThan(2 * more[0].learningRate);
});

test("REINFORCE comes to the best there is, and knows it exactly", () => {
  const session = openText(config("reinforce"), { backend: simd({ memory: 2 ** 26 }) });
  for (let i = 0; i < 250; i++) session.reports.next();
  expect(exactMeanReward(session.gpt, session.task)).toBeGreaterThan(2.6); // all of abc, bcd …: 2 to 3
});

const resumed: [GroupAlgorithmName, object][] = [
  ["grpo", { klWeight: 0.05, targetKl: 0.01, curriculum: true }],
  ["ppo", { klWeight: 0.02, minibatches: 3 }],
  ["dapo", { topK: 3 }],
  ["mrt", {}],
  ["remax", { sftUpdates: 2, sftTexts: 3, sftDropout: 0.1 }], // stopped in the supervised stage, too
];
describe.each([
  ["loops", () => loops()],
  ["simd", () => simd({ memory: 2 ** 26 })],
] as const)("on %s", (backend, make) => {
  const tags = backend === "loops" ? ["long"] : [];
  test.each(resumed)("%s goes on to the last bit, from a file", { tags }, (algo, settings) => {
    const whole = openText(config(algo, settings), { backend: make() });
    const reports = Array.from({ length: 5 }, () => whole.reports.next().value);
    for (const stop of [1, 3]) {
      const first = openText(config(algo, settings), { backend: make() });
      for (let i = 0; i < stop; i++) first.reports.next();
      const { state } = decodeState(encodeState(first.training.save()));
      const second = openText(config(algo, settings), { backend: make(), saved: state });
      for (let i = stop; i < 5; i++) expect(second.reports.next().value).toEqual(reports[i]);
      const weights = ({ gpt }: typeof first) => gpt.parameters.list.map(({ data }) => [...data]);
      expect(weights(second)).toEqual(weights(whole));
    }
  });
});

const alphabet = (changes: Partial<TextTask> = {}): TextTask => ({
  ...tokens({ letters: 3, length: 2, goal: "same" }),
  ...changes,
});
function trainingOf(task: TextTask, valueHead = true, k = loops()): LanguageTraining {
  const { vocab } = task.tokenizer;
  const options = { vocab, context: 8, layers: 1, heads: 2, width: 16, valueHead };
  const random = new Random(1);
  return new LanguageTraining(new Gpt(k, options, random), task, random.split(), 10_000);
}
const firstReport = (
  t: LanguageTraining,
  algo: GroupAlgorithmName,
  settings: object = {},
): TuneReport => {
  const c = settle(tuneSettings, { prompts: 4, groupSize: 4, ...settings });
  return inStages(t, [tuning(t, algo, c)]).next().value as TuneReport;
};

describe("bad input", () => {
  test("a reward that throws names prompt and completion", () => {
    const task = alphabet({
      reward: () => {
        throw new Error("no such answer");
      },
    });
    expect(() => firstReport(trainingOf(task), "rloo")).toThrow(
      /reward: failed for prompt "[abc]" and completion ".*": no such answer/,
    );
  });
  test("a reward of NaN leaves the sample out, and it is counted", () => {
    const reward = (_: string, text: string): number =>
      text.startsWith("a") ? Number.NaN : Number(text.startsWith("b"));
    for (const algo of names) {
      const report = firstReport(trainingOf(alphabet({ reward })), algo, { prompts: 16 });
      expect(report.unscored).toBeGreaterThan(0.1);
      expect(report.unscored).toBeLessThan(0.5);
      expect(report.meanReturn).toBeGreaterThan(0);
      expect(Number.isFinite(report.gradNorm)).toBe(true);
    }
  });
  test("no score at all: nothing is learned, and the report says so", () => {
    const t = trainingOf(alphabet({ reward: () => Number.NaN }));
    const before = t.gpt.parameters.list.map(({ data }) => [...data]);
    const report = firstReport(t, "grpo");
    expect(report.unscored).toBe(1);
    expect(report.meanReturn).toBeNaN();
    expect(t.gpt.parameters.list.map(({ data }) => [...data])).toEqual(before);
  });
  test("a prompt that does not fit the context", () => {
    const prompts = { train: ["a".repeat(9)], validation: [], heldOut: [] };
    expect(() => firstReport(trainingOf(alphabet({ prompts })), "rloo")).toThrow(
      "prompt 0 has 10 tokens; with 3 to come it does not fit the context of 8",
    );
  });
  test("no prompts; a value without a value head; examples that are all too long", () => {
    const none = { train: [], validation: [], heldOut: [] };
    expect(() => firstReport(trainingOf(alphabet({ prompts: none })), "rloo")).toThrow(
      "the task has no prompts",
    );
    expect(() => firstReport(trainingOf(alphabet(), false), "ppo")).toThrow(
      "expected a model with a value head",
    );
    const long = { train: [{ prompt: "abcabcabc", completion: "a" }], validation: [], heldOut: [] };
    const t = trainingOf(alphabet({ examples: long }));
    expect(() => supervised(t, settle(sftSettings))).toThrow("got none that fits (1 are too long)");
  });
});

test("dynamic sampling keeps groups with a signal, and draws again for the others", () => {
  let calls = 0;
  const reward = (prompt: string, text: string): number => {
    calls++;
    return prompt === "a" ? 1 : text.length;
  };
  const t = trainingOf(alphabet({ reward }));
  const c = settle(tuneSettings, { prompts: 6, groupSize: 4, dynamic: 20 });
  const sampled = new CompletionSampler(t, c, false);
  runNow(sampled.sample(), "sample");
  expect(calls).toBeGreaterThan(24); // a third of the prompts has no signal
  expect(sampled.prompts).not.toContain("a");
  for (let g = 0; g < 6; g++) {
    const own = sampled.batch.reward.slice(4 * g, 4 * g + 4);
    expect(new Set(own).size).toBeGreaterThan(1);
  }
});

test("completions without an end: scored, or left out, or paying for it", () => {
  const t = trainingOf(alphabet({ reward: () => 1 }));
  const batchOf = (settings: object): CompletionSampler => {
    const c = settle(tuneSettings, { prompts: 8, groupSize: 4, ...settings });
    const sampled = new CompletionSampler(t, c, false);
    runNow(sampled.sample(), "sample");
    return sampled;
  };
  const left = batchOf({ cutShort: "leave" });
  expect([...left.counts]).toEqual([...left.batch.endLength]);
  expect(left.report().cutShort).toBeCloseTo(
    left.batch.endLength.filter((e) => e === 0).length / 32,
    12,
  );
  const paying = batchOf({ missingEnd: 0.5 });
  for (let i = 0; i < 32; i++) {
    expect(paying.counts[i]).toBe(1);
    expect(paying.batch.reward[i]).toBe(paying.batch.endLength[i] === 1 ? 1 : 0.5);
  }
  expect(paying.report().meanReturn).toBe(1); // the task's own reward
});

describe("supervised learning", () => {
  const examples = ["ab", "b", "cab", "bb", "a", "ccc"].map((completion, i) => ({
    prompt: "abc".slice(0, i % 4),
    completion,
  }));

  test("passes add up to exactly the mean a token, and prompts carry no loss", () => {
    const gradient = (longest: number, repeat: number) => {
      const t = trainingOf(alphabet(), false, loops(Float64Array));
      const loss = new TextLoss(t, longest, null, true);
      const { texts } = textsOf(t, Array.from({ length: repeat }, () => examples).flat());
      // each completion's tokens and its end, no prompt's
      const written = examples.reduce((n, { completion }) => n + completion.length + 1, 0);
      expect(countTokens(texts)).toBe(repeat * written);
      const value = loss.run(texts);
      return { value, grad: t.gpt.parameters.list.flatMap(({ grad }) => [...grad]) };
    };
    const once = gradient(9, 1);
    const many = gradient(9, 60); // 360 texts: several passes
    expect(many.value).toBeCloseTo(once.value, 9);
    for (const [i, g] of once.grad.entries()) expect(Math.abs(many.grad[i] - g)).toBeLessThan(1e-9);
  });

  test("a conversation in one pass has the loss and gradient of its turns with their whole prompts", () => {
    const conversations = [
      {
        prompt: "a",
        completion: "b",
        turns: [
          { prompt: "c", completion: "" },
          { prompt: "a", completion: "c" },
        ],
      },
      { prompt: "", completion: "ba", turns: [{ prompt: "cc", completion: "a" }] },
      { prompt: "ab", completion: "c" },
    ];
    const gradient = (list: readonly Example[]) => {
      const t = trainingOf(alphabet(), false, loops(Float64Array));
      const { texts } = textsOf(t, list);
      const value = new TextLoss(t, 9, null, true).run(texts);
      const grad = t.gpt.parameters.list.flatMap((parameter) => [...parameter.grad]);
      return { value, grad, tokens: countTokens(texts), texts: texts.length };
    };
    const whole = gradient(conversations);
    const apart = gradient(conversations.flatMap(singleTurns));
    expect([whole.texts, apart.texts]).toEqual([3, 6]);
    expect([whole.tokens, apart.tokens]).toEqual([12, 12]); // b., ., c., ba., a., c.
    expect(whole.value).toBeCloseTo(apart.value, 9);
    for (const [i, g] of apart.grad.entries())
      expect(Math.abs(whole.grad[i] - g)).toBeLessThan(1e-9);
  });

  test("of a conversation that does not fit the context, the turns that do are learned", () => {
    const t = trainingOf(alphabet()); // texts of 9 tokens
    const turn = { prompt: "a", completion: "bc" };
    const { texts, skipped } = textsOf(t, [{ ...turn, turns: [turn, turn, turn] }]);
    expect(texts).toEqual(textsOf(t, singleTurns({ ...turn, turns: [turn] })).texts);
    expect([texts.length, skipped]).toEqual([2, 2]);
  });

  test("it learns, validates on texts of that side, and ends after its updates", () => {
    const t = trainingOf(
      alphabet({ examples: { train: examples, validation: examples, heldOut: [] } }),
    );
    const c = settle(sftSettings, { sftUpdates: 60, sftTexts: 8, sftValidate: 30, sftWarmup: 5 });
    const reports = [...inStages(t, [supervised(t, c)])] as unknown as {
      loss: number;
      validationLoss: number;
    }[];
    expect(reports.length).toBe(60);
    expect(reports.filter(({ validationLoss }) => !Number.isNaN(validationLoss)).length).toBe(2);
    expect(reports[59].validationLoss).toBeLessThan(reports[0].loss - 0.4);
  });
});
