/** Random rollouts for fast-check: eighths, so that float32 holds them; ends anywhere, both kinds at once too. */
import fc from "fast-check";
import { expect } from "vitest";
import type { Floats } from "../../src/core/backend.ts";
import type { Transitions } from "../../src/returns/transitions.ts";
import type { Case } from "./definition.ts";

const eighths = (low: number, high: number): fc.Arbitrary<number> =>
  fc.integer({ min: low * 8, max: high * 8 }).map((k) => k / 8);
const column = (n: number, of: fc.Arbitrary<number>): fc.Arbitrary<Float64Array> =>
  fc.array(of, { minLength: n, maxLength: n }).map((x) => Float64Array.from(x));
const unit = eighths(0, 1);
const flag = fc.integer({ min: 0, max: 5 }).map((k) => (k === 0 ? 1 : 0));
const oneOrMany = (n: number) => fc.oneof(unit, column(n, unit));
const cap = fc.oneof(eighths(0, 3), fc.constant(Number.POSITIVE_INFINITY));

/** A value that nobody may read is NaN. */
const unread = (r: Transitions): Transitions => ({
  ...r,
  nextValue: r.nextValue.map((v, i) => (r.terminated[i] ? Number.NaN : v)),
});

export const rollouts = (steps: fc.Arbitrary<number>, envs: fc.Arbitrary<number>) =>
  fc.tuple(steps, envs).chain(([T, B]): fc.Arbitrary<Case> => {
    const n = T * B;
    const numbers = column(n, eighths(-4, 4));
    const flags = column(n, flag);
    const r = fc
      .record({
        envs: fc.constant(B),
        reward: numbers,
        value: numbers,
        nextValue: numbers,
        terminated: flags,
        truncated: flags,
      })
      .map(unread);
    return fc.record({
      r,
      logRatio: column(n, eighths(-2, 2)),
      gamma: oneOrMany(n),
      lambda: oneOrMany(n),
      n: fc.integer({ min: 1, max: 14 }),
      caps: fc.record({ rhoBar: cap, cBar: cap, pgRhoBar: cap }),
    });
  });

const upTo = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
export const small = rollouts(upTo(12), upTo(4));

/** Equal to within rounding, relative to 1 or to their size. */
export function near(got: ArrayLike<number>, want: ArrayLike<number>, tolerance = 1e-9): void {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    const off = Math.abs(got[i] - want[i]) / Math.max(1, Math.abs(want[i]));
    if (!(off <= tolerance)) expect.fail(`[${i}]: want ${want[i]}, got ${got[i]}`);
  }
}

/** What `scan` writes into a fresh array. */
export function written(r: { reward: Floats }, scan: (out: Float64Array) => void): Float64Array {
  const out = new Float64Array(r.reward.length).fill(Number.NaN);
  scan(out);
  return out;
}

/** Columns with each entry moved to where `from(i)` says it comes from. */
export function rearranged(
  r: Transitions,
  from: (i: number) => number,
  envs = r.envs,
): Transitions {
  const move = (x: Floats): Floats => x.map((_, i) => x[from(i)]);
  return {
    envs,
    reward: move(r.reward),
    value: move(r.value),
    nextValue: move(r.nextValue),
    terminated: move(r.terminated),
    truncated: move(r.truncated),
  };
}
