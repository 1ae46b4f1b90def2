/** Ready rewards for texts of one's own; those that compare read a field of the prompt's row. */
import { UsageError } from "../core/errors.ts";
import { editDistance, rougeL } from "./overlap.ts";
import type { RewardFunction } from "./own-reward.ts";
import type { Reward } from "./rewards.ts";

type Row = Readonly<Record<string, unknown>>;

/** The text in a field of a row. Throws UsageError without one. */
function textIn(row: Row, field: string): string {
  const value = row[field];
  if (typeof value === "string" || typeof value === "number") return String(value).trim();
  throw new UsageError(
    `reward: expected a text as ${field} in the prompt's row, got ${typeof value}`,
  );
}

/** 1 where the completion, trimmed, is the row's answer. */
export const exact =
  (field = "completion"): RewardFunction =>
  (_, completion, { row }) =>
    Number(completion.trim() === textIn(row, field));

/** 1 where the completion has the row's answer in it. */
export const includes =
  (field = "completion"): RewardFunction =>
  (_, completion, { row }) =>
    Number(completion.includes(textIn(row, field)));

/** 1 where the pattern matches the completion. Say `^` and `$` to mean all of it; no `g` flag. */
export const matches =
  (pattern: RegExp): RewardFunction =>
  (_, completion) =>
    Number(pattern.test(completion));

/** 1 − edit distance/length of the longer of completion and answer: from 0 to 1. */
export const similarity =
  (field = "completion"): RewardFunction =>
  (_, completion, { row }) => {
    const [a, b] = [[...completion.trim()], [...textIn(row, field)]];
    const longer = Math.max(a.length, b.length);
    return longer === 0 ? 1 : 1 - editDistance(a, b) / longer;
  };

/** ROUGE-L of words, from 0 to 1. */
export const overlap =
  (field = "completion"): RewardFunction =>
  (_, completion, { row }) => {
    const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
    return rougeL(words(completion), words(textIn(row, field)));
  };

/** 1 for a completion of `least` to `most` characters; falls to 0 over as many characters as `most` − `least` beyond. */
export const length =
  (least: number, most: number): RewardFunction =>
  (_, { length: n }) => {
    const off = n < least ? least - n : n > most ? n - most : 0;
    return Math.max(0, 1 - off / Math.max(1, most - least));
  };

/** Adapts a `Reward`, which takes tokens, such as a learned reward or an overlong penalty. */
export const from =
  (reward: Reward): RewardFunction =>
  (prompt, completion, { tokens }) =>
    reward(prompt, completion, tokens);
