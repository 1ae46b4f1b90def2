import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, Parameters, type Tensor } from "../../src/core/tensor.ts";
import { categoricalKl } from "../../src/distributions/categorical.ts";
import { fisherForm } from "../../src/estimators/fisher.ts";
import { conjugateGradient, lineSearch, trustRegionScale } from "../../src/estimators/natural.ts";
import { Mlp } from "../../src/nn/mlp.ts";
import { mlpTangent } from "../../src/nn/tangent.ts";
import * as o from "../../src/ops/index.ts";

const k = loops(Float64Array);

/** A policy 3-5-4 on 6 states, a direction beside it, and the products of its Fisher matrix. */
function setup(activation: "tanh" | "relu") {
  const random = new Random(1);
  const [parameters, directions] = [new Parameters(k), new Parameters(k)];
  const policy = new Mlp(parameters, "policy", [3, 5, 4], random, { activation });
  const along = new Mlp(directions, "policy", [3, 5, 4], random, { activation });
  const x = input(k, [6, 3]);
  random.fillNormal(x.data);
  const [theta] = parameters.regions();
  const [v] = directions.regions();
  const tape = new Tape(k);
  const form = (): Tensor => fisherForm(policy.forward(x), mlpTangent(policy, x, along));
  const product = (out: Float64Array, direction: ArrayLike<number>): void => {
    v.data.set(direction);
    theta.grad.fill(0);
    tape.backward(tape.run(form));
    out.set(theta.grad);
  };
  /** Mean KL(π_θ‖π_θ+d) over the states. */
  const klAt = (d: ArrayLike<number>): number => {
    const old = new Tape(k).run(() => policy.forward(x)).data.slice();
    const start = theta.data.slice();
    for (let i = 0; i < d.length; i++) theta.data[i] += d[i];
    const oldLogits = input(k, [6, 4], old);
    const kl = new Tape(k).run(() => o.mean(categoricalKl(oldLogits, policy.forward(x)))).data[0];
    theta.data.set(start);
    return kl;
  };
  const n = theta.data.length;
  const draw = (): Float64Array => {
    const d = new Float64Array(n);
    random.fillNormal(d);
    return d;
  };
  return { product, klAt, n, draw, policy, along, x, theta, v };
}
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((s, x, i) => s + x * b[i], 0);

for (const activation of ["tanh", "relu"] as const) {
  describe(`Fisher-vector products, ${activation}`, () => {
    const { product, klAt, n, draw, policy, along, x, theta, v } = setup(activation);

    test("the tangent is the logits' derivative along v, against differences", () => {
      const d = draw();
      v.data.set(d);
      const tangent = new Tape(k).run(() => mlpTangent(policy, x, along)).data.slice();
      const at = (e: number): Float64Array => {
        const start = theta.data.slice();
        for (let i = 0; i < n; i++) theta.data[i] += e * d[i];
        const y = new Tape(k).run(() => policy.forward(x)).data.slice();
        theta.data.set(start);
        return y as Float64Array;
      };
      const [plus, minus] = [at(1e-6), at(-1e-6)];
      for (const [i, t] of tangent.entries()) expect(t).toBeCloseTo((plus[i] - minus[i]) / 2e-6, 6);
    });

    test("½·vᵀFv is the KL's second-order term", () => {
      const d = draw();
      const Fv = new Float64Array(n);
      product(Fv, d);
      const e = 1e-3;
      const kl = (klAt(d.map((z) => e * z)) + klAt(d.map((z) => -e * z))) / 2; // odd terms cancel
      expect((0.5 * dot(d, Fv) * e * e) / kl).toBeCloseTo(1, 3);
    });

    test("F is symmetric and positive semidefinite, and linear", () => {
      const [a, b] = [draw(), draw()];
      const [Fa, Fb, Fsum] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
      product(Fa, a);
      product(Fb, b);
      product(
        Fsum,
        a.map((z, i) => 2 * z + b[i]),
      );
      expect(dot(b, Fa)).toBeCloseTo(dot(a, Fb), 10);
      expect(dot(a, Fa)).toBeGreaterThan(0);
      for (let i = 0; i < n; i++) expect(Fsum[i]).toBeCloseTo(2 * Fa[i] + Fb[i], 10);
    });

    test("conjugate gradient solves the damped system; the scaled step has the KL asked for", () => {
      const damped = (out: Float64Array, d: Float64Array): void => {
        product(out, d);
        for (let i = 0; i < n; i++) out[i] += 0.1 * d[i];
      };
      const g = draw();
      const { x: solution, residual } = conjugateGradient(damped, g, 100, 1e-20);
      const check = new Float64Array(n);
      damped(check, solution);
      for (let i = 0; i < n; i++) expect(check[i]).toBeCloseTo(g[i], 7);
      expect(residual).toBeLessThan(1e-19);
      const scale = trustRegionScale(product, solution, 1e-7);
      expect(klAt(solution.map((z) => z * scale)) / 1e-7).toBeCloseTo(1, 1);
    });
  });
}

describe("lineSearch", () => {
  test("halves the step until the loss falls within the KL bound", () => {
    const w = Float64Array.of(0);
    // loss (w − 1)², KL w²: a step of 4 is too far, so is 2; 1 falls, with KL 1; ½ is within ¼
    const evaluate = () => ({ loss: (w[0] - 1) ** 2, kl: w[0] ** 2 });
    expect(lineSearch(w, [4], 1, evaluate, { maxKl: 0.25 })).toBe(1 / 8);
    expect(w[0]).toBe(0.5);
  });
  test("puts the parameters back where no step helps", () => {
    const w = Float64Array.of(3);
    expect(lineSearch(w, [1], 1, () => ({ loss: w[0], kl: 0 }), { maxKl: 1 })).toBe(0);
    expect(w[0]).toBe(3);
  });
});
