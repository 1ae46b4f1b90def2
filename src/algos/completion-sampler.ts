/** Samples a batch of completions in groups and scores them: the first two phases of an update in tune.ts. */
import { SettingError } from "../core/errors.ts";
import type { Waiting } from "../core/waiting.ts";
import { Completer, type Completions } from "../rollout/completions.ts";
import { promptTokens } from "../text/task.ts";
import { completerOptions, scoresOf } from "./completion-scores.ts";
import type { TuneConfig } from "./group-algorithms.ts";
import type { LanguageTraining } from "./language-training.ts";
import { moments } from "./moments.ts";
import { PromptSampler } from "./prompt-sampler.ts";
import { Writing } from "./writing.ts";

export class CompletionSampler {
  readonly batch: Completions;
  /** 1 where a sample may be learned from, [samples]. */
  readonly counts: Float64Array;
  /** Reward of the greedy completion of each sample's prompt, [samples]; used by the greedy baseline only. */
  readonly greedyReward: Float64Array;
  /** Prompt of each sample as text. */
  readonly prompts: string[];
  readonly promptSampler: PromptSampler;
  private readonly t: LanguageTraining;
  private readonly c: TuneConfig;
  private readonly tokens: readonly (readonly number[])[];
  private readonly sampled: Writing;
  private readonly chosen: Int32Array; // index of each group's prompt
  private readonly deviation: Float64Array; // of each group's rewards, before they are shaped
  private readonly greedy: Writing | null;
  private readonly rewards: number[] = []; // of all samples, including dropped groups
  private byJudge: Record<string, number[]> = {}; // of the same samples
  private readonly totals = {
    groups: 0,
    signal: 0,
    sampled: 0,
    cut: 0,
    unscored: 0,
    tokens: 0,
    greedy: 0,
  };

  constructor(t: LanguageTraining, c: TuneConfig, withGreedy: boolean) {
    const { task, gpt } = t;
    const count = c.prompts * c.groupSize;
    if (task.prompts.train.length === 0) throw new SettingError("tune: the task has no prompts");
    this.t = t;
    this.c = c;
    this.tokens = task.prompts.train.map((prompt) => promptTokens(task, prompt));
    this.prompts = new Array(count).fill("");
    this.chosen = new Int32Array(c.prompts);
    this.deviation = new Float64Array(c.prompts);
    this.counts = new Float64Array(count);
    this.greedyReward = new Float64Array(count);
    this.promptSampler = new PromptSampler(this.tokens.length, c.curriculum);
    const { temperature, topK, topP, topPRule, minP } = c;
    const completer = new Completer(gpt, {
      ...completerOptions(task, (sample) => this.prompts[sample]),
      sampling: { temperature, topK, topP, topPRule, minP },
      team: t.team,
    });
    this.batch = completer.batch(count, task.completionLength);
    const { tokens, prompts } = this;
    this.sampled = new Writing({ t, completer, batch: this.batch, tokens, prompts, each: 1 });
    this.greedy = withGreedy ? this.greedyCompletions() : null;
  }

  private greedyCompletions(): Writing {
    const { c, t } = this;
    const completer = new Completer(t.gpt, {
      ...completerOptions(t.task, (sample) => this.prompts[sample * c.groupSize]),
      sampling: { greedy: true },
      team: t.team,
    });
    const batch = completer.batch(c.prompts, this.batch.steps);
    const { tokens, prompts } = this;
    return new Writing({ t, completer, batch, tokens, prompts, each: c.groupSize });
  }

  /** Tokens of the longest possible text, and of a text with a prompt of mean length. */
  textLengths(): { readonly longest: number; readonly mean: number } {
    const lengths = this.tokens.map(({ length }) => length);
    const { steps } = this.batch;
    const longest = lengths.reduce((most, n) => Math.max(most, n), 0) + steps;
    return { longest, mean: Math.ceil(moments(lengths).mean + steps - 1) };
  }

  /** Draws prompts, completes and scores them; with dynamic sampling until all groups have a signal. */
  *sample(): Waiting<void> {
    const { c, t, totals, chosen, counts } = this;
    this.rewards.length = 0;
    this.byJudge = {};
    for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] = 0;
    let kept = 0;
    for (let round = 0; round <= c.dynamic && kept < c.prompts; round++) {
      if (round > 0 && t.envSteps + totals.tokens >= t.totalSteps) break; // no budget left
      t.onPhase?.("sample");
      this.promptSampler.draw(chosen.subarray(kept), t.random);
      yield* this.complete(kept);
      t.onPhase?.("reward");
      yield* this.score(kept);
      if (c.dynamic > 0) kept = this.keepSignals(kept);
    }
    if (c.dynamic > 0) counts.fill(0, kept * c.groupSize);
    if (this.greedy !== null) yield* this.scoreGreedily(this.greedy);
    t.count({
      tokens: totals.tokens + totals.greedy,
      completions: totals.sampled,
      meanReturn: moments(this.rewards).mean,
      meanLength: totals.tokens / totals.sampled,
    });
  }

  /** Completes the prompts of the groups from `group` on. */
  private *complete(group: number): Waiting<void> {
    const { c, chosen, sampled } = this;
    const first = group * c.groupSize;
    const prompts = Int32Array.from(
      { length: this.batch.count - first },
      (_, i) => chosen[Math.floor((first + i) / c.groupSize)],
    );
    sampled.set(prompts, first);
    yield* this.write(sampled);
  }

  /** Writes completions, here or elsewhere. */
  private *write(writing: Writing): Waiting<void> {
    const { helpers, random } = this.t;
    if (helpers === null) writing.write(random);
    else yield* helpers.sample(writing, random);
  }

  /** Scores the groups from `group` on. */
  private *score(group: number): Waiting<void> {
    const { c, t, batch, counts, totals } = this;
    const from = group * c.groupSize;
    const { reward, byJudge } = yield* scoresOf(t.task, batch, this.prompts, {
      from,
      team: t.team,
    });
    for (const [name, scores] of Object.entries(byJudge)) {
      this.byJudge[name] ??= [];
      this.byJudge[name].push(...Array.from(scores));
    }
    for (let i = from; i < batch.count; i++) {
      const raw = reward[i - from];
      batch.reward[i] = raw;
      counts[i] = 1;
      totals.sampled++;
      for (let j = 0; j < batch.length[i]; j++) totals.tokens += batch.mask[i * batch.steps + j];
      if (Number.isNaN(raw)) totals.unscored++;
      else this.rewards.push(raw);
      if (batch.endLength[i] === 0) {
        totals.cut++;
        if (c.cutShort === "leave") counts[i] = 0;
      }
    }
    for (let g = group; g < c.prompts; g++) {
      this.deviation[g] = this.deviationOf(g);
      this.promptSampler.observe(this.chosen[g], this.deviation[g]);
      totals.groups++;
      if (this.deviation[g] > 0) totals.signal++;
    }
    // rewards are shaped last: a group's signal is that of the task's own rewards
    for (let i = from; i < batch.count; i++)
      if (batch.endLength[i] === 0)
        batch.reward[i] = batch.reward[i] * c.cutShortFactor - c.missingEnd;
  }

  /** Returns the standard deviation of a group's rewards, leaving out samples without a score. */
  private deviationOf(group: number): number {
    const { groupSize } = this.c;
    const own = this.batch.reward
      .subarray(group * groupSize, (group + 1) * groupSize)
      .filter((r) => !Number.isNaN(r));
    return moments(own).deviation;
  }

  /** Moves the groups with a signal, from `kept` on, to the front. Returns the number of groups kept. */
  private keepSignals(kept: number): number {
    const { c, batch, chosen, counts, prompts } = this;
    const { team } = this.t;
    team.barrier(); // all have read the columns
    let to = kept;
    for (let g = kept; g < c.prompts; g++) {
      if (!(this.deviation[g] > 0)) continue;
      for (let j = 0; j < c.groupSize && g !== to; j++) {
        const [i, at] = [g * c.groupSize + j, to * c.groupSize + j];
        batch.copy(i, at, team.index === 0);
        counts[at] = counts[i];
        prompts[at] = prompts[i];
      }
      this.deviation[to] = this.deviation[g];
      chosen[to++] = chosen[g];
    }
    team.barrier();
    return to;
  }

  private *scoreGreedily(writing: Writing): Waiting<void> {
    const { c, t, chosen, totals } = this;
    const { batch } = writing;
    writing.set(chosen, 0);
    yield* this.write(writing);
    const prompts = Array.from(chosen, (_, g) => this.prompts[g * c.groupSize]);
    const { reward } = yield* scoresOf(t.task, batch, prompts, { team: t.team });
    for (let g = 0; g < c.prompts; g++) {
      this.greedyReward.fill(reward[g], g * c.groupSize, (g + 1) * c.groupSize);
      for (let j = 0; j < batch.length[g]; j++) totals.greedy += batch.mask[g * batch.steps + j];
    }
  }

  /** Returns metrics of the last batch. */
  report() {
    const { totals, batch } = this;
    let [entropy, n] = [0, 0];
    for (let i = 0; i < batch.mask.length; i++) {
      if (batch.mask[i] === 0) continue;
      entropy += batch.entropy[i];
      n++;
    }
    return {
      ...this.t.report(),
      ...Object.fromEntries(
        Object.entries(this.byJudge).map(([name, scores]) => [
          `reward.${name}`,
          moments(scores).mean,
        ]),
      ),
      rewardStd: moments(this.rewards).deviation,
      entropy: entropy / n,
      cutShort: totals.cut / totals.sampled,
      unscored: totals.unscored / totals.sampled,
      signal: totals.signal / totals.groups,
    };
  }
}
