/** Any body with any head: what acting records is what learning computes, and masks hold. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import type { Backend } from "../../src/core/backend.ts";
import { SettingError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor } from "../../src/core/tensor.ts";
import { Dynamics } from "../../src/envs/env.ts";
import { box, discrete, multiBinary, multiDiscrete, type Space } from "../../src/envs/space.ts";
import { Actor } from "../../src/policies/actor.ts";
import { ActorCritic, type ActorCriticOptions } from "../../src/policies/actor-critic.ts";
import { explainer } from "../../src/policies/explain.ts";
import { Rollout } from "../../src/rollout/rollout.ts";
import { RolloutChunks } from "../../src/rollout/rollout-chunks.ts";
import { VectorEnv } from "../../src/rollout/vector-env.ts";
import { bitsOf } from "../support/bits.ts";

/** Random pictures of 2 × 5 × 4; episodes end at random; masks that change with each step. */
class Noise extends Dynamics {
  readonly observationSpace = box(0, 1, [2, 5, 4]);
  readonly actionSpace: Space;
  readonly state = new Float64Array(40);
  private readonly choices: number;
  constructor(action: Space, masked: boolean) {
    super(7);
    this.actionSpace = action;
    this.choices =
      action.kind === "discrete"
        ? action.n
        : action.kind === "multiDiscrete"
          ? action.choices.reduce((a, b) => a + b, 0)
          : 0;
    if (masked) this.mask = this.oddOnes;
  }
  protected begin(): void {
    this.random.fillUniform(this.state);
  }
  protected advance(actions: ArrayLike<number>, at: number): void {
    if (this.mask !== undefined && this.actionSpace.kind === "discrete") {
      const allowed = new Float32Array(this.choices);
      this.mask(allowed, 0);
      if (allowed[actions[at]] !== 1) throw new Error(`masked action ${actions[at]}`);
    }
    this.random.fillUniform(this.state);
    this.reward = this.state[0];
    this.terminated = this.random.uniform() < 0.2;
  }
  /** Every choice but one in three, and never none of three neighbors. */
  private oddOnes(out: { [i: number]: number }, at: number): void {
    const skip = Math.floor(this.state[1] * 3);
    for (let i = 0; i < this.choices; i++) out[at + i] = i % 3 === skip ? 0 : 1;
  }
  observe(out: { [i: number]: number }, at: number): void {
    for (let i = 0; i < 40; i++) out[at + i] = this.state[i];
  }
  render(): string {
    return "noise";
  }
}

const heads: Record<string, { action: Space; masked?: boolean; squash?: boolean }> = {
  categorical: { action: discrete(3) },
  "categorical, masked": { action: discrete(6), masked: true },
  "multi-discrete": { action: multiDiscrete([3, 4]) },
  "multi-discrete, masked": { action: multiDiscrete([3, 6]), masked: true },
  bernoulli: { action: multiBinary(3) },
  gaussian: { action: box(-1, 1, [2]) },
  "squashed gaussian": { action: box(-2, 2, [2]), squash: true },
  "squashed gaussian, bounds per dimension": { action: box([-2, 0], [2, 9], [2]), squash: true },
};
const bodies: Record<string, Partial<ActorCriticOptions>> = {
  dense: { hidden: [16] },
  "no layers": { hidden: [] },
  "dense, shared": { hidden: [16], shared: true },
  convolution: { hidden: [16], filters: [4], activation: "relu" },
  lstm: { hidden: [8], memory: 6 },
  "convolution and lstm, shared": { hidden: [8], filters: [3], memory: 5, shared: true },
};

function modelOf(k: Backend, head: (typeof heads)[string], body: Partial<ActorCriticOptions>) {
  const options = {
    hidden: [],
    ...body,
    observation: box(0, 1, [2, 5, 4]),
    action: head.action,
    squash: head.squash ?? false,
    critic: true,
  };
  return new ActorCritic(k, options, new Random(1));
}

for (const [bodyName, body] of Object.entries(bodies)) {
  describe(`body: ${bodyName}`, () => {
    for (const [headName, head] of Object.entries(heads)) {
      test(`${headName}: learning finds the log-probabilities and values that acting recorded`, () => {
        const masked = head.masked === true;
        const [steps, envs] = [12, 3];
        for (const k of [loops(), simd({ memory: 2 ** 24 })]) {
          const model = modelOf(k, head, body);
          // away from the start, where every log-probability is nearly the same
          const random = new Random(2);
          for (const { data } of model.parameters.list) {
            for (let i = 0; i < data.length; i++) data[i] += 0.3 * random.normal();
          }
          const env = new VectorEnv(
            Array.from({ length: envs }, () => new Noise(head.action, masked)),
          );
          env.seed(random);
          const actor = new Actor(model, envs, { masked });
          const rollout = new Rollout(env, actor, steps);
          env.start();
          rollout.collect(random); // the second one starts in the middle of episodes
          rollout.collect(random);
          const n = steps * envs;
          const batch = new RolloutChunks(model, rollout, n, { masked, steps, whole: true });
          const order = Int32Array.from({ length: n }, (_, i) => i);
          const tape = new Tape(k);
          batch.forEachChunk(order, 0, n, () => {
            tape.run(() => {
              const params = model.forward(batch.observation, batch.memory);
              const logProb = model.head.logProb(params, batch.action, batch.actionMask);
              const value = model.value(batch.observation, batch.memory);
              expect(bitsOf(logProb.data)).toEqual(bitsOf(rollout.logProb));
              expect(bitsOf((value as Tensor).data)).toEqual(bitsOf(rollout.value));
            });
          });
          expect(new Set(rollout.reset).size).toBe(2); // episodes began inside the rollout
        }
      });
    }
  });
}

test("sequences of some environments give what all of them give", () => {
  const k = loops();
  const model = modelOf(k, heads.categorical, bodies.lstm);
  const random = new Random(3);
  const env = new VectorEnv(Array.from({ length: 4 }, () => new Noise(discrete(3), false)));
  env.seed(random);
  const rollout = new Rollout(env, new Actor(model, 4), 5);
  env.start();
  rollout.collect(random);
  rollout.collect(random);
  const chosen = [2, 0];
  const order = Int32Array.from({ length: 10 }, (_, i) => Math.floor(i / 2) * 4 + chosen[i % 2]);
  const batch = new RolloutChunks(model, rollout, 10, { steps: 5 });
  const tape = new Tape(k);
  batch.forEachChunk(order, 0, 10, () => {
    const logProb = tape.run(() =>
      model.head.logProb(
        model.forward(batch.observation, batch.memory),
        batch.action,
        batch.actionMask,
      ),
    );
    for (const [row, i] of order.entries()) {
      expect(logProb.data[row]).toBeCloseTo(rollout.logProb[i], 5);
    }
  });
});

test("a Gaussian's command is within bounds where its action is not, and a squashed one's always", () => {
  for (const squash of [false, true]) {
    const model = modelOf(loops(), { action: box(-0.1, 0.1, [2]), squash }, { hidden: [] });
    const actor = new Actor(model, 50);
    actor.act(new Random(1));
    const out = actor.action.filter((a) => Math.abs(a) > 0.1).length;
    expect(out).toBeGreaterThan(50);
    for (const a of actor.command) expect(Math.abs(a)).toBeLessThanOrEqual(0.1 + 1e-9);
  }
});

describe("an answer does not depend on what was called before", () => {
  const at = (seed: number): Tensor => {
    const x = input(k, [2, 40]);
    new Random(seed).fillUniform(x.data);
    return x;
  };
  const k = loops();
  for (const shared of [false, true]) {
    test(`value is of its own observation, shared = ${shared}`, () => {
      const model = modelOf(k, heads.categorical, { hidden: [8], shared });
      const alone = [...(new Tape(k).run(() => model.value(at(1)) as Tensor).data as Float32Array)];
      const after = new Tape(k).run(() => {
        model.forward(at(2));
        return model.value(at(1)) as Tensor;
      });
      expect([...after.data]).toEqual(alone);
    });
    test(`a recurrent policy acts the same with and without its critic, shared = ${shared}`, () => {
      const model = modelOf(k, heads.categorical, { hidden: [8], memory: 6, shared });
      for (const { data } of model.parameters.list) {
        for (let i = 0; i < data.length; i++) data[i] += 0.2 * Math.sin(i);
      }
      const actions = [true, false].map((value) => {
        const actor = new Actor(model, 2, { value });
        const random = new Random(5);
        return Array.from({ length: 6 }, (_, t) => {
          actor.observation.set(at(t).data);
          actor.act(random);
          if (value) actor.valuesOf(at(99).data); // changes nothing that comes after
          return [...actor.action, ...actor.logProb];
        });
      });
      expect(actions[1]).toEqual(actions[0]);
    });
  }
});

test("settings that do not fit together are refused", () => {
  const k = loops();
  const flatImage = { observation: box(0, 1, [5]), action: discrete(2), critic: false, hidden: [] };
  expect(() => new ActorCritic(k, { ...flatImage, filters: [4] }, new Random(1))).toThrow(
    SettingError,
  );
  const open = { ...flatImage, action: box(-Infinity, Infinity, [1]), squash: true };
  expect(() => new ActorCritic(k, open, new Random(1))).toThrow(/finite bounds/);
  const point = { ...flatImage, action: box([0, 1], [1, 1], [2]), squash: true };
  expect(() => new ActorCritic(k, point, new Random(1))).toThrow(/low < high/);
});

test("attribution: what the policy does not see gets nothing, and shares sum to 1", () => {
  const model = modelOf(loops(), heads.categorical, { hidden: [] });
  const weight = model.parameters.get("policy.head.weight");
  weight?.data.forEach((_, i) => {
    weight.data[i] = i % 40 === 7 ? i : 0;
  });
  const explain = explainer(model, false);
  const x = new Float32Array(40).fill(0.5);
  const why = explain?.(x, [], [1]);
  expect(why?.attribution[7]).toBeCloseTo(1, 6);
  expect(why?.outputs.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
  expect(model.parameters.list.every(({ grad }) => grad.every((g) => g === 0))).toBe(true);
});

test.each(["gaussian", "squashed gaussian"])(
  "attribution of a %s policy at its mean is that of the mean: by hand",
  (kind) => {
    const model = modelOf(loops(), heads[kind], { hidden: [] });
    const { head } = model;
    const weight = model.parameters.get("policy.head.weight");
    weight?.data.forEach((_, i) => {
      weight.data[i] = [3, -1][Math.floor(i / 40)] * Number(i % 40 === 7) + Number(i % 40 === 9);
    });
    expect(head.outputs).toBe(2);
    const explain = explainer(model, false);
    const x = new Float32Array(40).fill(0.5);
    const mean = explain?.(x, [], [0, 0]).outputs ?? [];
    const { attribution = [] } = explain?.(x, [], mean) ?? {};
    // |x·∂ mean/∂x| summed over both numbers: (3 + 1)·½ and (1 + 1)·½
    expect(attribution[7]).toBeCloseTo(2 / 3, 6);
    expect(attribution[9]).toBeCloseTo(1 / 3, 6);
  },
);
