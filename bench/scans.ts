/** Return scans over a rollout: once an update, beside a plain copy of as many numbers. */
import { discountedReturns } from "../src/returns/discounted.ts";
import type { BenchCase, Suite } from "./harness.ts";

function cases(steps: number, envs: number): BenchCase[] {
  const column = (value: number): Float32Array => new Float32Array(steps * envs).fill(value);
  const [returns, copy] = [column(0), column(0)];
  const transitions = {
    envs,
    reward: column(0.5),
    value: column(0.5),
    nextValue: column(0.5),
    terminated: column(0),
    truncated: column(0),
  };
  const size = `[${steps}, ${envs}]`;
  const amount = steps * envs;
  return [
    {
      name: `discounted returns ${size}`,
      amount,
      unit: "steps",
      run: () => discountedReturns(returns, transitions, 0.99),
    },
    { name: `copy of one column ${size}`, amount, unit: "steps", run: () => copy.set(returns) },
  ];
}

export const scans: Suite = {
  about: "discounted returns, beside a copy",
  make: () => [...cases(2048, 8), ...cases(1_000_000, 1)],
};
