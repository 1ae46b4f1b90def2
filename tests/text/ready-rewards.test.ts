/** Ready rewards, by examples worked by hand. */
import { describe, expect, test } from "vitest";
import { UsageError } from "../../src/core/errors.ts";
import { jsonReward } from "../../src/node/json-reward.ts";
import type { RewardFunction } from "../../src/text/own-reward.ts";
import * as rewards from "../../src/text/ready-rewards.ts";

const of = (reward: RewardFunction, completion: string, row: object = {}): unknown =>
  reward("p", completion, { tokens: [1, 2], row: row as Record<string, unknown> });

describe("comparisons with the row", () => {
  const row = { completion: "rome", answer: 42 };
  test("exact, includes", () => {
    expect([of(rewards.exact(), " rome ", row), of(rewards.exact(), "Rome", row)]).toEqual([1, 0]);
    expect(of(rewards.exact("answer"), "42", row)).toBe(1);
    expect([of(rewards.includes(), "in rome!", row), of(rewards.includes(), "rom", row)]).toEqual([
      1, 0,
    ]);
    expect(() => of(rewards.exact("other"), "x", row)).toThrow(UsageError);
  });
  test("similarity: 1 − distance/longer", () => {
    expect(of(rewards.similarity(), "rom", row)).toBe(0.75);
    expect(of(rewards.similarity(), "", { completion: "" })).toBe(1);
    expect(of(rewards.similarity(), "xxxx", row)).toBe(0);
  });
  test("overlap: ROUGE-L of words", () => {
    expect(of(rewards.overlap(), "The cat sat", { completion: "the cat sat" })).toBe(1);
    expect(of(rewards.overlap(), "dog", { completion: "the cat" })).toBe(0);
  });
});

test("patterns, lengths, adapted rewards", () => {
  expect([of(rewards.matches(/^\d+$/), "12"), of(rewards.matches(/^\d+$/), "1a")]).toEqual([1, 0]);
  const fits = rewards.length(4, 6);
  expect(
    ["", "ab", "abc", "abcd", "abcdef", "abcdefg", "abcdefghi"].map((text) => of(fits, text)),
  ).toEqual([0, 0, 0.5, 1, 1, 0.5, 0]);
  expect(
    of(
      rewards.from((_, __, tokens) => tokens.length),
      "x",
    ),
  ).toBe(2);
});

test("JSON: valid by the schema, parsed, or neither", async () => {
  const schema = { type: "object", required: ["name"], properties: { name: { type: "string" } } };
  const { batch } = jsonReward(schema) as {
    batch: (samples: readonly object[]) => Promise<number[]>;
  };
  const samples = ['{"name":"a"}', '{"name":1}', "{", ""].map((completion) => ({ completion }));
  expect(await batch(samples)).toEqual([1, 0.2, 0, 0]);
  const wrong = jsonReward({ type: "no such type" }) as typeof batch extends never
    ? never
    : { batch: typeof batch };
  await expect(wrong.batch(samples)).rejects.toThrow("jsonReward: the schema:");
});
