/** Statistics of sweeps against values worked by hand (Agarwal et al. 2021, arXiv:2108.13264). */
import { describe, expect, test } from "vitest";
import {
  bootstrapInterval,
  interquartileMean,
  mean,
  performanceProfile,
  probabilityOfImprovement,
  stratifiedInterval,
} from "../../src/rollout/statistics.ts";

describe("probability of improvement", () => {
  test("by hand: of the nine pairs of 1, 3, 5 and 2, 3, 4, four win and one ties", () => {
    // 1 beats none; 3 beats 2 and ties 3; 5 beats 2, 3 and 4
    expect(probabilityOfImprovement([1, 3, 5], [2, 3, 4])).toBeCloseTo(4.5 / 9, 15);
    expect(probabilityOfImprovement([2, 3, 4], [1, 3, 5])).toBeCloseTo(4.5 / 9, 15);
    expect(probabilityOfImprovement([1, 4], [0, 2, 3])).toBeCloseTo(4 / 6, 15);
  });
  test("rows of different lengths; all better, all worse, all equal", () => {
    expect(probabilityOfImprovement([5, 6], [1])).toBe(1);
    expect(probabilityOfImprovement([1], [5, 6, 7])).toBe(0);
    expect(probabilityOfImprovement([2, 2], [2, 2, 2])).toBe(0.5);
  });
});

test("a performance profile is the share of runs above each τ, not at it", () => {
  expect(performanceProfile([1, 2, 2, 5], [0, 1, 2, 4.9, 5])).toEqual([1, 0.75, 0.25, 0.25, 0]);
});

describe("the stratified bootstrap", () => {
  test("of one stratum is the plain one", () => {
    const x = [1, 4, 2, 8, 5];
    expect(stratifiedInterval([x], ([sample]) => interquartileMean(sample))).toEqual(
      bootstrapInterval(x, interquartileMean),
    );
  });
  test("never mixes strata: the mean of two constant ones has no spread", () => {
    const strata = [
      [0, 0, 0],
      [10, 10],
    ];
    expect(stratifiedInterval(strata, (groups) => mean(groups.flat()))).toEqual([4, 4]);
    expect(stratifiedInterval(strata, ([x, y]) => probabilityOfImprovement(y, x))).toEqual([1, 1]);
  });
  test("by hand: two runs of two values each; P is k/4, and 0 and 1 have a chance of 1/16 or more", () => {
    // x = {0, 2}, y = {1, 1}: a resample of x is 00, 02, 20, 22, so P is 0, ½, ½, 1 with ¼, ½, ¼
    const interval = stratifiedInterval(
      [
        [0, 2],
        [1, 1],
      ],
      ([x, y]) => probabilityOfImprovement(x, y),
    );
    expect(interval).toEqual([0, 1]);
  });
  test("the same seed gives the same interval, another seed another", () => {
    const of = (seed: number) =>
      stratifiedInterval([[1, 2, 3.5, 7, 9.25]], ([x]) => mean(x), { draws: 50, seed });
    expect(of(3)).toEqual(of(3));
    expect(of(3)).not.toEqual(of(4));
  });
});
