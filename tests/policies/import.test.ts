/** Weights written by PyTorch: the recorded policy's log-probabilities and values come out here. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { FormatError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, NONE, type Tensor } from "../../src/core/tensor.ts";
import { box, discrete } from "../../src/envs/space.ts";
import { loadActorCritic } from "../../src/export/import-policy.ts";
import { decodeSafetensors, type NamedTensor } from "../../src/io/safetensors.ts";
import { ActorCritic } from "../../src/policies/actor-critic.ts";

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
      "expected actor_mean.4.bias as floating-point numbers, got I8",
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
      /expected a tensor for "policy.logStd"/,
    );
    expect([...model.parameters.regions()[0].data]).toEqual(before);
  });

  test("every beginning of a name that is known; layers by their order, not their number", () => {
    const written = (names: Readonly<Record<string, string>>): void => {
      const shapes: Readonly<Record<string, number[]>> = {
        "policy.0.weight": [4, 3],
        "policy.0.bias": [4],
        "policy.1.weight": [5, 4],
        "policy.1.bias": [5],
        "policy.head.weight": [2, 5],
        "policy.head.bias": [2],
        "policy.logStd": [2],
        "critic.0.weight": [4, 3],
        "critic.0.bias": [4],
        "critic.1.weight": [5, 4],
        "critic.1.bias": [5],
        "critic.head.weight": [1, 5],
        "critic.head.bias": [1],
      };
      const theirs = Object.entries(shapes).map(([ours, shape]) => {
        const [from, to] = Object.entries(names).find(([start]) => ours.startsWith(start)) ?? [
          "",
          "",
        ];
        return [to + ours.slice(from.length), shape] as const;
      });
      const tensors = named(Object.fromEntries(theirs.reverse()));
      const model = make(3, [4, 5], 2, true);
      loadActorCritic(model, tensors);
      for (const [ours, shape] of Object.entries(shapes)) {
        const [from, to] = Object.entries(names).find(([start]) => ours.startsWith(start)) ?? [
          "",
          "",
        ];
        const data = tensors.get(to + ours.slice(from.length))?.data ?? [];
        expect([...(model.parameters.get(ours)?.data ?? [])], ours).toEqual([...data]);
        expect(data.length).toBe(shape.reduce((a, b) => a * b));
      }
    };
    written({ "policy.logStd": "policy.logStd", "policy.": "policy.", "critic.": "critic." });
    written({ "policy.logStd": "logStd", "policy.": "actor.", "critic.": "critic." });
    written({
      "policy.logStd": "actor_logstd",
      "policy.0": "actor_mean.1",
      "policy.1": "actor_mean.3",
      "policy.head": "actor_mean.12",
      "critic.0": "critic.2",
      "critic.1": "critic.4",
      "critic.head": "critic.10",
    });
    written({
      "policy.logStd": "log_std",
      "policy.head.": "action_net.",
      "critic.head.": "value_net.",
      "policy.": "mlp_extractor.policy_net.",
      "critic.": "mlp_extractor.value_net.",
    });
  });

  test("tensors whose names only begin alike are nobody's", () => {
    const model = make(3, [4, 5], 2, true);
    const others = {
      "critic.0.weight_v": [4, 3],
      "critic.0.weight.scale": [1],
      "xcritic.7.weight": [4, 3],
      "critic.head": [9],
    };
    loadActorCritic(model, named({ ...cleanRl, ...others }));
    expect(model.parameters.get("critic.0.weight")?.data[0]).toBe(0);
    expect(model.parameters.get("critic.head.weight")?.data[0]).toBe(400);
  });

  test("a shape that differs is refused, also where the numbers are as many; one row more is none", () => {
    const model = () => make(3, [4, 5], 2, true);
    const transposed = { ...cleanRl, "actor_mean.0.weight": [3, 4] };
    expect(() => loadActorCritic(model(), named(transposed))).toThrow(
      "actor-critic: expected policy.0.weight of [4, 3], got [3, 4]",
    );
    const longer = { ...cleanRl, "critic.4.bias": [1, 2] };
    expect(() => loadActorCritic(model(), named(longer))).toThrow(
      /expected critic.head.bias of \[1\]/,
    );
    for (const shape of [[2], [1, 2], [2, 1]])
      expect(() =>
        loadActorCritic(model(), named({ ...cleanRl, actor_logstd: shape })),
      ).not.toThrow();
    const empty = { ...cleanRl, actor_logstd: [0] };
    expect(() => loadActorCritic(model(), named(empty))).toThrow(FormatError);
  });
});
