/** What A3C's workers share, and what of it is kept. */
import { describe, expect, test } from "vitest";
import {
  a3c,
  a3cSettings,
  counts,
  exchange,
  LockedMoments,
  sharedState,
  shareMoments,
  shareOf,
  summarize,
} from "../../src/algos/a3c.ts";
import { settle } from "../../src/core/settings.ts";
import { RunningMoments } from "../../src/returns/running.ts";
import { thetaOf } from "./plain/learner.ts";
import { setup, varied } from "./plain/play.ts";

const allocate = (bytes: number): ArrayBufferLike => new ArrayBuffer(bytes);

test("parameters go to the workers' memory and come back", () => {
  const { training: t, model } = setup(2, 1000);
  const shared = shareOf(t, allocate);
  const before = thetaOf(model);
  expect(shared.theta.length).toBe(before.length);
  expect(shared.square.length).toBe(before.length);
  expect(shared.counts.length).toBe(counts.size);
  exchange(t, shared, "shared");
  for (const [i, v] of before.entries()) expect(shared.theta[i]).toBeCloseTo(v, 6);
  for (let i = 0; i < before.length; i++) shared.theta[i] = i + 0.5;
  exchange(t, shared, "model");
  expect(thetaOf(model)).toEqual(before.map((_, i) => i + 0.5));
});

describe("statistics of observations", () => {
  test("in shared memory are what they are outside, and free again after each use", () => {
    const memory = { memory: new Float64Array(5), lock: new Int32Array(1) };
    const [locked, plain] = [new LockedMoments(2, memory), new RunningMoments(2, 0)];
    for (const batch of [Float32Array.of(1, 2, 3, 4), Float32Array.of(-1, 5)]) {
      locked.update(batch);
      plain.update(batch);
      expect(memory.lock[0]).toBe(0);
    }
    expect(locked.save()).toEqual(plain.save());
    expect(memory.lock[0]).toBe(0);
    const other = new LockedMoments(2, memory); // another thread's
    expect(other.save()).toEqual(plain.save());
    expect(() => locked.update(Float32Array.of(1))).toThrow();
    expect(memory.lock[0]).toBe(0);
  });
  test("begin as the training's, and come back with the parameters", () => {
    const none = setup(2, 1000).training;
    expect(shareMoments(none)).toBeNull();
    const { training: t } = setup(2, 1000, varied, { normalizeObservation: true });
    t.env.start();
    const moments = shareMoments(t);
    if (moments === null) throw new Error("no memory");
    expect(moments.memory.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(moments.lock.buffer).toBeInstanceOf(SharedArrayBuffer);
    const worker = new LockedMoments(3, moments);
    expect(worker.save()).toEqual(t.env.moments?.save());
    worker.update(Float32Array.of(7, 8, 9));
    const shared = { ...shareOf(t, allocate), moments };
    exchange(t, shared, "shared");
    expect(t.env.moments?.save()).not.toEqual(worker.save());
    exchange(t, shared, "model");
    expect(t.env.moments?.save()).toEqual(worker.save());
  });
});

test("squares and counts are kept", () => {
  const { training: t } = setup(2, 1000);
  const [shared, other] = [shareOf(t, allocate), shareOf(t, allocate)];
  shared.square.fill(0.25);
  shared.counts.set([3, 40, 1]);
  const saved = sharedState(shared).save();
  shared.square.fill(9);
  sharedState(other).restore(saved);
  expect([...other.square]).toEqual(new Array(other.square.length).fill(0.25));
  expect([...other.counts]).toEqual([3, 40, 1]);
});

test("a report has the means of all workers, and the largest staleness", () => {
  const figures = { steps: 1, policyLoss: 1, valueLoss: 2, entropy: 3, gradNorm: 4, staleness: 0 };
  const others = { steps: 1, policyLoss: 3, valueLoss: 4, entropy: 5, gradNorm: 8, staleness: 3 };
  expect(summarize([figures, others])).toEqual({
    policyLoss: 2,
    valueLoss: 3,
    entropy: 4,
    gradNorm: 6,
    staleness: 1.5,
    maxStaleness: 3,
  });
});

test("workers are apart: none begins as another does, and all take in what they see", () => {
  const s = setup(4, 1000, varied, { normalizeObservation: true });
  const c = settle(a3cSettings, { envs: 1, workers: 4, rollout: 6, learningRate: 0 });
  a3c(s.training, c).next();
  const actions = s.env.made.map(({ steps }) => steps.map(([row]) => row.action).join(""));
  expect(new Set(actions).size).toBeGreaterThan(2);
  expect(s.env.moments?.count).toBeCloseTo(24 + 4, 3);
});
