/** A policy at work: what it is told, what it remembers, and what it explains. */

import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { SettingError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, NONE, Parameters } from "../../src/core/tensor.ts";
import {
  box,
  dict,
  discrete,
  multiBinary,
  multiDiscrete,
  type Space,
} from "../../src/envs/space.ts";
import { Actor } from "../../src/policies/actor.ts";
import { ActorCritic, type ActorCriticOptions } from "../../src/policies/actor-critic.ts";
import { explainer } from "../../src/policies/explain.ts";
import { headFor } from "../../src/policies/head.ts";
import { trustRegion } from "../../src/policies/trust-region.ts";

const observation = box(0, 1, [3]);
function modelOf(options: Partial<ActorCriticOptions> = {}, k = loops()): ActorCritic {
  const shape = { observation, action: discrete(3), critic: true, hidden: [], ...options };
  const model = new ActorCritic(k, shape, new Random(1));
  for (const { data } of model.parameters.list)
    for (let i = 0; i < data.length; i++) data[i] += 0.7 * Math.sin(i + data.length);
  return model;
}
const states = [
  [0.1, 0.9, 0.4],
  [0.7, 0.2, 0.3],
  [0.5, 0.5, 0.8],
];

describe("a memory", () => {
  const options = { memory: 4, hidden: [3] };
  test("lasts from step to step, and is forgotten where an episode begins", () => {
    const act = (actor: Actor, x: readonly number[], reset: number): number => {
      actor.observation.set(x);
      actor.reset[0] = reset;
      actor.actGreedily();
      return actor.value[0];
    };
    const [a, b] = [new Actor(modelOf(options), 1), new Actor(modelOf(options), 1)];
    const first = act(a, states[0], 1);
    const second = act(a, states[1], 0);
    expect(act(b, states[1], 1)).not.toBeCloseTo(second, 6);
    expect(act(b, states[0], 1)).toBe(first);
    expect(act(b, states[1], 0)).toBe(second);
  });
  test("is what a state is judged with, though the step before it began an episode, and judging leaves it", () => {
    for (const shared of [false, true]) {
      const actor = new Actor(modelOf({ ...options, shared }), 2);
      actor.observation.set([...states[0], ...states[1]]);
      actor.reset.fill(1);
      actor.act(new Random(1));
      const next = [...states[1], ...states[2]];
      const judged = [...actor.valuesOf(next)];
      expect([...actor.valuesOf(next)]).toEqual(judged);
      actor.observation.set(next);
      actor.reset.fill(0);
      actor.actGreedily();
      expect([...actor.value]).toEqual(judged);
    }
  });
  test("is kept, and empty for other environments", () => {
    const actor = new Actor(modelOf(options), 2);
    actor.observation.set([...states[0], ...states[1]]);
    actor.act(new Random(1));
    const saved = actor.save();
    const other = new Actor(modelOf(options), 2);
    other.restore(saved);
    expect([...other.state]).toEqual([...actor.state]);
    expect(other.state.some((x) => x !== 0)).toBe(true);
    other.actGreedily();
    expect((saved as { memory: Float32Array }).memory).toEqual(Float32Array.from(actor.state));
    other.renew();
    expect(other.state.every((x) => x === 0)).toBe(true);
  });
});

describe("actions", () => {
  test("greedy ones are the likeliest; sampled ones follow the policy's probabilities", () => {
    const model = modelOf();
    const envs = 20_000;
    const actor = new Actor(model, envs);
    for (let e = 0; e < envs; e++) actor.observation.set(states[0], 3 * e);
    actor.act(new Random(3));
    const counts = [0, 0, 0];
    const p = [0, 0, 0];
    for (let e = 0; e < envs; e++) {
      counts[actor.action[e]]++;
      p[actor.action[e]] = Math.exp(actor.logProb[e]);
    }
    expect(p.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
    for (const [i, n] of counts.entries())
      expect(Math.abs(n - envs * p[i])).toBeLessThan(4 * Math.sqrt(envs * p[i]));
    actor.actGreedily();
    expect(actor.action.every((a) => a === p.indexOf(Math.max(...p)))).toBe(true);
  });
  test("masks are there where the environment masks and the head can", () => {
    const size = (action: Space, masked: boolean): number =>
      new Actor(modelOf({ action }), 2, { masked }).mask.length;
    expect(size(discrete(3), true)).toBe(6);
    expect(size(multiDiscrete([3, 2]), true)).toBe(10);
    expect(size(discrete(3), false)).toBe(0);
    expect(size(box(0, 1, [2]), true)).toBe(0);
    expect(size(multiBinary(2), true)).toBe(0);
    expect(new Actor(modelOf(), 2).mask.length).toBe(0);
    const actor = new Actor(modelOf(), 200, { masked: true });
    expect(actor.mask.every((x) => x === 1)).toBe(true);
    for (let e = 0; e < 200; e++) actor.mask[3 * e + (e % 3)] = 0;
    for (const greedy of [false, true]) {
      if (greedy) actor.actGreedily();
      else actor.act(new Random(1));
      for (let e = 0; e < 200; e++) expect(actor.action[e]).not.toBe(e % 3);
    }
  });
  test("values are 0 where there is no critic, or none is wanted", () => {
    for (const actor of [
      new Actor(modelOf({ critic: false }), 2),
      new Actor(modelOf(), 2, { value: false }),
    ]) {
      actor.observation.set([...states[0], ...states[1]]);
      actor.act(new Random(1));
      expect([...actor.value]).toEqual([0, 0]);
    }
    expect([
      ...new Actor(modelOf({ critic: false }), 2).valuesOf([...states[0], ...states[1]]),
    ]).toEqual([0, 0]);
    expect(() => new Actor(modelOf(), 0)).toThrow(RangeError);
  });
  test("all buffers come back", () => {
    const k = simd({ memory: 2 ** 24 });
    const model = modelOf({ memory: 2 }, k);
    const use = (): void => {
      const actor = new Actor(model, 3, { masked: true });
      actor.act(new Random(1));
      actor.valuesOf(new Float32Array(9));
      actor.free();
    };
    use();
    const live = k.live();
    use();
    expect(k.live()).toBe(live);
  });
});

describe("heads", () => {
  const head = (space: Space, options = {}) => headFor(space, new Parameters(loops()), options);
  test("have sizes and noise of their kind", () => {
    const of = (space: Space, options = {}) => {
      const { kind, outputs, actionSize, masked, noise, samplesEntropy, actionShape } = head(
        space,
        options,
      );
      return [kind, outputs, actionSize, masked, noise, samplesEntropy, actionShape(5)];
    };
    expect(of(discrete(4, 3))).toEqual(["categorical", 4, 1, 4, "uniform", false, [5]]);
    expect(of(multiDiscrete([3, 2]))).toEqual([
      "multiCategorical",
      5,
      2,
      5,
      "uniform",
      false,
      [5, 2],
    ]);
    expect(of(multiBinary(3))).toEqual(["bernoulli", 3, 3, 0, "uniform", false, [5, 3]]);
    expect(of(box(0, 1, [2]))).toEqual(["gaussian", 2, 2, 0, "normal", false, [5, 2]]);
    expect(of(box(0, 1, [2]), { squash: true })).toEqual([
      "squashed",
      2,
      2,
      0,
      "normal",
      true,
      [5, 2],
    ]);
    expect(() => head(dict({ a: discrete(2) }))).toThrow(SettingError);
  });
  test("tell the environment what it knows: numbers from the start on, within bounds, or as they are", () => {
    const command = (space: Space, action: number[], options = {}): number[] => {
      const out = new Float64Array(action.length);
      head(space, options).command(out, Float64Array.from(action));
      return [...out];
    };
    expect(command(discrete(3), [0, 2])).toEqual([0, 2]);
    expect(command(discrete(3, -1), [0, 2])).toEqual([-1, 1]);
    expect(command(multiDiscrete([3, 2]), [2, 1, 0, 1])).toEqual([2, 1, 0, 1]);
    expect(command(multiDiscrete([3, 2], [5, -1]), [2, 1, 0, 1])).toEqual([7, 0, 5, 0]);
    expect(command(multiBinary(2), [1, 0])).toEqual([1, 0]);
    const bounds = box([-1, 0], [1, 5], [2]);
    expect(command(bounds, [-3, 3, 0.5, 9, 2, -1])).toEqual([-1, 3, 0.5, 5, 1, 0]);
    const [a, b] = command(bounds, [0.5, -0.3], { squash: true });
    expect(a).toBeCloseTo(Math.tanh(0.5), 6);
    expect(b).toBeCloseTo(2.5 + 2.5 * Math.tanh(-0.3), 6);
  });
  test("a Gaussian's KL is to the deviation it remembers, and its ln σ begins where it is told", () => {
    const k = loops();
    const action = box(-1, 1, [2]);
    const options = { observation, action, critic: false, hidden: [], logStd: -0.5 };
    const model = new ActorCritic(k, options, new Random(1));
    const { parameters } = model;
    const gaussian = trustRegion(model, model);
    const logStd = parameters.get("policy.logStd");
    expect([...(logStd?.data ?? [])]).toEqual([-0.5, -0.5]);
    expect([...(parameters.get("policy.logStd")?.data ?? [])]).toHaveLength(2);
    gaussian.remember();
    logStd?.data.set([0, -0.5]);
    const [old, now] = [input(k, [1, 2], [0, 0]), input(k, [1, 2], [1, 0])];
    const [kl] = new Tape(k).run(() => gaussian.kl(old, now, NONE)).data;
    // ln(σ/σ₀) + (σ₀² + Δ²)/2σ² − ½ of the first number, 0 of the second
    expect(kl).toBeCloseTo(0.5 + (Math.exp(-1) + 1) / 2 - 0.5, 5);
  });
  test("have a Fisher matrix where it is known", () => {
    for (const action of [multiDiscrete([2, 2]), multiBinary(2)]) {
      const model = modelOf({ action });
      expect(() => trustRegion(model, model)).toThrow(
        "natural gradients: expected a categorical or a Gaussian policy",
      );
    }
  });
});

describe("an explanation", () => {
  test("has the policy's probabilities, its value and each number's share of x·∂ ln π/∂x", () => {
    const model = modelOf({ hidden: [4] }, loops(Float64Array));
    const k = model.parameters.backend;
    const x = input(k, [1, 3], states[0]);
    const probabilities = (at: readonly number[]): number[] => {
      x.data.set(at);
      const logits = Array.from(new Tape(k).run(() => model.forward(x)).data, Math.exp);
      return logits.map((e) => e / logits.reduce((a, b) => a + b));
    };
    const explain = explainer(model, false);
    for (const action of [0, 2]) {
      const { outputs, value, attribution } = explain?.(states[0], [], [action]) ?? {
        outputs: [],
        attribution: [],
      };
      for (const [i, p] of probabilities(states[0]).entries()) expect(outputs[i]).toBeCloseTo(p, 9);
      x.data.set(states[0]);
      expect(value).toBeCloseTo(new Tape(k).run(() => model.value(x))?.data[0] ?? Number.NaN, 9);
      const parts = states[0].map((v, i) => {
        const ln = (h: number): number =>
          Math.log(probabilities(states[0].map((y, j) => (j === i ? y + h : y)))[action]);
        return Math.abs((v * (ln(1e-5) - ln(-1e-5))) / 2e-5);
      });
      const total = parts.reduce((a, b) => a + b);
      for (const [i, part] of parts.entries()) expect(attribution[i]).toBeCloseTo(part / total, 6);
    }
    expect(model.parameters.list.every(({ grad }) => grad.every((g) => g === 0))).toBe(true);
  });
  test("keeps to the mask where there is one", () => {
    const model = modelOf();
    const free = explainer(model, false)?.(states[0], [], [0]).outputs ?? [];
    const masked = explainer(model, true)?.(states[0], [1, 0, 1], [0]).outputs ?? [];
    expect(free.every((p) => p > 0)).toBe(true);
    expect(masked[1]).toBe(0);
    expect(masked[0]).toBeCloseTo(free[0] / (free[0] + free[2]), 6);
  });
  test("of a policy that looks at nothing is 0 everywhere; a Gaussian's outputs are its means", () => {
    const model = modelOf({ action: box(-1, 1, [2]), critic: false });
    const explain = explainer(model, true);
    const { outputs, value } = explain?.(states[0], [], [0.3, 0.1]) ?? { outputs: [], value: 1 };
    const x = input(model.parameters.backend, [1, 3], states[0]);
    expect(outputs).toEqual(
      Array.from(new Tape(model.parameters.backend).run(() => model.forward(x)).data),
    );
    expect(value).toBeNull();
    model.parameters.get("policy.head.weight")?.data.fill(0);
    expect(explain?.(states[0], [], [0.3, 0.1]).attribution).toEqual([0, 0, 0]);
  });
  test("is not there for a recurrent policy", () => {
    expect(explainer(modelOf({ memory: 2 }), false)).toBeNull();
  });
});
