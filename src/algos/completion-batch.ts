/** A batch of completions in groups, sampled and judged: what every update of `tune` begins with. */
import { SettingError } from "../core/errors.ts";
import { Completer, type Completions } from "../rollout/completions.ts";
import { promptTokens } from "../text/task.ts";
import { completing, score } from "./judge.ts";
import type { LanguageTraining } from "./language-training.ts";
import { moments } from "./moments.ts";
import { PromptSource } from "./prompt-source.ts";
import type { TuneConfig } from "./tune-settings.ts";

export class CompletionBatch {
  readonly batch: Completions;
  /** 1 where a sample may be learned from. */
  readonly counts: Float64Array;
  /** The reward of the greedy completion of each sample's prompt, where wanted. */
  readonly greedyReward: Float64Array;
  /** Each sample's prompt as text. */
  readonly prompts: string[];
  readonly source: PromptSource;
  private readonly t: LanguageTraining;
  private readonly c: TuneConfig;
  private readonly tokens: readonly (readonly number[])[];
  private readonly chosen: Int32Array; // prompts' numbers, one a group
  private readonly spread: Float64Array; // deviations of groups' rewards, as the task gave them
  private readonly completer: Completer;
  private readonly greedy: { readonly completer: Completer; readonly batch: Completions } | null;
  private readonly rewards: number[] = []; // of all that was sampled, also of what was dropped
  private readonly figures = {
    groups: 0,
    signal: 0,
    sampled: 0,
    cut: 0,
    unscored: 0,
    tokens: 0,
    greedy: 0,
  };

  constructor(t: LanguageTraining, c: TuneConfig, wantsGreedy: boolean) {
    const { task, gpt } = t;
    const count = c.prompts * c.groupSize;
    if (task.prompts.train.length === 0) throw new SettingError("tune: the task has no prompts");
    this.t = t;
    this.c = c;
    this.tokens = task.prompts.train.map((prompt) => promptTokens(task, prompt));
    this.prompts = new Array(count).fill("");
    this.chosen = new Int32Array(c.prompts);
    this.spread = new Float64Array(c.prompts);
    this.counts = new Float64Array(count);
    this.greedyReward = new Float64Array(count);
    this.source = new PromptSource(this.tokens.length, c.curriculum);
    const { temperature, topK, topP, topPRule, minP } = c;
    this.completer = new Completer(gpt, {
      ...completing(task, (sample) => this.prompts[sample]),
      sampling: { temperature, topK, topP, topPRule, minP },
    });
    this.batch = this.completer.batch(count, task.completionLength);
    this.greedy = wantsGreedy ? this.greedily() : null;
  }

  private greedily() {
    const { c, t } = this;
    const completer = new Completer(t.gpt, {
      ...completing(t.task, (sample) => this.prompts[sample * c.groupSize]),
      sampling: { greedy: true },
    });
    return { completer, batch: completer.batch(c.prompts, this.batch.steps) };
  }

  /** Tokens of the longest text there can be, and of one with a mean prompt. */
  textLengths(): { readonly longest: number; readonly mean: number } {
    const lengths = this.tokens.map(({ length }) => length);
    const { steps } = this.batch;
    const longest = lengths.reduce((most, n) => Math.max(most, n), 0) + steps;
    return { longest, mean: Math.ceil(moments(lengths).mean + steps - 1) };
  }

  /** Draws prompts, completes and judges them; with dynamic sampling until all groups have a signal. */
  sample(): void {
    const { c, t, figures, chosen, counts } = this;
    this.rewards.length = 0;
    for (const name of Object.keys(figures) as (keyof typeof figures)[]) figures[name] = 0;
    let kept = 0;
    for (let round = 0; round <= c.dynamic && kept < c.prompts; round++) {
      if (round > 0 && t.envSteps + figures.tokens >= t.totalSteps) break; // the budget is spent
      t.onPhase?.("sample");
      this.source.draw(chosen.subarray(kept), t.random);
      this.complete(kept);
      t.onPhase?.("reward");
      this.judge(kept);
      if (c.dynamic > 0) kept = this.keepSignals(kept);
    }
    if (c.dynamic > 0) counts.fill(0, kept * c.groupSize);
    if (this.greedy !== null) this.judgeGreedily(this.greedy);
    t.envSteps += figures.tokens + figures.greedy;
    t.completions += figures.sampled;
  }

  /** Completes the prompts of the groups from `group` on. */
  private complete(group: number): void {
    const { c, chosen, tokens, t, batch } = this;
    const first = group * c.groupSize;
    const prompts: (readonly number[])[] = [];
    for (let i = first; i < batch.count; i++) {
      const prompt = chosen[Math.floor(i / c.groupSize)];
      this.prompts[i] = t.task.prompts.train[prompt];
      prompts.push(tokens[prompt]);
    }
    this.completer.complete(batch, prompts, t.random, first);
  }

  private judge(group: number): void {
    const { c, t, batch, counts, figures } = this;
    for (let i = group * c.groupSize; i < batch.count; i++) {
      const raw = score(t.task, t.task.reward, this.prompts[i], batch, i);
      batch.reward[i] = raw;
      counts[i] = 1;
      figures.sampled++;
      for (let j = 0; j < batch.length[i]; j++) figures.tokens += batch.mask[i * batch.steps + j];
      if (Number.isNaN(raw)) figures.unscored++;
      else this.rewards.push(raw);
      if (batch.ended[i] === 0) {
        figures.cut++;
        if (c.cutShort === "leave") counts[i] = 0;
      }
    }
    for (let g = group; g < c.prompts; g++) {
      this.spread[g] = this.deviation(g);
      this.source.saw(this.chosen[g], this.spread[g]);
      figures.groups++;
      if (this.spread[g] > 0) figures.signal++;
    }
    // shaped only now: what has a signal is decided on the task's own reward
    for (let i = group * c.groupSize; i < batch.count; i++)
      if (batch.ended[i] === 0) batch.reward[i] = batch.reward[i] * c.cutShortFactor - c.missingEnd;
  }

  /** Standard deviation of a group's rewards, the scored ones. */
  private deviation(group: number): number {
    const { groupSize } = this.c;
    const own = this.batch.reward
      .subarray(group * groupSize, (group + 1) * groupSize)
      .filter((r) => !Number.isNaN(r));
    return moments(own).deviation;
  }

  /** Moves the groups with a signal, from `kept` on, to the front; returns how many there are now. */
  private keepSignals(kept: number): number {
    const { c, batch, chosen, counts, prompts } = this;
    let to = kept;
    for (let g = kept; g < c.prompts; g++) {
      if (!(this.spread[g] > 0)) continue;
      for (let j = 0; j < c.groupSize && g !== to; j++) {
        const [i, at] = [g * c.groupSize + j, to * c.groupSize + j];
        batch.copy(i, at);
        counts[at] = counts[i];
        prompts[at] = prompts[i];
      }
      this.spread[to] = this.spread[g];
      chosen[to++] = chosen[g];
    }
    return to;
  }

  private judgeGreedily({ completer, batch }: NonNullable<CompletionBatch["greedy"]>): void {
    const { c, t, chosen, tokens, figures } = this;
    completer.complete(
      batch,
      Array.from(chosen, (prompt) => tokens[prompt]),
      t.random,
    );
    for (let g = 0; g < c.prompts; g++) {
      const prompt = this.prompts[g * c.groupSize];
      const reward = score(t.task, t.task.reward, prompt, batch, g);
      this.greedyReward.fill(reward, g * c.groupSize, (g + 1) * c.groupSize);
      for (let j = 0; j < batch.length[g]; j++) figures.greedy += batch.mask[g * batch.steps + j];
    }
  }

  report() {
    const { figures: f, batch } = this;
    const { mean, deviation } = moments(this.rewards);
    let [entropy, n] = [0, 0];
    for (let i = 0; i < batch.mask.length; i++) {
      if (batch.mask[i] === 0) continue;
      entropy += batch.entropy[i];
      n++;
    }
    return {
      ...this.t.report(mean, f.tokens / f.sampled),
      rewardStd: deviation,
      entropy: entropy / n,
      cutShort: f.cut / f.sampled,
      unscored: f.unscored / f.sampled,
      signal: f.signal / f.groups,
    };
  }
}
