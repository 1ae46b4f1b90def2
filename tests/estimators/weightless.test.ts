/** What has no weight, does not count or stands elsewhere takes no part in a loss, a cost or an advantage. */
import { expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor, variable } from "../../src/core/tensor.ts";
import { entropyLoss } from "../../src/estimators/entropy.ts";
import { fisherForm } from "../../src/estimators/fisher.ts";
import { klDefaults, klLoss } from "../../src/estimators/kl.ts";
import { sampleCosts } from "../../src/estimators/minimum-risk.ts";
import { presets } from "../../src/estimators/presets.ts";
import { sequenceAdvantages } from "../../src/estimators/sequence-advantages.ts";
import { surrogateDefaults, surrogateLoss } from "../../src/estimators/surrogate.ts";
import { valueDefaults, valueLoss } from "../../src/estimators/value.ts";
import { sum, where } from "../../src/ops/index.ts";

const k = loops(Float64Array);
type Loss = (x: Tensor, other: Tensor, third: Tensor, weight: Tensor) => Tensor;
const losses: Record<string, Loss> = {
  entropy: (x, _, __, w) => entropyLoss(x, w),
};
for (const estimator of ["k1", "k2", "k3"] as const)
  for (const importance of [false, true])
    losses[`KL ${estimator} ${importance}`] = (x, ref, _, w) =>
      klLoss(x, ref, w, { ...klDefaults, estimator, importance });
for (const form of ["reinforce", "clip", "ratio", "cispo", "tv"] as const)
  losses[`surrogate ${form}`] = (x, old, A, w) =>
    surrogateLoss(x, old, A, w, { ...surrogateDefaults, form });
for (const clip of ["none", "max", "single"] as const)
  losses[`value ${clip}`] = (x, target, old, w) =>
    valueLoss(x, target, w, old, { ...valueDefaults, clip });

test.each(Object.entries(losses))("%s: a loss that does not count has no gradient", (_, loss) => {
  const x = variable(k, [2], [Number.NaN, Infinity]);
  const other = variable(k, [2], [1, 2]);
  const [one, weight, never] = [input(k, [2], [1, 1]), input(k, [2], [1, 1]), input(k, [], [0])];
  const tape = new Tape(k);
  tape.backward(tape.run(() => where(never, loss(x, one, one, weight), sum(other))));
  expect([...x.grad, ...other.grad]).toEqual([0, 0, 1, 1]);
});

test.each(Object.entries(losses))("%s: NaN or infinity at weight 0", (_, loss) => {
  const columns = [
    [-0.5, -1.2, -0.1],
    [-0.7, -1, -0.3],
    [0.4, -1.5, 2],
  ];
  const of = (hole: number | null): [number, number[]] => {
    const filled = columns.map(([a, b, c]) => (hole === null ? [a, b, c] : [a, hole, b, c]));
    const [x, other, third] = filled.map((column, i) =>
      i === 0 ? variable(k, [column.length], column) : input(k, [column.length], column),
    );
    const weights = hole === null ? [0.2, 0.3, 0.5] : [0.2, 0, 0.3, 0.5];
    const weight = input(k, [weights.length], weights);
    const tape = new Tape(k);
    const y = tape.run(() => loss(x, other, third, weight));
    tape.backward(y);
    return [y.data[0], [...(x.grad ?? [])]];
  };
  const [value, [a, b, c]] = of(null);
  for (const hole of [Number.NaN, Infinity, -Infinity])
    expect(of(hole)).toEqual([value, [a, 0, b, c]]);
});

test("a group of which no sample counts has cost 0; others do not feel it", () => {
  const cost = new Float64Array(6).fill(9);
  sampleCosts(cost, Float64Array.of(1, 2, 3, 4, 5, 6), Float64Array.of(0, 0, 1, 0, 1, 1), 2);
  expect([...cost]).toEqual([0, 0, -3, -3, -5, -6]);
});

test("with a learned value, a KL that stands in the loss is not taken off rewards as well", () => {
  for (const perStep of [false, true]) {
    const ones = (): Float64Array => new Float64Array(4).fill(1);
    const reward = perStep ? Float64Array.of(1, 2, 3, 4) : Float64Array.of(3, 7);
    const batch = { sequences: 2, steps: 2, mask: ones(), logProb: ones(), reward };
    const advantage = (place: "loss" | "reward"): number[] => {
      const kl = { ...klDefaults, estimator: "k1", place, weight: 0.5 } as const;
      const out = { advantage: new Float64Array(4) };
      const more = { refLogProb: new Float64Array(4), value: new Float64Array(4) };
      sequenceAdvantages(out, { ...batch, ...more }, { estimator: { ...presets.ppo, kl } });
      return [...out.advantage];
    };
    expect(advantage("loss")).toEqual(perStep ? [3, 2, 7, 4] : [3, 3, 7, 7]);
    expect(advantage("reward")).toEqual(perStep ? [2, 1.5, 6, 3.5] : [2, 2.5, 6, 6.5]);
  }
});

test("the Fisher form has a gradient in its logits alone", () => {
  const logits = input(k, [1, 2], [0.3, -0.2]);
  const tangent = variable(k, [1, 2], [1, -1]);
  const tape = new Tape(k);
  tape.backward(tape.run(() => fisherForm(logits, tangent)));
  expect([...(tangent.grad ?? [])]).toEqual([0, 0]);
});
