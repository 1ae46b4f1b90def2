/** NaN and ±∞ where a scan, a weight or an advantage does not look: the same numbers come out as for a finite one. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { Tape } from "../../src/core/tape.ts";
import { input } from "../../src/core/tensor.ts";
import * as pg from "../../src/index.ts";
import { cachedAttention } from "../../src/ops/self-attention.ts";

const f = (...x: number[]): Float32Array => Float32Array.from(x);
const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const mask = f(1, 0, 1, 1, 0, 0);

/** Each takes what stands at the positions that do not count and gives what was written. */
const scans: Record<string, (x: number) => ArrayLike<number>> = {
  tokenGae(x) {
    const out = new Float32Array(6);
    pg.tokenGae(
      out,
      { reward: f(1, x, 2, 3, x, x), value: f(0.5, x, 1, 2, x, x), mask, steps: 3 },
      0.9,
      0.8,
    );
    return out;
  },
  importanceWeights(x) {
    const out = new Float32Array(6);
    const settings = { level: "sequence", mode: "drop", low: 0, high: 9 } as const;
    pg.importanceWeights(
      out,
      { logProb: f(-1, x, -2, -1, x, x), samplerLogProb: f(-2, x, -1, -1, x, x), mask, steps: 3 },
      settings,
    );
    return out;
  },
  offPolicySequenceMask(x) {
    const keep = new Float32Array(2);
    const [a, b] = [f(-1, x, -2, -1, x, x), f(-2, x, -1, -1, x, x)];
    pg.offPolicySequenceMask(keep, f(-1, -1), { logProb: a, samplerLogProb: b, mask }, 0.1);
    return keep;
  },
  klShapedRewards(x) {
    const out = new Float32Array(6);
    pg.klShapedRewards(
      out,
      { score: f(1, 2), logProb: f(-1, x, -2, -1, x, x), refLogProb: f(-2, x, -1, -1, x, x), mask },
      0.1,
    );
    return out;
  },
  topEntropyMask(x) {
    const out = new Float32Array(6);
    pg.topEntropyMask(out, f(1, x, 2, 3, x, x), mask, 0.5);
    return out;
  },
  standardize(x) {
    const out = new Float32Array(6);
    pg.standardize(out, f(1, x, 2, 3, x, x), { mask });
    return out;
  },
  leaveOneOut(x) {
    const out = new Float32Array(6);
    pg.leaveOneOut(out, f(1, x, 2, 3, x, x), 3, mask);
    return out;
  },
  groupStandardize(x) {
    const out = new Float32Array(6);
    pg.groupStandardize(out, f(1, x, 2, 3, x, x), 3, { valid: mask });
    return out;
  },
  groupMean(x) {
    const out = new Float32Array(6);
    pg.groupMean(out, f(1, x, 2, 3, x, x), [1, 1, 1, 2, 2, 2], mask);
    return out;
  },
  batchStandardize(x) {
    const out = new Float32Array(6);
    pg.batchStandardize(out, f(1, x, 2, 3, x, x), { valid: mask });
    return out;
  },
  "gae where an episode ends"(x) {
    const advantage = new Float32Array(8);
    const rollout = {
      envs: 4,
      reward: f(1, 2, 3, 4, 5, 6, 7, 8),
      value: f(1, 1, 1, 1, 1, 1, 1, 1),
      nextValue: f(x, 1, 2, x, 1, 1, x, 1),
      terminated: f(1, 0, 0, 1, 0, 0, 1, 0),
      truncated: f(0, 0, 1, 0, 0, 0, 0, 0),
    };
    pg.gae(advantage, rollout, 0.9, 0.8);
    return advantage;
  },
  ...Object.fromEntries(
    [loops(), simd({ memory: 1 << 20 })].map((k) => [
      `cachedAttention, positions not yet written and other sequences, ${k.name}`,
      (x: number) => {
        const keys = input(k, [2, 1, 2, 8]);
        const values = input(k, [2, 1, 8, 2]);
        for (const { data } of [keys, values]) data.fill(x);
        const tape = new Tape(k, { grads: false });
        const qkv = input(k, [1, 6], [0.5, -1, 1, 2, 3, 4]);
        const rows = [input(k, [1]), input(k, [1])] as const;
        const made: number[] = [];
        for (const position of [0, 1, 2]) {
          rows[1].data[0] = position;
          made.push(...tape.run(() => cachedAttention(qkv, 1, { keys, values }, rows)).data);
        }
        return made;
      },
    ]),
  ),
};

describe.each(Object.entries(scans))("%s", (_, scan) => {
  test.each(bad)("%f", (x) => {
    const plain = [...Array.from(scan(-0.75))];
    expect(plain.every(Number.isFinite)).toBe(true);
    expect(plain.some((y) => y !== 0)).toBe(true);
    expect([...Array.from(scan(x))]).toEqual(plain);
  });
});
