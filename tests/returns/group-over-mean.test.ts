/** Rewards over the mean of their group: MaxRL's advantage. */
import { describe, expect, test } from "vitest";
import { groupOverMean } from "../../src/returns/group.ts";

const f = (...x: number[]): Float64Array => Float64Array.from(x);

describe("groupOverMean", () => {
  test("by hand: rewards 1, 0, 0, 0 and 1, 1, 0, 0; a group without a reward is 0", () => {
    const out = new Float64Array(12);
    groupOverMean(out, f(1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0), 4, { eps: 0 });
    expect([...out]).toEqual([3, -1, -1, -1, 1, 1, -1, -1, 0, 0, 0, 0]);
  });
  test("what is not valid or not scored is left out; negative rewards are refused", () => {
    const out = new Float64Array(4);
    groupOverMean(out, f(1, Number.NaN, 0, 5), 4, { eps: 0, valid: f(1, 1, 1, 0) });
    expect([...out]).toEqual([1, 0, -1, 0]);
    expect(() => groupOverMean(out, f(1, 0, 0, -1), 4)).toThrow(RangeError);
  });
  test("property: its mean is the gradient of ln Pr(success) up to the order of the group, exactly", () => {
    // one bit with Pr(1) = p = σ(x), reward the bit, K = 2: E[mean of A·∇ln π] = Σ over samples
    for (const p of [0.2, 0.5, 0.9]) {
      let mean = 0;
      for (const a of [0, 1]) {
        for (const b of [0, 1]) {
          const A = new Float64Array(2);
          groupOverMean(A, f(a, b), 2, { eps: 0 });
          const chance = (a ? p : 1 - p) * (b ? p : 1 - p);
          mean += (chance * (A[0] * (a - p) + A[1] * (b - p))) / 2;
        }
      }
      // ∇ of −[(1 − p) + (1 − p)²/2], the first two orders of ln p, less the control variate's own share
      const orders = (1 + (1 - p)) * p * (1 - p);
      const control = p * (1 - p) * (1 - p); // mean of ∇ln π where no member succeeds is not subtracted
      expect(mean).toBeCloseTo(orders - control, 12);
    }
  });
});
