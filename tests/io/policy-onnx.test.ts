/** Policies as ONNX models, run by a plain reading of the operators, against the policies they were made from. */
import { describe, expect, test } from "vitest";
import type { Floats } from "../../src/core/backend.ts";
import { policyOnnx } from "../../src/export/policy-onnx.ts";
import type { PolicyPlan } from "../../src/export/policy-plan.ts";
import { type Dtype, stored } from "../../src/io/quantize.ts";
import type { Actor } from "../../src/policies/actor.ts";
import { readOnnx, runOnnx, type Value } from "../support/onnx.ts";
import { exportedPolicies } from "./exported.ts";

/** What the policy's head was last given. */
function watched({ model }: Actor): () => number[] {
  const outputs = model.outputs.bind(model);
  let last: number[] = [];
  const watch = <T extends { data: ArrayLike<number> }>(params: T): T => {
    last = Array.from(params.data);
    return params;
  };
  model.outputs = (features) => watch(outputs(features));
  const forward = model.forward.bind(model);
  model.forward = (...args) => watch(forward(...args));
  return () => last;
}

describe("a policy as an ONNX model", () => {
  test.each(exportedPolicies().map((one) => [one.name, one] as const))(
    "%s: gives the head what the policy gives it",
    (name, { plan, actor, observe, act }) => {
      const model = readOnnx(policyOnnx(plan));
      expect(model.versions).toEqual([8, 17]);
      expect(name.startsWith(model.name)).toBe(true);
      const final = plan.layers[plan.layers.length - 1];
      const lstm = plan.layers.find(({ kind }) => kind === "lstm");
      const size = lstm?.kind === "lstm" ? lstm.size : 0;
      const outputs = final.kind === "dense" ? final.bias.length : 0;
      const output = "logStd" in plan.head ? "mean" : "logits";
      const state = ["h", "c"].map((key) => [key, ["N", size]]);
      const next = ["hNext", "cNext"].map((key) => [key, ["N", size]]);
      const recurrent = lstm !== undefined;
      expect(model.inputs).toEqual(["observation", ...(recurrent ? ["h", "c"] : [])]);
      expect([...model.outputs].sort()).toEqual(
        [output, ...(recurrent ? ["hNext", "cNext"] : [])].sort(),
      );
      expect(Object.fromEntries(model.sizes)).toEqual({
        observation: ["N", ...plan.observation],
        [output]: ["N", outputs],
        ...Object.fromEntries(recurrent ? [...state, ...next] : []),
      });
      const seen = watched(actor);
      const observation = new Float32Array(plan.observation.reduce((a, b) => a * b, 1));
      const zero: Value = { shape: [1, size], data: new Array(size).fill(0) };
      let memory = { h: zero, c: zero };
      for (let i = 0; i < 5; i++) {
        observe(observation);
        act(observation);
        const x = { shape: [1, ...plan.observation], data: Array.from(observation) };
        const said = runOnnx(model, { observation: x, ...(recurrent ? memory : {}) });
        if (recurrent) memory = { h: said.get("hNext") as Value, c: said.get("cNext") as Value };
        const got = said.get(output) as Value;
        expect(got.shape).toEqual([1, outputs]);
        const want = seen();
        expect(want).toHaveLength(outputs);
        got.data.forEach((v, j) => {
          expect(Math.abs(v - want[j])).toBeLessThan(1e-5 * Math.max(1, Math.abs(want[j])));
        });
      }
    },
  );

  test.each(exportedPolicies().map((one) => [one.name, one] as const))(
    "%s: weights of f16 and int8 are those of the dtype, as float32",
    (_, { plan }) => {
      const layers = (dtype: Dtype): PolicyPlan["layers"] =>
        plan.layers.map((layer) => {
          const outputs = layer.kind === "lstm" ? 4 * layer.size : layer.bias.length;
          const of = (x: Floats, isMatrix: boolean) =>
            stored(x, isMatrix ? [outputs, x.length / outputs] : [x.length], dtype);
          const small = Object.entries(layer).map(([name, x]) =>
            x instanceof Float32Array || x instanceof Float64Array
              ? [name, of(x, name.startsWith("w"))]
              : [name, x],
          );
          return Object.fromEntries(small);
        });
      const lstm = plan.layers.find(({ kind }) => kind === "lstm");
      const state = {
        shape: [1, lstm?.kind === "lstm" ? lstm.size : 0],
        data: new Array(lstm?.kind === "lstm" ? lstm.size : 0).fill(0.1),
      };
      const size = plan.observation.reduce((a, b) => a * b, 1);
      const observation = {
        shape: [1, ...plan.observation],
        data: Array.from({ length: size }, (_, i) => Math.sin(i)),
      };
      const inputs = { observation, ...(lstm === undefined ? {} : { h: state, c: state }) };
      const f32 = policyOnnx(plan);
      for (const dtype of ["f16", "int8"] as const) {
        const file = policyOnnx(plan, dtype);
        const got = runOnnx(readOnnx(file), inputs);
        const want = runOnnx(readOnnx(policyOnnx({ ...plan, layers: layers(dtype) })), inputs);
        expect([...got.keys()].length).toBeGreaterThan(0);
        for (const name of readOnnx(file).outputs) expect(got.get(name)).toEqual(want.get(name));
        const types = readOnnx(file).nodes.map(({ operator }) => operator);
        expect(types).toContain(dtype === "f16" ? "Cast" : "DequantizeLinear");
        const before = runOnnx(readOnnx(f32), inputs);
        const [output] = readOnnx(file).outputs;
        expect(got.get(output)).not.toEqual(before.get(output));
      }
    },
  );

  test("a large policy's file is half and a quarter as large", () => {
    const weight = Float32Array.from({ length: 256 * 256 }, (_, i) => Math.sin(i));
    const [{ plan }] = exportedPolicies();
    const dense = {
      kind: "dense",
      weight,
      bias: new Float32Array(256),
      activation: "none",
    } as const;
    const bytes = (dtype: Dtype) =>
      policyOnnx({ ...plan, observation: [256], normalize: null, layers: [dense] }, dtype).length;
    expect(bytes("f16") / bytes("f32")).toBeCloseTo(0.5, 2);
    expect(bytes("int8") / bytes("f32")).toBeCloseTo(0.25, 1);
  });
});
