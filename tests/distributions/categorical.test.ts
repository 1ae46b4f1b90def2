import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { MaskError, ShapeError } from "../../src/core/errors.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor, variable } from "../../src/core/tensor.ts";
import * as d from "../../src/distributions/categorical.ts";
import { gradCheck } from "../../src/oracle/grad-check.ts";
import { Draw } from "../support/cases.ts";
import { seed } from "../support/seed.ts";

const k = loops(Float64Array);
const run = (f: () => Tensor): number[] => [...new Tape(k).run(f).data];

describe("categorical", () => {
  test("by hand: logits ln 1, ln 2, ln 5 are odds of 1 : 2 : 5", () => {
    const logits = input(k, [1, 3], [0, Math.log(2), Math.log(5)]);
    expect(run(() => d.categoricalLogProb(logits, input(k, [1], [2])))[0]).toBeCloseTo(
      Math.log(5 / 8),
      12,
    );
    const entropy = [1, 2, 5].reduce((h, n) => h - (n / 8) * Math.log(n / 8), 0);
    expect(run(() => d.categoricalEntropy(logits))[0]).toBeCloseTo(entropy, 12);
    const uniform = input(k, [1, 3]);
    const kl = [1, 2, 5].reduce((s, n) => s + (n / 8) * Math.log((n / 8) * 3), 0);
    expect(run(() => d.categoricalKl(logits, uniform))[0]).toBeCloseTo(kl, 12);
  });

  test("gradients in float64, with and without masks", () => {
    const property = fc.property(fc.nat(), (at) => {
      const g = new Draw(at);
      const [batch, n] = [g.some(), g.some()];
      const shape = [batch, n];
      // the first action is always allowed, and the one taken
      const mask = {
        shape,
        data: Array.from({ length: batch * n }, (_, i) => (i % n === 0 ? 1 : g.below(2))),
        grad: false,
      };
      const action = { shape: [batch], data: new Float64Array(batch), grad: false };
      const logits = g.tensor(shape);
      const other = g.tensor(shape);
      for (const masked of [true, false]) {
        const m = (t: Tensor): Tensor | undefined => (masked ? t : undefined);
        gradCheck((x, a, t) => d.categoricalLogProb(x, a, m(t)), [logits, action, mask]);
        gradCheck((x, t) => d.categoricalEntropy(x, m(t)), [logits, mask]);
        gradCheck((x, y, t) => d.categoricalKl(x, y, m(t)), [logits, other, mask]);
        gradCheck((x, t) => d.categoricalProbs(x, m(t)), [logits, mask]);
      }
    });
    fc.assert(property, { numRuns: 40, seed });
  });

  test("masks: a masked action has probability 0, whatever its logit, and NaN there does not leak", () => {
    const logits = variable(k, [1, 3], [1, Number.NaN, 2]);
    const mask = input(k, [1, 3], [1, 0, 1]);
    const tape = new Tape(k);
    const y = tape.run(() => d.categoricalLogProb(logits, input(k, [1], [0]), mask));
    tape.backward(y);
    expect(y.data[0]).toBeCloseTo(-Math.log(1 + Math.E), 12);
    expect(logits.grad[1]).toBe(0);
    expect(run(() => d.categoricalLogProb(logits, input(k, [1], [1]), mask))).toEqual([-Infinity]);
    const none = input(k, [1, 3]);
    expect(() => run(() => d.categoricalEntropy(logits, none))).toThrow(MaskError);
    expect(() => run(() => d.categoricalEntropy(logits, input(k, [3])))).toThrow(ShapeError);
    expect(() => run(() => d.categoricalLogProb(logits, input(k, [1], [3])))).toThrow(RangeError);
  });

  test("samples have the distribution's frequencies; the mode is the first of equals", () => {
    const logits = input(k, [1, 3], [0, Math.log(2), Math.log(5)]);
    const action = new Float64Array(1);
    const counts = [0, 0, 0];
    for (let i = 0; i < 800; i++) {
      d.categoricalSample(action, logits, [(i + 0.5) / 800]);
      counts[action[0]]++;
    }
    expect(counts).toEqual([100, 200, 500]);
    d.categoricalSample(action, logits, [1 - 2 ** -53], input(k, [1, 3], [1, 1, 0]));
    expect(action[0]).toBe(1);
    d.categoricalMode(action, input(k, [1, 3], [2, 5, 5]));
    expect(action[0]).toBe(1);
  });
});
