/** Policies as ONNX models, run by a plain reading of the operators, against the policies they were made from. */
import { describe, expect, test } from "vitest";
import { policyOnnx } from "../../src/export/policy-onnx.ts";
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
});
