/** A policy as plain data, evaluated in the plainest way, is the model's own: every body, shared or not. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { ShapeError, UsageError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, Parameters, type Tensor } from "../../src/core/tensor.ts";
import {
  box,
  dict,
  discrete,
  multiBinary,
  multiDiscrete,
  type Space,
} from "../../src/envs/space.ts";
import { policyModule } from "../../src/export/policy-js.ts";
import { policyOnnx } from "../../src/export/policy-onnx.ts";
import type { PolicyLayer } from "../../src/export/policy-plan.ts";
import { policyPlan } from "../../src/export/policy-plan-of.ts";
import { ActorCritic, type ActorCriticOptions } from "../../src/policies/actor-critic.ts";
import { Network } from "../../src/policies/network.ts";

const dot = (a: ArrayLike<number>, at: number, x: readonly number[]): number =>
  x.reduce((sum, v, i) => sum + a[at + i] * v, 0);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

function dense({ weight, bias, activation }: Extract<PolicyLayer, { kind: "dense" }>, x: number[]) {
  const f = { tanh: Math.tanh, relu: (v: number) => Math.max(v, 0), none: (v: number) => v }[
    activation
  ];
  return Array.from(bias, (b, i) => f(b + dot(weight, i * x.length, x)));
}
function conv(
  { weight, bias, shape }: Extract<PolicyLayer, { kind: "conv" }>,
  x: number[],
): number[] {
  const [planes, height, width] = shape;
  const out: number[] = [];
  for (let o = 0; o < bias.length; o++)
    for (let y = 0; y + 2 < height; y++)
      for (let z = 0; z + 2 < width; z++) {
        let total = bias[o];
        for (let p = 0; p < planes; p++)
          for (let i = 0; i < 9; i++) {
            const [dy, dz] = [Math.floor(i / 3), i % 3];
            total += weight[(o * planes + p) * 9 + i] * x[(p * height + y + dy) * width + z + dz];
          }
        out.push(Math.max(total, 0));
      }
  return out;
}
function lstm(
  layer: Extract<PolicyLayer, { kind: "lstm" }>,
  x: number[],
  state: { h: number[]; c: number[] },
) {
  const { wIh, wHh, bIh, bHh, size } = layer;
  const gate = (g: number, j: number): number => {
    const row = g * size + j;
    return bIh[row] + bHh[row] + dot(wIh, row * x.length, x) + dot(wHh, row * size, state.h);
  };
  const c = state.c.map(
    (v, j) => sigmoid(gate(1, j)) * v + sigmoid(gate(0, j)) * Math.tanh(gate(2, j)),
  );
  const h = c.map((v, j) => sigmoid(gate(3, j)) * Math.tanh(v));
  state.h = h;
  state.c = c;
  return h;
}

const image = box(0, 1, [2, 7, 6]);
function modelOf(options: Partial<ActorCriticOptions>, k = loops(Float64Array)): ActorCritic {
  const model = new ActorCritic(
    k,
    { observation: image, action: discrete(3), critic: true, hidden: [], ...options },
    new Random(1),
  );
  for (const { data } of model.parameters.list)
    for (let i = 0; i < data.length; i++) data[i] += 0.1 * Math.sin(i);
  return model;
}

describe("layers", () => {
  const bodies: Partial<ActorCriticOptions>[] = [
    {},
    { hidden: [5] },
    { hidden: [5, 4], activation: "relu" },
    { filters: [3] },
    { filters: [3, 2], hidden: [4] },
    { memory: 3 },
    { filters: [2], hidden: [4], memory: 3 },
  ];
  const all = bodies.flatMap((body) => [
    { ...body, shared: false, critic: true },
    { ...body, shared: true, critic: true },
    { ...body, shared: true, critic: false },
  ]);
  test.each(all)("%o", (options) => {
    const model = modelOf(options);
    const { backend: k } = model.parameters;
    const plan = policyPlan(model, null, "title", true);
    expect(plan).toMatchObject({
      title: "title",
      observation: image.shape,
      normalize: null,
      masked: true,
    });
    const steps = 3;
    const x = input(k, [steps, image.size]);
    new Random(2).fillUniform(x.data);
    const memory =
      model.memorySize > 0
        ? { state: input(k, [1, model.memorySize]), reset: input(k, [steps, 1]) }
        : null;
    const got = new Tape(k).run(() => model.forward(x, memory)).data;
    const zeros = (): number[] => new Array(options.memory ?? 0).fill(0);
    const state = { h: zeros(), c: zeros() };
    for (let t = 0; t < steps; t++) {
      let h = Array.from(x.data.subarray(t * image.size, (t + 1) * image.size));
      for (const layer of plan.layers)
        h =
          layer.kind === "dense"
            ? dense(layer, h)
            : layer.kind === "conv"
              ? conv(layer, h)
              : lstm(layer, h, state);
      expect(h.length).toBe(3);
      for (const [i, v] of h.entries()) expect(got[3 * t + i]).toBeCloseTo(v, 9);
    }
  });
  test("are copies: what trains on leaves the plan as it was", () => {
    const model = modelOf({ hidden: [4] });
    const plan = policyPlan(model, null, "");
    const before = JSON.stringify(plan);
    for (const { data } of model.parameters.list) data.fill(7);
    expect(JSON.stringify(plan)).toBe(before);
    expect(plan.masked).toBe(false);
  });
});

describe("heads", () => {
  const head = (action: Space, squash = false) =>
    policyPlan(modelOf({ action, squash }), null, "").head;
  test("have what acting needs", () => {
    expect(head(discrete(4, -2))).toEqual({ kind: "categorical", choices: [4], start: -2 });
    const start = [1, -1];
    expect(head(multiDiscrete([3, 2], start))).toEqual({
      kind: "multiCategorical",
      choices: [3, 2],
      start,
    });
    expect(head(multiBinary(5))).toEqual({ kind: "bernoulli", size: 5 });
    const bounds = box([-1, 0], [2, 3], [2]);
    const { low, high } = bounds;
    expect(head(bounds)).toMatchObject({ kind: "gaussian", low, high });
    expect(head(bounds, true)).toMatchObject({ kind: "squashed", low, high });
    expect([...(head(bounds) as { logStd: Float64Array }).logStd]).toEqual([0, 0.1 * Math.sin(1)]);
  });
  test("are refused where there is none", () => {
    const model = modelOf({});
    const lying = Object.assign(Object.create(model), {
      options: { ...model.options, action: dict({ a: discrete(2) }) },
    });
    expect(() => policyPlan(lying, null, "")).toThrow("policyPlan: expected actions in one space");
    const other = Object.assign(Object.create(model), {
      options: { ...model.options, hidden: [3] },
    });
    expect(() => policyPlan(other, null, "")).toThrow("policyPlan: no parameter policy.0.weight");
  });
});

describe("a model", () => {
  test("fits only observations and actions as its own", () => {
    const fits = (action: Space, observation: Space, other: Space): void =>
      modelOf({ action }).mustFit("here", observation, other);
    expect(() => fits(discrete(3), image, discrete(3))).not.toThrow();
    expect(() => fits(discrete(3), box(0, 1, [83]), discrete(3))).toThrow(ShapeError);
    expect(() => fits(discrete(3), box(0, 1, [83]), discrete(3))).toThrow(
      "here: expected observations of 84 numbers, as the policy has, got 83",
    );
    const spaces: [Space, string][] = [
      [discrete(3), "discrete(3, 0)"],
      [discrete(3, 1), "discrete(3, 1)"],
      [discrete(4), "discrete(4, 0)"],
      [multiDiscrete([2, 3]), "multiDiscrete(2, 3)"],
      [multiDiscrete([3, 2]), "multiDiscrete(3, 2)"],
      [multiDiscrete([2, 3], [0, 1]), "multiDiscrete(2, 3 from 0, 1)"],
      [multiBinary(2), "multiBinary(2)"],
      [box(0, 1, [2]), "box(2)"],
    ];
    for (const [i, [own, a]] of spaces.entries()) {
      for (const [j, [other, b]] of spaces.entries()) {
        if (i === j) expect(() => fits(own, image, other)).not.toThrow();
        else
          expect(() => fits(own, image, other)).toThrow(
            `here: expected actions ${a}, as the policy has, got ${b}`,
          );
      }
    }
  });

  test("begins with rows of length 0.01 before the head and 1 before the value, √2 inside", () => {
    const make = { observation: box(0, 1, [6]), action: discrete(2), critic: true, hidden: [4] };
    const { parameters } = new ActorCritic(loops(), make, new Random(1));
    const lengths = (name: string, columns: number): number[] => {
      const data = Array.from(parameters.get(name)?.data ?? []);
      return Array.from({ length: data.length / columns }, (_, i) =>
        Math.sqrt(data.slice(i * columns, (i + 1) * columns).reduce((sum, v) => sum + v * v, 0)),
      );
    };
    for (const l of lengths("policy.head.weight", 4)) expect(l).toBeCloseTo(0.01, 6);
    for (const l of lengths("critic.head.weight", 4)) expect(l).toBeCloseTo(1, 6);
    for (const name of ["policy.0.weight", "critic.0.weight"])
      for (const l of lengths(name, 6)) expect(l).toBeCloseTo(Math.SQRT2, 6);
  });

  test("has a critic, PopArt and memory where they were asked for", () => {
    const of = (options: Partial<ActorCriticOptions>) => {
      const { hasCritic, popArt, memorySize } = modelOf(options);
      return [hasCritic, popArt !== null, memorySize];
    };
    expect(of({ critic: false, popArt: true })).toEqual([false, false, 0]);
    expect(of({ critic: true })).toEqual([true, false, 0]);
    expect(of({ critic: true, popArt: true, memory: 3 })).toEqual([true, true, 12]);
    expect(of({ critic: true, shared: true, memory: 3 })).toEqual([true, false, 6]);
    expect(of({ critic: false, memory: 3 })).toEqual([false, false, 6]);
    const k = loops();
    const x = input(k, [1, 84]);
    const none = modelOf({ critic: false });
    expect(new Tape(k).run(() => none.value(x) as Tensor | null)).toBeNull();
  });

  test("recurrent, wants a memory", () => {
    const model = modelOf({ memory: 2 });
    const x = input(model.parameters.backend, [1, 84]);
    expect(() => new Tape(model.parameters.backend).run(() => model.forward(x))).toThrow(
      UsageError,
    );
  });

  test("tells its derivative along a direction, of dense layers only", () => {
    for (const options of [
      { hidden: [] },
      { hidden: [5] },
      { hidden: [5, 4], activation: "relu" as const },
    ]) {
      const k = loops(Float64Array);
      const [model, direction] = [0, 1].map(() => modelOf({ ...options, critic: false }, k));
      for (const { data } of direction.parameters.list)
        for (let j = 0; j < data.length; j++) data[j] = Math.cos(3 * j);
      const x = input(k, [2, 84]);
      new Random(3).fillUniform(x.data);
      const forward = (): number[] => Array.from(new Tape(k).run(() => model.forward(x)).data);
      const tangent = Array.from(new Tape(k).run(() => model.tangent(x, direction)).data);
      const start = model.parameters.list.map(({ data }) => data.slice());
      const at = (h: number): number[] => {
        for (const [i, { data }] of model.parameters.list.entries())
          for (let j = 0; j < data.length; j++)
            data[j] = start[i][j] + h * direction.parameters.list[i].data[j];
        return forward();
      };
      const [above, below] = [at(1e-5), at(-1e-5)];
      for (const [i, d] of tangent.entries())
        expect(d).toBeCloseTo((above[i] - below[i]) / 2e-5, 6);
    }
    const k = loops();
    for (const options of [{ filters: [2] }, { memory: 2 }]) {
      const shape = { hidden: [3], ...options };
      const network = new Network(new Parameters(k), "n", [2, 7, 6], shape, new Random(1));
      expect(() => network.tangent(input(k, [1, 84]), network)).toThrow(
        "natural gradients: expected a network of dense layers only",
      );
    }
  });
});

const statistics = { mean: [0, 0], variance: [1, 1], eps: 1e-8, clip: 10 };
test.each([
  [{}, /expected 2 numbers as normalize.mean, got undefined/],
  [undefined, /expected normalize as null or \{ mean, variance, eps, clip \}, got undefined/],
  ["none", /expected normalize as null or .*, got "none"/],
  [{ ...statistics, variance: [1] }, /expected 2 numbers as normalize.variance/],
  [{ ...statistics, eps: undefined }, /expected normalize.eps to be a finite number/],
  [{ ...statistics, clip: -1 }, /expected normalize.clip ≥ 0, got -1/],
])("statistics of observations that do not fit are refused: %j", (normalize, message) => {
  const options = { observation: box(-1, 1, [2]), action: discrete(2), hidden: [], critic: false };
  const plan = policyPlan(new ActorCritic(loops(), options, new Random(1)), null, "a policy");
  const wrong = { ...plan, normalize: normalize as never };
  for (const write of [policyModule, policyOnnx]) {
    expect(() => write(wrong)).toThrow(message);
    expect(() => write(wrong)).not.toThrow(TypeError);
    write({ ...plan, normalize: statistics });
  }
});
