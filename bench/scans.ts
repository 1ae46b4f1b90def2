/** Measures the return scans of one update against a plain copy of as many numbers. */

import { lambdaReturns } from "../src/extra/lambda.ts";
import { discountedReturns, discountedSums } from "../src/returns/discounted.ts";
import { gae } from "../src/returns/gae.ts";
import { vtrace } from "../src/returns/vtrace.ts";
import type { BenchCase, Suite } from "./harness.ts";

const column = (n: number, value: number): Float32Array => new Float32Array(n).fill(value);

/** Returns the scans over a rollout, which read five or six columns and write one or two, and a copy of one column. */
function rollout(steps: number, envs: number): BenchCase[] {
  const n = steps * envs;
  const [out, more] = [column(n, 0), column(n, 0)];
  const [reward, value, nextValue] = [column(n, 0.5), column(n, 0.4), column(n, 0.3)];
  const [terminated, truncated, logRatio] = [column(n, 0), column(n, 0), column(n, 0.1)];
  for (let i = 0; i < n; i += 997) terminated[i] = 1;
  const r = { envs, reward, value, nextValue, terminated, truncated };
  const size = `[${steps}, ${envs}]`;
  const copy = `copy ${size}`;
  const timed = (name: string, run: () => void): BenchCase => ({
    name: `${name} ${size}`,
    amount: n,
    unit: "steps",
    run,
    against: copy,
  });
  return [
    { name: copy, amount: n, unit: "steps", run: () => out.set(reward) },
    timed("gae", () => gae(out, r, 0.99, 0.95)),
    timed("discounted returns", () => discountedReturns(out, r, 0.99)),
    timed("λ-returns", () => lambdaReturns(out, r, 0.99, 0.95)),
    timed("V-trace", () => vtrace({ target: out, advantage: more }, r, logRatio, 0.99)),
  ];
}

function sums(n: number): BenchCase[] {
  const [reward, returns] = [column(n, 0.5), column(n, 0)];
  const size = n.toExponential(0).replace("+", "");
  const copy = `copy of ${size}`;
  return [
    { name: copy, amount: n, unit: "steps", run: () => returns.set(reward) },
    {
      name: `discounted sum of ${size}`,
      amount: n,
      unit: "steps",
      run: () => discountedSums(returns, reward, 0.99),
      against: copy,
    },
  ];
}

export const scans: Suite = {
  about: "return scans, against a copy",
  make: () => [...rollout(2048, 8), ...rollout(15_625, 64), ...sums(1e6), ...sums(1e7)],
};
