// @module-tag deep
/** Models whose frozen weights stay as bfloat16 or int8: the bits of a model of the expanded weights, and less memory. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import type { Backend } from "../../src/core/backend.ts";
import { FormatError, UsageError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input } from "../../src/core/tensor.ts";
import { nearestBrain } from "../../src/io/quantize.ts";
import { readSafetensors } from "../../src/io/safetensors.ts";
import type { HubModel } from "../../src/models/build.ts";
import { loadModel } from "../../src/models/load.ts";
import { Lora } from "../../src/models/lora.ts";
import { saveModel } from "../../src/models/save.ts";
import { Decoder } from "../../src/nn/decode.ts";
import { StoredWeight, type WeightForm } from "../../src/nn/stored.ts";
import { modelFolder } from "../../src/node/model-folder.ts";
import { crossEntropy } from "../../src/ops/loss.ts";
import { bitsOf } from "../support/bits.ts";

const data = fileURLToPath(new URL("../vectors/data/models/models/", import.meta.url));
const load = (k: Backend, name: string, weights: WeightForm): HubModel =>
  loadModel(k, modelFolder(join(data, name)), { frozen: true, weights }).model;

/** Returns the model of floats whose weights are those of `stored`. */
function expanded(k: Backend, name: string, stored: HubModel): HubModel {
  const model = load(k, name, "f32");
  for (const [i, weight] of stored.parts.weights.list.entries())
    if (weight instanceof StoredWeight)
      model.parts.weights.list[i].data.set(weight.rows(0, weight.shape[0]));
  return model;
}

const text = [5, 17, 3, 60, 2, 9, 33];

/** Bits of logits, whole and from the cache, and of an adapter's gradients. */
function bitsThrough(model: HubModel): number[][] {
  const { backend: k } = model.parameters;
  const lora = new Lora(model, { rank: 2, alpha: 4, targets: "all-linear" }, new Random(1));
  const random = new Random(2);
  for (const { b } of lora.adapters)
    for (let i = 0; i < b.data.length; i++) b.data[i] = random.normal();
  const tokens = input(k, [1, text.length], text);
  const positions = input(k, [1, text.length], [...text.keys()]);
  const targets = input(k, [1, text.length], text);
  const tape = new Tape(k);
  const { logits, loss } = tape.run(() => {
    const logits = model.logits(model.hidden(tokens, positions));
    return { logits, loss: crossEntropy(logits, targets) };
  });
  tape.backward(loss);
  lora.enabled = false;
  const decoder = new Decoder(model, 1);
  for (const token of text) decoder.push(0, token);
  decoder.run();
  const off = new Tape(k).run(() => model.logits(model.hidden(tokens, positions)));
  const { vocab } = model.options;
  const last = bitsOf(off.data.subarray((text.length - 1) * vocab));
  expect([...bitsOf(decoder.logits)]).toEqual([...last]);
  const grads = model.parameters.list.map(({ grad }) => grad);
  return [logits.data, off.data, ...grads].map((x) => [...bitsOf(x)]);
}

const backends: Record<string, () => Backend> = {
  loops,
  loops64: () => loops(Float64Array),
  simd: () => simd({ memory: 2 ** 25 }),
};

describe.each(["bf16", "int8"] as const)("%s", (form) => {
  test.each(["llama-gqa", "qwen2", "qwen3", "smollm2-bf16", "gpt2", "llama-tied"])(
    "%s: logits, cache and an adapter's gradients have the bits of expanded weights",
    (name) => {
      for (const backend of Object.values(backends)) {
        const stored = load(backend(), name, form);
        const floats = expanded(backend(), name, stored);
        expect(bitsThrough(stored)).toEqual(bitsThrough(floats));
      }
    },
  );

  test("a switched off adapter is the base; merging and saving, which need floats, say so", () => {
    const model = load(loops(), "llama-gqa", form);
    const lora = new Lora(model, { rank: 2, alpha: 4, targets: ["q_proj"] }, new Random(1));
    expect(() => lora.merge()).toThrow(UsageError);
    expect(() => lora.merge()).toThrow(
      `q_proj.weight as floats, but it is kept as ${form}; load the model with weights "f32"`,
    );
    expect(lora.enabled).toBe(true);
    expect(() => saveModel(model)).toThrow(UsageError);
  });

  test("frees all its memory, also where a file is broken", () => {
    const k = simd({ memory: 2 ** 24 });
    const before = k.live();
    load(k, "llama-gqa", form).free();
    expect(k.live()).toBe(before);
    const files = modelFolder(join(data, "llama-gqa"));
    const cut = {
      size: (name: string) => files.size(name),
      read: (name: string, start: number, end: number) =>
        start > 50_000 ? new Uint8Array(1) : files.read(name, start, end),
    };
    expect(() => loadModel(k, cut, { frozen: true, weights: form })).toThrow(FormatError);
    expect(k.live()).toBe(before);
  });
});

test("bfloat16 of a file stays as it is, in half of the memory; int8 in less", () => {
  const file = readFileSync(join(data, "smollm2-bf16", "model.safetensors"));
  const { tensors } = readSafetensors(file);
  const live = (["f32", "bf16", "int8"] as const).map((weights) => {
    const k = simd({ memory: 2 ** 24 });
    const before = k.live();
    const model = load(k, "smollm2-bf16", weights);
    for (const w of model.parts.weights.list) {
      const want = [...(tensors.get(w.name)?.data ?? [])];
      if (w instanceof StoredWeight && w.form === "bf16")
        expect([...w.rows(0, w.shape[0])]).toEqual(want);
    }
    expect(model.parts.head instanceof StoredWeight).toBe(weights !== "f32"); // of bfloat16, nothing is lost
    return k.live() - before;
  });
  expect(live[1]).toBeLessThan(0.6 * live[0]);
  expect(live[2]).toBeLessThan(0.8 * live[1]);
});

test("floats of a file are rounded to bfloat16; int8 keeps an embedding of floats", () => {
  const file = readFileSync(join(data, "llama-gqa", "model.safetensors"));
  const name = "model.embed_tokens.weight";
  const want = [...(readSafetensors(file).tensors.get(name)?.data ?? [])].map(Number);
  const [embedding] = load(loops(), "llama-gqa", "bf16").parts.weights.list as StoredWeight[];
  expect([...embedding.rows(0, embedding.shape[0])]).toEqual(want.map(nearestBrain));
  expect([...load(loops(), "llama-gqa", "int8").parts.weights.list[0].data]).toEqual(want);
});

test("weights in fewer bits must be frozen and of a known form", () => {
  const files = modelFolder(join(data, "llama-gqa"));
  expect(() => loadModel(loops(), files, { weights: "int8" })).toThrow(
    'expected frozen: true with weights "int8"',
  );
  const weights = "int4" as "int8";
  expect(() => loadModel(loops(), files, { frozen: true, weights })).toThrow(
    "expected weights of f32, bf16, int8, got int4",
  );
});
