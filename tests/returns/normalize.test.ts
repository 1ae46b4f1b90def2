import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ShapeError } from "../../src/core/errors.ts";
import {
  explainedVariance,
  scaleByDeviation,
  standardize,
  standardizeRows,
  subtractMean,
} from "../../src/returns/normalize.ts";
import { RewardScaler, RunningMoments } from "../../src/returns/running.ts";
import { seed } from "../support/seed.ts";
import { near } from "./cases.ts";

const eighth = fc.integer({ min: -80, max: 80 }).map((k) => k / 8);
const { NaN: none } = Number;

describe("standardize", () => {
  const of = (x: number[], options = {}): number[] => {
    const y = Float64Array.from(x);
    standardize(y, y, options);
    return [...y];
  };

  test("by hand: mean 3, squares 14", () => {
    near(
      of([1, 2, 6], { ddof: 0, eps: 0 }),
      [-2, -1, 3].map((d) => d / Math.sqrt(14 / 3)),
    );
    near(
      of([1, 2, 6], { ddof: 1, eps: 1 }),
      [-2, -1, 3].map((d) => d / (Math.sqrt(7) + 1)),
    );
    near(
      of([1, 2, 6]),
      [-2, -1, 3].map((d) => d / (Math.sqrt(7) + 1e-8)),
    );
  });

  test("property: what is masked is not read, NaN or not, and is 0; the rest is as if alone", () => {
    const entries = fc.array(fc.tuple(eighth, fc.boolean()));
    fc.assert(
      fc.property(entries, (x) => {
        const mask = Float64Array.from(x, ([, counts]) => Number(counts));
        const got = of(
          x.map(([v, counts]) => (counts ? v : none)),
          { mask },
        );
        const alone = of(x.filter(([, counts]) => counts).map(([v]) => v));
        let next = 0;
        near(
          got,
          x.map(([, counts]) => (counts ? alone[next++] : 0)),
          1e-12,
        );
      }),
      { seed },
    );
  });

  test("property: mean 0 and deviation 1, whatever the shift and scale", () => {
    const many = fc.array(eighth, { minLength: 2 }).filter((x) => x.some((v) => v !== x[0]));
    fc.assert(
      fc.property(many, eighth, fc.constantFrom(1e-150, 1e-6, 1, 1e150), (x, shift, scale) => {
        const y = of(
          x.map((v) => (v + shift) * scale),
          { ddof: 0, eps: 0 },
        );
        near([y.reduce((s, v) => s + v, 0) / y.length], [0]);
        near([y.reduce((s, v) => s + v * v, 0) / y.length], [1]);
      }),
      { seed },
    );
  });

  test("one entry, equal entries and none are 0 or nothing, whatever eps and ddof", () => {
    for (const eps of [0, 1e-8])
      for (const ddof of [0, 1]) {
        expect(of([], { eps, ddof })).toEqual([]);
        expect(of([3], { eps, ddof })).toEqual([0]);
        expect(of([0.1, 0.1, 0.1], { eps, ddof })).toEqual([0, 0, 0]);
        expect(of([none, 7], { eps, ddof, mask: Float64Array.of(0, 1) })).toEqual([0, 0]);
        expect(of([none, none], { eps, ddof, mask: new Float64Array(2) })).toEqual([0, 0]);
      }
    expect(of([1, 2], { ddof: 2 })).toEqual([0, 0]); // nothing is left to divide by
  });

  test("deviations at the edge of what a number can be stay finite", () => {
    for (const tiny of [Number.MIN_VALUE, 1e-310, 1e-200])
      for (const y of of([0, tiny, 2 * tiny], { eps: 0 })) expect(Math.abs(y)).toBeLessThan(3);
    for (const y of of([1, 1 + Number.EPSILON], { eps: 0 })) near([Math.abs(y)], [Math.SQRT1_2]);
    for (const y of of([-1e300, 1e300], { eps: 0 })) expect(Number.isFinite(y)).toBe(true);
  });

  test("a NaN that counts is not hidden", () => {
    expect(of([1, none, 2])).toEqual([none, none, none]);
  });

  test("lengths that do not fit", () => {
    const x = new Float64Array(3);
    const short = new Float64Array(2);
    expect(() => standardize(short, x)).toThrow(ShapeError);
    expect(() => standardize(x, x, { mask: short })).toThrow(ShapeError);
  });
});

describe("explainedVariance", () => {
  const of = (prediction: number[], target: number[]): number =>
    explainedVariance(Float64Array.from(prediction), Float64Array.from(target));

  test("by hand", () => {
    expect(of([5, 6, 7], [1, 2, 3])).toBe(1); // off by a constant
    expect(of([9, 9, 9], [1, 2, 6])).toBe(0);
    expect(of([3, 2, 1], [1, 2, 3])).toBe(-3); // errors −2 0 2: 8 over 2
    expect(of([1, 1, 3], [1, 2, 3])).toBeCloseTo(2 / 3, 12); // errors 0 1 0: ⅔ over 2
    expect(of([1, 2], [0.1, 0.1])).toBeNaN();
    expect(of([], [])).toBeNaN();
    expect(() => of([1], [1, 2])).toThrow(ShapeError);
  });
});

describe("RunningMoments", () => {
  const rows = (size: number) =>
    fc.array(fc.array(eighth, { minLength: size, maxLength: size }), { maxLength: 9 });

  test("property: batch by batch, or two halves merged, it knows what the whole batch says", () => {
    fc.assert(
      fc.property(fc.array(rows(2), { minLength: 1, maxLength: 5 }), (batches) => {
        const [running, front, back] = [0, 1, 2].map(() => new RunningMoments(2, 0));
        batches.forEach((batch, i) => {
          const x = Float64Array.from(batch.flat());
          running.update(x);
          (i % 2 === 0 ? front : back).update(x);
        });
        front.merge(back);
        const seen = batches.flat();
        if (seen.length === 0) return;
        const mean = [0, 1].map((j) => seen.reduce((s, row) => s + row[j], 0) / seen.length);
        const variance = mean.map(
          (m, j) => seen.reduce((s, row) => s + (row[j] - m) ** 2, 0) / seen.length,
        );
        for (const moments of [running, front]) {
          expect(moments.count).toBe(seen.length);
          near(moments.mean, mean);
          near(moments.variance, variance);
        }
      }),
      { seed },
    );
  });

  test("by hand: a start of two samples of mean 0 and variance 1, then 3 and 5", () => {
    const moments = new RunningMoments(1, 2);
    moments.update(Float64Array.of(3, 5));
    // δ = 4: mean 4·2/4 = 2; squares 2·1 + 2·1 + 16·2·2/4 = 20, over 4
    expect(moments.save()).toEqual({ count: 4, mean: [2], variance: [5] });
    // (x − 2)/√(5 + 4), kept from −3 to 3
    const y = new Float64Array(3);
    moments.normalize(y, Float64Array.of(5, -1, 99), { eps: 4, clip: 3 });
    expect([...y]).toEqual([1, -1, 3]);
  });

  test("what is saved is plain numbers, and restored goes on the same", () => {
    const moments = new RunningMoments(2);
    moments.update(Float64Array.of(1, 2, 3, 5));
    const other = new RunningMoments(2);
    other.restore(JSON.parse(JSON.stringify(moments.save())));
    for (const m of [moments, other]) m.update(Float64Array.of(7, -1));
    expect(other.save()).toEqual(moments.save());
    expect(() => new RunningMoments(3).restore(moments.save())).toThrow(ShapeError);
    const saved = moments.save();
    for (const wrong of [
      { count: none },
      { variance: saved.variance.map(() => -1) },
      { mean: saved.mean.map(() => none) },
    ])
      expect(() => moments.restore({ ...saved, ...wrong })).toThrow(RangeError);
  });

  test("lengths that do not fit", () => {
    const moments = new RunningMoments(2);
    const odd = new Float64Array(3);
    expect(() => moments.update(odd)).toThrow(ShapeError);
    expect(() => moments.normalize(odd, odd)).toThrow(ShapeError);
    expect(() => moments.normalize(odd, new Float64Array(4))).toThrow(ShapeError);
    expect(() => moments.merge(new RunningMoments(1))).toThrow(ShapeError);
  });
});

describe("RewardScaler", () => {
  const zeros = new Float64Array(2);

  test("by hand: γ = ½, one environment that ends after its second step", () => {
    const scaler = new RewardScaler(1, { gamma: 0.5, eps: 0.75, clip: 2 });
    scaler.moments.count = 1; // the start: one sample of 0 with variance 1
    const y = new Float64Array(3);
    const flags = [Float64Array.of(0, 1, 0), Float64Array.of(0, 0, 1)];
    scaler.scale(y, Float64Array.of(2, 3, 10), flags[0], flags[1]);
    // R = 2: mean 1, variance (1 + 0 + 4·1·1/2)/2 = 1.5, y = 2/√(1.5 + ¾)
    // R = 1 + 3 = 4: δ = 3, mean 2, variance (3 + 0 + 9·2·1/3)/3 = 3, y = 3/√(3 + ¾)
    // ended, R = 10: δ = 8, mean 4, variance (9 + 0 + 64·3·1/4)/4 = 14.25, y = 10/√15 → 2
    near(scaler.moments.mean, [4]);
    near(scaler.moments.variance, [14.25]);
    near(y, [2 / 1.5, 3 / Math.sqrt(3.75), 2]);
    expect([...scaler.returns]).toEqual([0]);
    scaler.scale(y, Float64Array.of(1, 1, 1), new Float64Array(3), new Float64Array(3));
    expect(y.every((v) => v > 0 && v < 1)).toBe(true);
  });

  test("property: scaled, not shifted: signs and ratios within a row stay", () => {
    const row = fc.tuple(eighth, eighth);
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 20 }), (batch) => {
        const scaler = new RewardScaler(2, { clip: Number.POSITIVE_INFINITY });
        for (const rewards of batch) {
          const y = Float64Array.from(rewards);
          scaler.scale(y, y, zeros, zeros);
          near([y[0] * rewards[1]], [y[1] * rewards[0]]);
          expect(Math.sign(y[0])).toBe(Math.sign(rewards[0]));
        }
      }),
      { seed },
    );
  });

  test("many rows at once are as one after the other; saved and restored it goes on the same", () => {
    const [whole, first] = [new RewardScaler(2), new RewardScaler(2)];
    const reward = Float64Array.of(1, 2, -3, 4, 5, 0.5);
    const [terminated, truncated] = [
      Float64Array.of(0, 1, 0, 0, 0, 0),
      Float64Array.of(0, 0, 1, 0, 0, 0),
    ];
    const want = reward.slice();
    whole.scale(want, want, terminated, truncated);
    let scaler = first;
    for (let i = 0; i < 6; i += 2) {
      const row = <T extends Float64Array>(x: T): Float64Array => x.subarray(i, i + 2);
      scaler.scale(row(reward), row(reward), row(terminated), row(truncated));
      const { returns, moments } = JSON.parse(JSON.stringify(scaler.save()));
      scaler = new RewardScaler(2);
      scaler.restore({ returns, moments });
    }
    expect([...reward]).toEqual([...want]);
    expect(scaler.save()).toEqual(whole.save());
  });

  test("what does not fit", () => {
    const odd = new Float64Array(3);
    const scaler = new RewardScaler(2);
    expect(() => scaler.scale(odd, odd, odd, odd)).toThrow(ShapeError);
    for (const at of [0, 2, 3]) {
      const columns = [0, 1, 2, 3].map((i) => (i === at ? odd : zeros.slice()));
      expect(() => scaler.scale(columns[0], columns[1], columns[2], columns[3])).toThrow(
        ShapeError,
      );
    }
    expect(() => new RewardScaler(0)).toThrow(ShapeError);
    expect(() => new RewardScaler(1, { gamma: 1.5 })).toThrow(RangeError);
  });
});

test("scaleByDeviation keeps the mean, subtractMean the scale; equal entries have no deviation", () => {
  const x = Float64Array.of(1, 3, 99, 5);
  const mask = Float64Array.of(1, 1, 0, 1);
  const y = new Float64Array(4);
  scaleByDeviation(y, x, { mask, eps: 0 }); // deviation 2
  expect([...y]).toEqual([0.5, 1.5, 0, 2.5]);
  subtractMean(y, x, mask);
  expect([...y]).toEqual([-2, 0, 0, 2]);
  const equal = Float64Array.of(0.1, 0.1, 0.1);
  scaleByDeviation(equal, equal);
  expect([...equal]).toEqual([0, 0, 0]);
});

test("standardizeRows is standardize of the rows in its order", () => {
  const x = Float64Array.of(4, 1, 9, 2, 7);
  const [y, whole] = [new Float64Array(5), new Float64Array(3)];
  standardizeRows(y, x, [3, 2, 4]); // rows 3, 2 and 4
  standardize(whole, Float64Array.of(2, 9, 7));
  expect([...y]).toEqual([0, 0, whole[1], whole[0], whole[2]]);
});
