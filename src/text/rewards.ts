/**
 * Rewards for text. A reward is a plain function of the prompt, the completion and the completion's tokens.
 * NaN means that the sample cannot be scored, and excludes it.
 */
import { checkFinite, checkInteger } from "../core/check.ts";
import { UsageError } from "../core/errors.ts";
import { cos } from "../core/math.ts";
import { isPromise } from "../core/waiting.ts";
import { gramOf } from "./overlap.ts";

export type Reward = (prompt: string, completion: string, tokens: ArrayLike<number>) => number;

/** Returns a sample's reward. Throws UsageError unless it is a finite number, or NaN. */
export function rewardOf(
  reward: Reward,
  prompt: string,
  completion: string,
  tokens: ArrayLike<number>,
): number {
  const given: unknown = reward(prompt, completion, tokens);
  if (typeof given === "number" && Math.abs(given) !== Infinity) return given;
  const got = isPromise(given) ? "a promise, which nobody awaits" : String(given);
  throw new UsageError(
    `expected a finite number, or NaN for a sample that cannot be scored, got ${got}`,
  );
}

/** Returns 1 if the trimmed completion is the answer to the prompt, else 0; NaN for a prompt without an answer. */
export const exactMatch =
  (answer: (prompt: string) => string | undefined): Reward =>
  (prompt, completion) => {
    const want = answer(prompt);
    return want === undefined ? Number.NaN : Number(completion.trim() === want.trim());
  };

/** Returns 1 if the pattern matches the completion, else 0. Use `^` and `$` to match all of it; no `g` flag. */
export const format =
  (pattern: RegExp): Reward =>
  (_, completion) =>
    Number(pattern.test(completion));

/** Returns Σ weight·reward; NaN if a reward is. */
export const weightedSum =
  (parts: readonly (readonly [weight: number, reward: Reward])[]): Reward =>
  (prompt, completion, tokens) =>
    parts.reduce(
      (sum, [weight, reward]) => sum + weight * rewardOf(reward, prompt, completion, tokens),
      0,
    );

/**
 * Clips a reward to `from` and maps it linearly to `to`, each [low, high], so that no outlier dominates an update.
 * NaN stays NaN.
 */
export function mappedReward(
  reward: Reward,
  from: readonly [low: number, high: number],
  to: readonly [low: number, high: number] = from,
): Reward {
  for (const [name, [low, high]] of Object.entries({ from, to })) {
    checkFinite("mappedReward", `${name}[0]`, low);
    checkFinite("mappedReward", `${name}[1]`, high, { min: low });
  }
  const scale = from[1] === from[0] ? 0 : (to[1] - to[0]) / (from[1] - from[0]);
  return (prompt, completion, tokens) => {
    const given = rewardOf(reward, prompt, completion, tokens);
    return to[0] + (Math.min(Math.max(given, from[0]), from[1]) - from[0]) * scale;
  };
}

/**
 * The soft overlong penalty of DAPO, Yu et al. 2025, arXiv:2503.14476: 0 up to maxLength − cache tokens, then
 * linear to −1 at maxLength, −1 beyond.
 */
export function softOverlong(maxLength: number, cache: number): Reward {
  checkFinite("softOverlong", "maxLength", maxLength, { min: 0 });
  checkFinite("softOverlong", "cache", cache, { min: Number.MIN_VALUE });
  return (_p, _c, tokens) => Math.max(-1, Math.min(0, (maxLength - cache - tokens.length) / cache));
}

/** NeMo-RL's overlong penalty: −penalty·(tokens − (maxLength − buffer))/buffer above that length, unbounded. */
export function overlong(maxLength: number, buffer: number, penalty: number): Reward {
  checkFinite("overlong", "maxLength", maxLength, { min: 0 });
  checkFinite("overlong", "buffer", buffer, { min: Number.MIN_VALUE });
  checkFinite("overlong", "penalty", penalty, { min: 0 });
  return (_p, _c, tokens) => Math.min(0, ((maxLength - buffer - tokens.length) / buffer) * penalty);
}

/**
 * The cosine length reward of Yeo et al. 2025, arXiv:2502.03373: half a cosine over the length, from 1 when short
 * to 0.5 at maxLength for correct completions, from −1 to −0.5 for wrong ones. `right` is above 0 for correct
 * completions, and NaN for those that cannot be scored.
 */
export function cosineLength(right: Reward, maxLength: number): Reward {
  checkFinite("cosineLength", "maxLength", maxLength, { min: Number.MIN_VALUE });
  return (prompt, completion, tokens) => {
    const share = Math.min(1, tokens.length / maxLength);
    const size = 0.5 + 0.25 * (1 + cos(Math.PI * share));
    const score = rewardOf(right, prompt, completion, tokens);
    return Number.isNaN(score) ? score : score > 0 ? size : -size;
  };
}

/** Returns −penalty·(share of n-grams of tokens that occurred before). */
export function repetition(n: number, penalty: number): Reward {
  checkInteger("repetition", "n", n, { min: 1 });
  checkFinite("repetition", "penalty", penalty, { min: 0 });
  return (_p, _c, tokens) => -penalty * (1 - distinct(tokens, n));
}

/** Returns distinct n-grams divided by all n-grams (Li et al. 2016, arXiv:1510.03055); 1 without any. */
export function distinct(tokens: ArrayLike<unknown>, n: number): number {
  checkInteger("distinct", "n", n, { min: 1 });
  const seen = new Set<string>();
  const count = tokens.length - n + 1;
  if (count <= 0) return 1;
  for (let i = 0; i < count; i++) seen.add(gramOf(tokens, i, n));
  return seen.size / count;
}

/** Returns the mean valence of the words in a lexicon; 0 if none is. NaN for a completion without words. */
export const lexiconScore =
  (valence: ReadonlyMap<string, number>): Reward =>
  (_, completion) => {
    const words = completion.toLowerCase().match(/[\p{L}']+/gu);
    if (words === null) return Number.NaN;
    let sum = 0;
    let known = 0;
    for (const word of words) {
      const v = valence.get(word);
      if (v === undefined) continue;
      sum += v;
      known++;
    }
    return known === 0 ? 0 : sum / known;
  };
