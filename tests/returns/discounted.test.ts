import { expect, test } from "vitest";
import { discountedReturns } from "../../src/returns/discounted.ts";

test("discountedReturns by hand: γ = ½; cut short after step 1, terminal after step 2", () => {
  const returns = new Float32Array(3);
  const transitions = {
    envs: 1,
    reward: Float32Array.of(1, 2, 3),
    value: new Float32Array(3),
    nextValue: Float32Array.of(9, 4, 9),
    terminated: Float32Array.of(0, 0, 1),
    truncated: Float32Array.of(0, 1, 0),
  };
  const lists = Object.entries(transitions).map(([name, x]) => [
    name,
    typeof x === "number" ? x : Array.from(x),
  ]);
  const plain = new Float64Array(returns.length);
  discountedReturns(plain, Object.fromEntries(lists), 0.5);
  discountedReturns(returns, transitions, 0.5);
  expect(plain).toEqual(Float64Array.from(returns));
  // G₂ = 3; G₁ = 2 + ½·4 = 4; G₀ = 1 + ½·4 = 3
  expect([...returns]).toEqual([3, 4, 3]);
});
