/** Weights written by PyTorch: the recorded policy's log-probabilities and values come out here. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { FormatError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, NONE, type Tensor } from "../../src/core/tensor.ts";
import { box, discrete } from "../../src/envs/space.ts";
import { decodeSafetensors, type NamedTensor } from "../../src/io/safetensors.ts";
import { ActorCritic } from "../../src/policies/actor-critic.ts";
import { loadActorCritic } from "../../src/policies/import.ts";

const data = new URL("../vectors/data/", import.meta.url);
const { cases } = JSON.parse(readFileSync(new URL("networks_mlp.json", data), "utf8"));
const make = (inputs: number, hidden: number[], action: number, continuous: boolean) =>
  new ActorCritic(
    loops(),
    {
      observation: box(-Infinity, Infinity, [inputs]),
      action: continuous ? box(-Infinity, Infinity, [action]) : discrete(action),
      hidden,
      critic: true,
    },
    new Random(1),
  );

describe("an actor-critic of PyTorch's", () => {
  for (const [file, op] of [
    ["discrete", "a2c_update_discrete"],
    ["continuous", "a2c_update_continuous"],
  ]) {
    test(`${file}: acts as recorded`, () => {
      const { inputs, expected, permutations } = cases.find((c: { name: string }) => c.name === op);
      const bytes = readFileSync(new URL(`mlp_${file}.safetensors`, data));
      const { tensors } = decodeSafetensors(bytes);
      const [hidden, size] = (tensors.get("actor.0.weight") as NamedTensor).shape;
      const [outputs] = (tensors.get("actor.head.weight") as NamedTensor).shape;
      const model = make(size, [hidden, hidden], outputs, file === "continuous");
      loadActorCritic(model, tensors);
      const k = model.parameters.backend;
      const [n] = inputs.obs.shape;
      const observation = input(k, inputs.obs.shape, inputs.obs.data);
      const action = input(k, model.head.actionShape(n), inputs.actions.data);
      const tape = new Tape(k, { grads: false });
      const { logProb, value } = tape.run(() => ({
        logProb: model.head.logProb(model.forward(observation), action, NONE),
        value: model.value(observation) as Tensor,
      }));
      const { logProbs, values } = expected.firstMinibatch; // of all rows: one minibatch
      expect(logProbs.data.length).toBe(n);
      permutations[0].forEach((row: number, i: number) => {
        expect(Math.abs(logProb.data[row] - logProbs.data[i])).toBeLessThan(2e-6);
        expect(Math.abs(value.data[row] - values.data[i])).toBeLessThan(2e-6);
      });
    });
  }

  const named = (names: Readonly<Record<string, number[]>>) =>
    new Map(
      Object.entries(names).map(([name, shape], k) => {
        const size = shape.reduce((a, b) => a * b, 1);
        const data = Float32Array.from({ length: size }, (_, i) => 100 * k + i);
        return [name, { name, shape, data }] as const;
      }),
    );
  const cleanRl = {
    "critic.0.weight": [4, 3],
    "critic.0.bias": [4],
    "critic.2.weight": [5, 4],
    "critic.2.bias": [5],
    "critic.4.weight": [1, 5],
    "critic.4.bias": [1],
    "actor_mean.0.weight": [4, 3],
    "actor_mean.0.bias": [4],
    "actor_mean.2.weight": [5, 4],
    "actor_mean.2.bias": [5],
    "actor_mean.4.weight": [2, 5],
    "actor_mean.4.bias": [2],
    actor_logstd: [1, 2],
  };
  const renamed = (pairs: [RegExp, string][]) =>
    Object.fromEntries(
      Object.entries(cleanRl).map(([name, shape]) => [
        pairs.reduce((text, [from, to]) => text.replace(from, to), name),
        name === "actor_logstd" ? [2] : shape,
      ]),
    );
  const sb3 = renamed([
    [/^critic\.4/, "value_net"],
    [/^actor_mean\.4/, "action_net"],
    [/^critic\./, "mlp_extractor.value_net."],
    [/^actor_mean\./, "mlp_extractor.policy_net."],
    [/^actor_logstd$/, "log_std"],
  ]);

  test("a tensor that is needed and no floating-point numbers is named with its dtype", () => {
    const { "actor_mean.4.bias": _, ...floats } = cleanRl;
    const others = new Map([
      ["actor_mean.4.bias", "I8"],
      ["batches", "I64"],
    ]);
    expect(() => loadActorCritic(make(3, [4, 5], 2, true), named(floats), others)).toThrow(
      "want actor_mean.4.bias as floating-point numbers, got I8",
    );
    loadActorCritic(make(3, [4, 5], 2, true), named(cleanRl), new Map([["batches", "I64"]]));
  });

  test.each([
    ["CleanRL", cleanRl],
    ["stable-baselines3", sb3],
  ])("%s's names", (_, names) => {
    const model = make(3, [4, 5], 2, true);
    loadActorCritic(model, named(names));
    const first = (name: string): number | undefined => model.parameters.get(name)?.data[0];
    expect(["critic.0.weight", "critic.1.bias", "critic.head.weight"].map(first)).toEqual([
      0, 300, 400,
    ]);
    expect(["policy.0.weight", "policy.head.bias", "policy.logStd"].map(first)).toEqual([
      600, 1100, 1200,
    ]);
  });

  test("what is missing or of another shape is said, and nothing is changed", () => {
    const model = make(3, [4, 6], 2, true);
    const before = [...model.parameters.regions()[0].data];
    expect(() => loadActorCritic(model, named(cleanRl))).toThrow(FormatError);
    const { actor_logstd: _, ...rest } = cleanRl;
    expect(() => loadActorCritic(make(3, [4, 5], 2, true), named(rest))).toThrow(
      /no tensor for "policy.logStd"/,
    );
    expect([...model.parameters.regions()[0].data]).toEqual(before);
  });
});
