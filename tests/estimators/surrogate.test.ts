/** The surrogate: gradients by differences, its composed form, kinks from both sides, masks, micro-batches. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor, variable } from "../../src/core/tensor.ts";
import { presets } from "../../src/estimators/presets.ts";
import {
  diagnostics,
  ratios,
  type SurrogateSettings,
  surrogateDefaults,
  surrogateLoss,
} from "../../src/estimators/surrogate.ts";
import { type Aggregation, tokenWeights } from "../../src/estimators/weights.ts";
import * as o from "../../src/ops/index.ts";
import { gradCheck } from "../../src/oracle/grad-check.ts";
import { Draw } from "../support/cases.ts";
import { seed } from "../support/seed.ts";

const k = loops(Float64Array);
const aggregations: Aggregation[] = ["token", "sequence", "sequenceSum", "constant", "sum"];
const clipped: SurrogateSettings = surrogateDefaults;

/** Random log-probabilities [batch, steps] whose ratios keep 0.01 from the bounds 0.8, 1.2 and 1.5. */
function batch(at: number, settings: SurrogateSettings) {
  const d = new Draw(at);
  const [rows, steps] = [d.some(), d.some()];
  const n = rows * steps;
  const shape = [rows, steps];
  const mask = Float64Array.from({ length: n }, () => (d.below(4) > 0 ? 1 : 0));
  const logProb = Float64Array.from({ length: n }, () => -2 * d.random.uniform() - 0.1);
  const old = logProb.slice();
  const far = (x: number): boolean =>
    [0.8, 1.2, 1.5].every((bound) => Math.abs(Math.exp(x) - bound) > 0.01);
  for (let row = 0; row < rows; row++) {
    for (;;) {
      for (let i = row * steps; i < (row + 1) * steps; i++)
        old[i] = logProb[i] - 1.2 * (d.random.uniform() - 0.5);
      const gaps = [];
      for (let i = row * steps; i < (row + 1) * steps; i++)
        if (mask[i] !== 0) gaps.push(logProb[i] - old[i]);
      const sum = gaps.reduce((a, b) => a + b, 0);
      const whole = settings.ratioLevel === "sequenceSum" ? sum : sum / Math.max(1, gaps.length);
      if (settings.ratioLevel === "token" ? gaps.every(far) : far(whole)) break;
    }
  }
  const advantage = Float64Array.from({ length: d.flag() ? rows : n }, () => d.random.normal());
  const weight = new Float64Array(n);
  tokenWeights(weight, mask, steps, { aggregation: aggregations[d.below(5)] });
  return { shape, rows, steps, n, mask, logProb, old, advantage, weight };
}
type Batch = {
  [K in keyof ReturnType<typeof batch>]: ReturnType<typeof batch>[K] extends Float64Array
    ? Float64Array
    : ReturnType<typeof batch>[K];
};

function run(b: Batch, settings: SurrogateSettings) {
  const logProb = variable(k, b.shape, b.logProb);
  const [old, weight] = [input(k, b.shape, b.old), input(k, b.shape, b.weight)];
  const advantage = input(k, b.advantage.length === b.n ? b.shape : [b.rows], b.advantage);
  const tape = new Tape(k);
  const loss = tape.run(() => surrogateLoss(logProb, old, advantage, weight, settings));
  tape.backward(loss);
  return {
    loss: loss.data[0],
    grad: logProb.grad,
    diagnostics: diagnostics(loss),
    ratios: [...ratios(loss)],
  };
}

/** The objective from primitive ops, one a line, as in the papers. */
function composed(b: Batch, s: SurrogateSettings): (logProb: Tensor) => Tensor {
  const [old, weight, mask] = [b.old, b.weight, b.mask].map((x) => input(k, b.shape, x));
  const advantage = input(k, b.advantage.length === b.n ? b.shape : [b.rows, 1], b.advantage);
  return (logProb) => {
    const logRatio = o.mul(o.sub(logProb, old), mask);
    const total = o.sum(logRatio, 1, true);
    const count = o.maximum(o.sum(mask, 1, true), input(k, [1, 1], [1]));
    const whole = s.ratioLevel === "sequenceSum" ? total : o.div(total, count);
    const level =
      s.ratioLevel === "token"
        ? logRatio
        : s.ratioLevel === "sequenceToken"
          ? o.add(o.sub(logProb, o.stopGradient(logProb)), o.stopGradient(whole))
          : o.add(o.mul(logRatio, 0), whole);
    const ratio = o.exp(level);
    if (s.form === "reinforce") return o.neg(o.sum(o.mul(weight, o.mul(logProb, advantage))));
    const held = o.clip(ratio, 1 - s.clipLow, 1 + s.clipHigh);
    if (s.form === "cispo")
      return o.neg(o.sum(o.mul(weight, o.mul(o.mul(o.stopGradient(held), advantage), logProb))));
    if (s.form === "ratio") return o.neg(o.sum(o.mul(weight, o.mul(ratio, advantage))));
    const unclipped = o.mul(s.delta === null ? ratio : o.clip(ratio, null, s.delta), advantage);
    let objective = o.minimum(unclipped, o.mul(held, advantage));
    if (s.dualClip !== null) {
      const floor = o.mul(advantage, s.dualClip);
      const negative = o.less(advantage, o.mul(advantage, 0));
      objective = o.where(negative, o.maximum(objective, floor), objective);
    }
    return o.neg(o.sum(o.mul(weight, objective)));
  };
}

const settingsToTry: Record<string, SurrogateSettings> = {
  reinforce: { ...clipped, form: "reinforce" },
  ratio: { ...clipped, form: "ratio" },
  "clip, token": clipped,
  "clip higher": { ...clipped, clipHigh: 0.5 },
  "dual clip": { ...clipped, dualClip: 1.5 },
  "two-sided": { ...clipped, delta: 1.5 },
  cispo: { ...clipped, form: "cispo" },
  "GSPO, sequence": { ...clipped, ratioLevel: "sequence" },
  "GSPO, token": { ...clipped, ratioLevel: "sequenceToken" },
  "RLOO, whole sequences": { ...clipped, ratioLevel: "sequenceSum" },
  "ratio of sequences": { ...clipped, form: "ratio", ratioLevel: "sequenceSum" },
};

for (const [name, settings] of Object.entries(settingsToTry)) {
  describe(name, () => {
    test("equals its composed form, loss and gradient, on random batches with masks", () => {
      const property = fc.property(fc.nat(), (at) => {
        const b = batch(at, settings);
        const { loss, grad } = run(b, settings);
        const logProb = variable(k, b.shape, b.logProb);
        const tape = new Tape(k);
        const wanted = tape.run(() => composed(b, settings)(logProb));
        tape.backward(wanted);
        expect(loss).toBeCloseTo(wanted.data[0], 10);
        for (let i = 0; i < b.n; i++) expect(grad[i]).toBeCloseTo(logProb.grad[i], 10);
      });
      fc.assert(property, { numRuns: 100, seed });
    });

    if (settings.form !== "cispo" && settings.ratioLevel !== "sequenceToken") {
      test("passes the gradient check (the others stop a gradient, so differences do not apply)", () => {
        const property = fc.property(fc.nat(), (at) => {
          const b = batch(at, settings);
          const constant = (data: Float64Array, shape = b.shape) => ({ shape, data, grad: false });
          const advantage = constant(b.advantage, b.advantage.length === b.n ? b.shape : [b.rows]);
          gradCheck(
            (p, q, A, w) => surrogateLoss(p, q, A, w, settings),
            [{ shape: b.shape, data: b.logProb }, constant(b.old), advantage, constant(b.weight)],
            { seed: at, step: 1e-5 },
          );
        });
        fc.assert(property, { numRuns: 60, seed });
      });
    }

    test("what stands at a masked position changes nothing, NaN included", () => {
      const property = fc.property(fc.nat(), (at) => {
        const b = batch(at, settings);
        const plain = run(b, settings);
        const spoil = (x: Float64Array): Float64Array =>
          x.map((v, i) => (b.mask[i] === 0 ? Number.NaN : v));
        const spoiled = run({ ...b, logProb: spoil(b.logProb), old: spoil(b.old) }, settings);
        expect(spoiled.loss).toBe(plain.loss);
        expect([...spoiled.grad]).toEqual([...plain.grad]);
        expect(spoiled.diagnostics).toEqual(plain.diagnostics);
      });
      fc.assert(property, { numRuns: 60, seed });
    });

    test("padding every sequence changes nothing", () => {
      const b = batch(3, settings);
      const wide = (x: Float64Array): Float64Array => {
        const y = new Float64Array(b.rows * (b.steps + 2));
        for (let i = 0; i < b.n; i++)
          y[Math.floor(i / b.steps) * (b.steps + 2) + (i % b.steps)] = x[i];
        return y;
      };
      const shared = { ...b, advantage: b.advantage.slice(0, b.rows) };
      const padded = {
        ...shared,
        steps: b.steps + 2,
        n: b.rows * (b.steps + 2),
        shape: [b.rows, b.steps + 2],
      };
      const padRun = run(
        {
          ...padded,
          mask: wide(b.mask),
          logProb: wide(b.logProb),
          old: wide(b.old),
          weight: wide(b.weight),
        },
        settings,
      );
      expect(padRun.loss).toBeCloseTo(run(shared, settings).loss, 12);
    });

    test("fresh data: every ratio is exactly 1, nothing clipped, KL 0", () => {
      const b = batch(5, settings);
      const { ratios: r, diagnostics: d } = run({ ...b, old: b.logProb }, settings);
      expect(r.every((x) => x === 1)).toBe(true);
      expect([d.clipFraction, d.outsideFraction, d.approximateKl, d.approximateKlK1 + 0]).toEqual([
        0, 0, 0, 0,
      ]);
    });
  });
}

describe("aggregation", () => {
  test("by hand: two sequences of 1 and 3 tokens, losses 4 and 1, 2, 3", () => {
    const mask = [1, 0, 0, 1, 1, 1];
    const losses = [4, 0, 0, 1, 2, 3];
    const total = (aggregation: Aggregation, more = {}): number => {
      const weight = new Float64Array(6);
      tokenWeights(weight, mask, 3, { aggregation, ...more });
      return weight.reduce((sum, w, i) => sum + w * losses[i], 0);
    };
    expect(total("token")).toBeCloseTo(10 / 4, 12);
    expect(total("sequence")).toBeCloseTo((4 + 2) / 2, 12);
    expect(total("sequenceSum")).toBeCloseTo((4 + 6) / 2, 12);
    expect(total("constant")).toBeCloseTo(10 / (2 * 3), 12);
    expect(total("constant", { maxLength: 5 })).toBeCloseTo(10 / 10, 12);
    expect(total("sum")).toBe(10);
  });

  test("property: micro-batches with the step's totals add up to the whole batch", () => {
    const masks = fc.array(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), {
      minLength: 2,
      maxLength: 6,
    });
    fc.assert(
      fc.property(masks, fc.constantFrom(...aggregations), fc.nat(5), (rows, aggregation, cut) => {
        const mask = Float64Array.from(rows.flat(), Number);
        const whole = new Float64Array(mask.length);
        tokenWeights(whole, mask, 4, { aggregation });
        const at = 4 * (1 + (cut % (rows.length - 1)));
        const totals = {
          totalTokens: mask.reduce((a, b) => a + b, 0),
          totalSequences: rows.length,
        };
        const parts = [mask.subarray(0, at), mask.subarray(at)].flatMap((part) => {
          const weight = new Float64Array(part.length);
          tokenWeights(weight, part, 4, { aggregation, ...totals });
          return [...weight];
        });
        expect(parts).toEqual([...whole]);
      }),
      { seed },
    );
  });
});

describe("kinks, from both sides", () => {
  /** The gradient of one token's loss at a ratio, for an advantage of ±1. */
  const slope = (ratio: number, A: number, settings = clipped): number => {
    const logProb = variable(k, [1], [Math.log(ratio)]);
    const [old, advantage, weight] = [[0], [A], [1]].map((x) => input(k, [1], x));
    const tape = new Tape(k);
    tape.backward(tape.run(() => surrogateLoss(logProb, old, advantage, weight, settings)));
    return logProb.grad[0];
  };
  test("PPO's four regions: the gradient stops only where the clip pulls down", () => {
    expect(slope(1.19, 1)).toBeCloseTo(-1.19, 12);
    expect(slope(1.21, 1)).toBeCloseTo(0, 12);
    expect(slope(0.79, 1)).toBeCloseTo(-0.79, 12);
    expect(slope(1.21, -1)).toBeCloseTo(1.21, 12);
    expect(slope(0.81, -1)).toBeCloseTo(0.81, 12);
    expect(slope(0.79, -1)).toBeCloseTo(0, 12);
    expect(slope(1, 0)).toBeCloseTo(0, 12);
  });
  test("dual clip: an action worse than average stops pulling beyond c", () => {
    const dual = { ...clipped, dualClip: 3 };
    expect(slope(2.99, -1, dual)).toBeCloseTo(2.99, 12);
    expect(slope(3.01, -1, dual)).toBeCloseTo(0, 12);
    expect(slope(3.01, 1, dual)).toBeCloseTo(0, 12);
  });
  test("two-sided clipping: beyond δ nothing is pushed down either", () => {
    expect(slope(1.49, -1, { ...clipped, delta: 1.5 })).toBeCloseTo(1.49, 12);
    expect(slope(1.51, -1, { ...clipped, delta: 1.5 })).toBeCloseTo(0, 12);
  });
});

test("wrong shapes and settings are refused by name", () => {
  const [p, short] = [variable(k, [2, 3]), input(k, [2])];
  const full = input(k, [2, 3]);
  const tape = new Tape(k);
  expect(() => tape.run(() => surrogateLoss(p, short, short, full))).toThrow(
    /surrogateLoss: expected logProb/,
  );
  expect(() =>
    tape.run(() => surrogateLoss(p, full, short, full, { ...clipped, clipLow: -1 })),
  ).toThrow(/clipLow/);
  expect(() =>
    tape.run(() => surrogateLoss(p, full, short, full, { ...clipped, dualClip: 0.5 })),
  ).toThrow(/dualClip/);
});

test("every preset is complete and names its source", () => {
  for (const { source, surrogate, aggregation, ddof } of Object.values(presets)) {
    expect(source.length).toBeGreaterThan(10);
    expect(Object.keys(surrogate).sort()).toEqual(Object.keys(surrogateDefaults).sort());
    expect(aggregations).toContain(aggregation);
    expect([0, 1]).toContain(ddof);
  }
});
