/** Batches of completions: every kept sample is whole, and figures are of all that was sampled. */

import { describe, expect, test } from "vitest";
import { CompletionSampler } from "../../src/algos/completion-sampler.ts";
import { type TuneConfig, tuneSettings } from "../../src/algos/group-algorithms.ts";
import { inStages, type LanguageTraining } from "../../src/algos/language-training.ts";
import { tuning } from "../../src/algos/tune.ts";
import { settle } from "../../src/core/settings.ts";
import { runNow } from "../../src/core/waiting.ts";
import { promptTokens, type TextTask } from "../../src/text/task.ts";
import { mean } from "./plain/learner.ts";
import { letters, Reader, writing } from "./plain/writer.ts";

interface Scored {
  readonly prompt: string;
  readonly text: string;
  readonly reward: number;
  readonly tokens: number;
}
/** Rewards 0 or 1 of which the log knows; "c" always gets 1, so that its groups have no signal. */
function watched(changes: Partial<TextTask> = {}) {
  const scored: Scored[] = [];
  const task = letters({
    reward(prompt, text, tokens) {
      const reward = prompt === "c" ? 1 : Number(text.startsWith(prompt));
      scored.push({ prompt, text, reward, tokens: tokens.length });
      return reward;
    },
    ...changes,
  });
  return { task, scored };
}
const settings = (changes: Partial<TuneConfig>): TuneConfig =>
  settle(tuneSettings, { prompts: 4, groupSize: 3, ...changes });

/** Each counted sample's columns belong together. */
function expectWhole(t: LanguageTraining, c: TuneConfig, sampled: CompletionSampler): void {
  const { batch, prompts, counts } = sampled;
  const reader = new Reader(t.gpt, c.temperature);
  for (let i = 0; i < batch.count; i++) {
    const tokens = batch.tokensOf(i);
    const prompt = promptTokens(t.task, prompts[i]);
    expect(batch.prompt[i]).toEqual(prompt);
    const text = t.task.tokenizer.decode(batch.tokensOf(i, false));
    const score = t.task.reward(prompts[i], text, tokens);
    expect(batch.reward[i]).toBe(
      batch.endLength[i] ? score : score * c.cutShortFactor - c.missingEnd,
    );
    if (counts[i] === 1 && c.cutShort === "leave") expect(batch.endLength[i]).toBe(1);
    const { vocab } = t.task.tokenizer;
    const support = tokens.map((_, j) =>
      Array.from(
        { length: vocab },
        (_v, v) => batch.support?.[(i * batch.steps + j) * vocab + v] ?? 1,
      ),
    );
    const { logProb, entropy } = reader.read({ prompt, tokens, support });
    for (const [j, l] of logProb.entries()) {
      expect(batch.logProb[i * batch.steps + j]).toBeCloseTo(l, 5);
      expect(batch.entropy[i * batch.steps + j]).toBeCloseTo(entropy[j], 5);
    }
  }
}

describe("dynamic sampling", () => {
  test.each([
    {},
    { topK: 3 },
    { cutShort: "leave" as const },
    { missingEnd: 0.25, cutShortFactor: 0.5 },
    { curriculum: true },
  ])("keeps groups with a signal, whole, and counts all that was sampled: %o", (changes) => {
    const { task, scored } = watched();
    const { t } = writing(task, 10_000);
    const c = settings({ dynamic: 12, ...changes });
    const sampled = new CompletionSampler(t, c, false);
    for (let round = 0; round < 3; round++) {
      scored.length = 0;
      const before = { tokens: t.envSteps, completions: t.completions };
      runNow(sampled.sample(), "sample");
      const all = scored.slice();
      const report = sampled.report();
      expect(all.length).toBeGreaterThan(12);
      expectWhole(t, c, sampled);
      for (let g = 0; g < 4; g++) {
        const own = [0, 1, 2].map((j) => 3 * g + j);
        expect(new Set(own.map((i) => sampled.prompts[i])).size).toBe(1);
        expect(sampled.prompts[3 * g]).not.toBe("c");
        const left = own.map((i) =>
          Number(c.cutShort === "score" || sampled.batch.endLength[i] === 1),
        );
        expect(own.map((i) => sampled.counts[i])).toEqual(left);
      }
      const groups = Array.from({ length: all.length / 3 }, (_, g) => all.slice(3 * g, 3 * g + 3));
      const differ = groups.filter((group) => new Set(group.map(({ reward }) => reward)).size > 1);
      const rewards = all.map(({ reward }) => reward);
      const tokens = all.reduce((n, s) => n + s.tokens, 0);
      expect(report.signal).toBeCloseTo(differ.length / groups.length, 12);
      expect(report.meanReturn).toBeCloseTo(mean(rewards), 12);
      expect(report.rewardStd).toBeCloseTo(Math.sqrt(mean(rewards) * (1 - mean(rewards))), 12);
      expect(report.meanLength).toBeCloseTo(tokens / all.length, 12);
      expect(t.envSteps - before.tokens).toBe(tokens);
      expect(t.completions - before.completions).toBe(all.length);
    }
  });

  test("ends after its rounds; what is missing then does not count, also where it counted before", () => {
    let signal = true;
    let asked = 0;
    const { task } = watched({
      reward: () => {
        asked++;
        return signal ? asked % 3 : 1;
      },
    });
    const { t } = writing(task, 10_000);
    const sampled = new CompletionSampler(t, settings({ dynamic: 2 }), false);
    runNow(sampled.sample(), "sample");
    expect(asked).toBe(12);
    expect([...sampled.counts]).toEqual(new Array(12).fill(1));
    signal = false;
    asked = 0;
    runNow(sampled.sample(), "sample");
    expect(asked).toBe(36); // and two more rounds of all
    expect([...sampled.counts]).toEqual(new Array(12).fill(0));
  });

  test("stops between rounds once the budget is spent, the first one excepted", () => {
    const rounds = (budget: number): number => {
      let asked = 0;
      const { task } = watched({ reward: () => Math.sign(++asked) });
      const { t } = writing(task, budget);
      runNow(new CompletionSampler(t, settings({ dynamic: 5 }), false).sample(), "sample");
      return asked / 12;
    };
    expect(rounds(1)).toBe(1);
    expect(rounds(10_000)).toBe(6);
    const partly = rounds(60); // 12 samples of up to three tokens
    expect(partly).toBeGreaterThan(1);
    expect(partly).toBeLessThan(6);
  });

  test("without it, a group without a signal counts as any other", () => {
    const { task } = watched({ reward: () => 1 });
    const { t } = writing(task, 10_000);
    const sampled = new CompletionSampler(t, settings({}), false);
    runNow(sampled.sample(), "sample");
    expect([...sampled.counts]).toEqual(new Array(12).fill(1));
    expect(sampled.report().signal).toBe(0);
  });
});

describe("greedy completions", () => {
  test("each sample has its own prompt's greedy reward, also after dynamic sampling moved it; their tokens are paid for", () => {
    for (const dynamic of [0, 12]) {
      const { task, scored } = watched();
      const { t } = writing(task, 10_000);
      const sampled = new CompletionSampler(t, settings({ dynamic }), true);
      runNow(sampled.sample(), "sample");
      const paid = scored.reduce((n, s) => n + s.tokens, 0);
      expect(t.envSteps).toBe(paid);
      const reader = new Reader(t.gpt);
      for (const [i, prompt] of sampled.prompts.entries()) {
        const made = reader.greedy(task, promptTokens(task, prompt));
        const ends = made.at(-1) === task.tokenizer.special("<end>");
        const text = task.tokenizer.decode(ends ? made.slice(0, -1) : made);
        expect(sampled.greedyReward[i]).toBe(task.reward(prompt, text, made));
      }
      const own = scored.slice(0, t.completions);
      expect(sampled.report().meanLength).toBeCloseTo(mean(own.map((s) => s.tokens)), 12);
    }
  });

  test("in a dialogue, the reply is to the sample's own prompt; its tokens are nobody's", () => {
    // the environment answers with the prompt after each letter, until there is no more room
    const replies: string[] = [];
    const { task, scored } = watched({ turnEnd: "a", completionLength: 6 });
    const asking: TextTask = {
      ...task,
      reply(prompt, said) {
        replies.push(`${prompt}:${said}`);
        return said.length < 3 ? prompt : null;
      },
    };
    const { t } = writing(asking, 10_000);
    t.gpt.parameters.get("wpe.weight")?.data.fill(0.3);
    const sampled = new CompletionSampler(t, settings({}), true);
    runNow(sampled.sample(), "sample");
    expect(replies.length).toBeGreaterThan(0);
    // wherever a turn ended with room left, the prompt's own letter follows
    for (const { prompt, text } of scored) {
      const turn = text.indexOf("a");
      if (turn >= 0 && turn < 2 && text.length > turn + 1) expect(text[turn + 1]).toBe(prompt);
    }
    const { batch } = sampled;
    const own = batch.mask.reduce((a, b) => a + b, 0);
    expect(own).toBeLessThan(batch.length.reduce((a, b) => a + b, 0));
    expect(sampled.report().meanLength).toBeCloseTo(own / 12, 12);
  });
});

test("phases are told in their order", () => {
  const { task } = watched();
  const { t } = writing(task, 10_000);
  const phases: (string | null)[] = [];
  t.onPhase = (phase) => phases.push(phase);
  inStages(t, [tuning(t, "rloo", settings({}))]).next();
  expect(phases).toEqual(["sample", "reward", "update", null]);
});

test("entropy is of the tokens that the policy wrote; shares are of all completions", () => {
  const { task } = watched({ reward: (_, text) => (text.startsWith("a") ? Number.NaN : 1) });
  const { t } = writing(task, 10_000);
  const sampled = new CompletionSampler(t, settings({ prompts: 8 }), false);
  runNow(sampled.sample(), "sample");
  const { batch } = sampled;
  const rows = [...batch.mask.keys()].filter((i) => batch.mask[i] !== 0);
  const report = sampled.report();
  expect(report.entropy).toBeCloseTo(mean(rows.map((i) => batch.entropy[i])), 12);
  expect(report.cutShort).toBeCloseTo(mean([...batch.endLength].map((e) => Number(e === 0))), 12);
  const unscored = mean([...batch.reward].map((r) => Number(Number.isNaN(r))));
  expect(unscored).toBeGreaterThan(0);
  expect(report.unscored).toBeCloseTo(unscored, 12);
  expect(report).toMatchObject({ meanReturn: 1, rewardStd: 0, signal: 0 });
});
