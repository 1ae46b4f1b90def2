/**
 * A learned reward: a language model's value at the end of a text, trained on pairs of texts of which people (or a
 * rule) prefer one. Bradley & Terry 1952; Ouyang et al. 2022, arXiv:2203.02155, equation 1:
 *
 *   loss = −mean ln σ(s(chosen) − s(rejected))
 */
import { ShapeError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { integer, real, type Values } from "../core/settings.ts";
import { Tape } from "../core/tape.ts";
import { free, input, type Tensor } from "../core/tensor.ts";
import type { LanguageModel } from "../nn/transformer.ts";
import { valuesOf } from "../nn/value.ts";
import { mul, sub } from "../ops/arithmetic.ts";
import { indexSelect } from "../ops/indexing.ts";
import { reshape } from "../ops/layout.ts";
import { bceWithLogits } from "../ops/loss.ts";
import { sum } from "../ops/reduce.ts";
import { AdamW } from "../optim/adam.ts";
import { cosine } from "../optim/schedule.ts";
import { Pack } from "../rollout/pack.ts";
import type { Reward } from "../text/rewards.ts";
import { exampleTokens, stopTokens, type TextTask } from "../text/task.ts";
import { descend } from "./training.ts";

export const rewardModelSettings = {
  updates: integer(200, "optimizer steps", { min: 1 }),
  pairs: integer(32, "pairs per step", { min: 1, max: 4096 }),
  learningRate: real(1e-3, "AdamW's step size, annealed as half a cosine", { min: 0, max: 10 }),
  decay: real(0.01, "weight decay", { min: 0, max: 10 }),
};

/** Two texts as tokens, the first preferred. */
export interface Preference {
  readonly chosen: readonly number[];
  readonly rejected: readonly number[];
}

export interface RewardModelReport {
  readonly update: number;
  readonly loss: number;
  /** Fraction of the step's pairs in which the chosen text scored higher, before the step. */
  readonly accuracy: number;
}

/** Scores and loss of pairs of texts. */
class PairLoss {
  readonly tape: Tape;
  private readonly pack: Pack;
  private readonly ends: readonly [chosen: Tensor, rejected: Tensor];
  private readonly one: Tensor;
  private readonly weight: Tensor;
  private readonly body: () => { margin: Tensor; loss: Tensor };

  constructor(gpt: LanguageModel, pairs: number, longest: number, learns: boolean) {
    const k = gpt.parameters.backend;
    const rows = 2 * pairs;
    const flat = Object.freeze([rows * longest, -1]);
    this.pack = new Pack(k, rows, longest);
    this.ends = [input(k, [pairs]), input(k, [pairs])];
    this.one = input(k, [pairs], new Float32Array(pairs).fill(1));
    this.weight = input(k, [pairs]);
    this.tape = new Tape(k, { grads: learns });
    const { tokens, positions, allowed } = this.pack;
    this.body = () => {
      const score = valuesOf(gpt, reshape(gpt.hidden(tokens, positions, allowed), flat));
      const margin = sub(indexSelect(score, this.ends[0]), indexSelect(score, this.ends[1]));
      return { margin, loss: sum(mul(bceWithLogits(margin, this.one, "none"), this.weight)) };
    };
  }

  /** Frees all buffers. The loss must not be used again. */
  free(): void {
    const { tokens, positions, allowed, following } = this.pack;
    this.tape.drop();
    free(tokens, positions, allowed, following, ...this.ends, this.one, this.weight);
  }

  /**
   * Returns mean loss and accuracy of pairs, and adds the gradient if it learns. Throws ShapeError for too many pairs.
   */
  run(pairs: readonly Preference[]): { loss: number; accuracy: number } {
    const { pack, ends, weight } = this;
    pack.clear();
    for (const { data } of [...ends, weight]) data.fill(0);
    for (const [i, pair] of pairs.entries()) {
      weight.data[i] = 1 / pairs.length;
      for (const [side, text] of [pair.chosen, pair.rejected].entries()) {
        const place = pack.add([...text, 0]); // pack leaves out the last token
        if (place < 0)
          throw new ShapeError(
            "reward model: expected at most as many pairs as the loss was made for",
          );
        ends[side].data[i] = place + text.length - 1;
      }
    }
    const { margin, loss } = this.tape.run(this.body);
    let right = 0;
    for (let i = 0; i < pairs.length; i++) if (margin.data[i] > 0) right++;
    const result = { loss: loss.data[0], accuracy: right / pairs.length };
    if (loss.grad !== null) this.tape.backward(loss);
    return result;
  }
}

/** Throws ShapeError for an empty list, and for a text that is empty, longer than the context, or has other tokens. */
function checkPairs(gpt: LanguageModel, where: string, pairs: readonly Preference[]): void {
  const { context, vocab } = gpt.options;
  if (pairs.length === 0) throw new ShapeError(`${where}: expected at least one pair, got none`);
  for (const [i, { chosen, rejected }] of pairs.entries()) {
    const lengths = [chosen.length, rejected.length];
    if (lengths.some((n) => n < 1 || n > context)) {
      throw new ShapeError(
        `${where}: expected texts of 1 to ${context} tokens (the context) in pair ${i}, ` +
          `got ${chosen.length} (chosen) and ${rejected.length} (rejected)`,
      );
    }
    for (const token of [...chosen, ...rejected]) {
      if (!(Number.isInteger(token) && token >= 0 && token < vocab))
        throw new ShapeError(`${where}: expected tokens below ${vocab} in pair ${i}, got ${token}`);
    }
  }
}

const longestOf = (pairs: readonly Preference[]): number =>
  pairs.reduce((n, { chosen, rejected }) => Math.max(n, chosen.length, rejected.length), 1);

/** Trains the model's value on preferences for `updates` steps. Throws ShapeError for a pair that does not fit. */
export function* trainRewardModel(
  gpt: LanguageModel,
  preferences: readonly Preference[],
  c: Values<typeof rewardModelSettings>,
  random: Random,
): Generator<RewardModelReport, void> {
  checkPairs(gpt, "trainRewardModel", preferences);
  const loss = new PairLoss(gpt, c.pairs, longestOf(preferences), true);
  const adam = new AdamW(gpt.parameters, { weightDecay: c.decay });
  const rate = cosine(c.learningRate, c.updates);
  for (let update = 1; update <= c.updates; update++) {
    const batch = Array.from(
      { length: c.pairs },
      () => preferences[random.below(preferences.length)],
    );
    const metrics = loss.run(batch);
    descend(adam, 1, rate(update - 1), loss.tape, update);
    yield { update, ...metrics };
  }
}

/**
 * Returns the fraction of pairs in which the chosen text scores higher. Throws ShapeError for a pair that does not fit.
 */
export function preferenceAccuracy(gpt: LanguageModel, pairs: readonly Preference[]): number {
  checkPairs(gpt, "preferenceAccuracy", pairs);
  const size = 32;
  const loss = new PairLoss(gpt, size, longestOf(pairs), false);
  let right = 0;
  for (let at = 0; at < pairs.length; at += size) {
    const some = pairs.slice(at, at + size);
    right += loss.run(some).accuracy * some.length;
  }
  loss.free();
  return right / pairs.length;
}

/**
 * Returns the trained model's score of prompt and completion as a reward; NaN for a text that does not fit its context.
 * A completion whose last token is not the end token was cut short and is scored at that token. Without tokens it
 * counts as ended.
 */
export function learnedReward(
  gpt: LanguageModel,
  task: Pick<TextTask, "tokenizer" | "end" | "marks">,
): Reward {
  const { context, vocab } = gpt.options;
  const k = gpt.parameters.backend;
  const tokens = input(k, [1, context]);
  const positions = input(
    k,
    [1, context],
    Array.from({ length: context }, (_, i) => i),
  );
  const tape = new Tape(k, { grads: false });
  const flat = Object.freeze([context, -1]);
  const scores = (): Tensor => valuesOf(gpt, reshape(gpt.hidden(tokens, positions), flat));
  const stop = stopTokens(task);
  return (prompt, completion, written) => {
    const whole = exampleTokens(task, { prompt, completion }).tokens;
    const ended = written.length === 0 || stop.includes(written[written.length - 1]);
    const text = ended ? whole : whole.slice(0, -1);
    if (text.length > context || text.some((token) => token >= vocab)) return Number.NaN;
    tokens.data.fill(0);
    tokens.data.set(text);
    return tape.run(scores).data[text.length - 1];
  };
}
