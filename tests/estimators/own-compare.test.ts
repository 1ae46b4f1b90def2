/** An estimator of one's own: advantages of a group from its scores. */
import { expect, test } from "vitest";
import { OwnCodeError } from "../../src/core/errors.ts";
import { presets } from "../../src/estimators/presets.ts";
import { sequenceAdvantages } from "../../src/estimators/sequence-advantages.ts";

const advantagesOf = (
  reward: number[],
  compare: (scores: Float64Array) => ArrayLike<number>,
  groupSize: number,
) => {
  const sequences = reward.length;
  const advantage = new Float64Array(2 * sequences);
  const mask = new Float64Array(2 * sequences).fill(1);
  mask[1] = 0;
  const batch = {
    sequences,
    steps: 2,
    mask,
    logProb: new Float64Array(2 * sequences),
    reward: Float64Array.from(reward),
  };
  sequenceAdvantages({ advantage }, batch, { estimator: { ...presets.rloo, compare }, groupSize });
  return [...advantage];
};

test("each group alone; sequences without a score are left out, masked steps get 0", () => {
  const groups: number[][] = [];
  const less = (scores: Float64Array) => {
    groups.push([...scores]);
    return scores.map((x) => x - scores[0]);
  };
  const nan = Number.NaN;
  expect(advantagesOf([1, 3, nan, 5, nan, nan, 7, 8], less, 2)).toEqual([
    0, 0, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1,
  ]);
  expect(groups).toEqual([[1, 3], [5], [7, 8]]);
});

test("advantages stand with the sequences that have a score", () => {
  const less = (scores: Float64Array) => scores.map((x) => x - scores[0]);
  expect(advantagesOf([Number.NaN, 3, 5], less, 3)).toEqual([0, 0, 0, 0, 2, 2]);
});

test("one number per score", () => {
  for (const wrong of [() => [1], () => [1, Number.NaN], () => undefined as never])
    expect(() => advantagesOf([1, 2], wrong, 2)).toThrow(OwnCodeError);
});
