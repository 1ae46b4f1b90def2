/** Adapters: where they begin, their scale and targets, their files, and their bits from the cache. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import type { Backend } from "../../src/core/backend.ts";
import { FormatError, SettingError, UsageError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input } from "../../src/core/tensor.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/io/safetensors.ts";
import { modelFiles } from "../../src/models/files.ts";
import { loadModel } from "../../src/models/load.ts";
import { Lora, type LoraOptions } from "../../src/models/lora.ts";
import { loadLora, saveLora } from "../../src/models/lora-files.ts";
import { Decoder } from "../../src/nn/decode.ts";
import type { LanguageModel } from "../../src/nn/transformer.ts";
import { modelFolder } from "../../src/node/model-folder.ts";
import { Adam } from "../../src/optim/adam.ts";
import { bitsOf } from "../support/bits.ts";

const data = fileURLToPath(new URL("../vectors/data/models/", import.meta.url));
const load = (name: string, k: Backend = loops(), frozen = true) =>
  loadModel(k, modelFolder(join(data, "models", name)), { frozen }).model;
const every: LoraOptions = { rank: 2, alpha: 4, targets: "all-linear" };
/** A model with an adapter whose B is not 0. */
function adapted(name: string, options = every, k: Backend = loops()): Lora {
  const lora = new Lora(load(name, k), options, new Random(1));
  const random = new Random(2);
  for (const { b } of lora.adapters)
    for (let i = 0; i < b.data.length; i++) b.data[i] = 0.1 * random.normal();
  return lora;
}
function logitsOf(model: LanguageModel, text: readonly number[]): Float32Array {
  const { backend: k } = model.parameters;
  const tokens = input(k, [1, text.length], text);
  const positions = input(k, [1, text.length], [...text.keys()]);
  const made = new Tape(k, { grads: false }).run(() =>
    model.logits(model.hidden(tokens, positions)),
  );
  return Float32Array.from(made.data);
}
const text = [5, 17, 3, 60, 2, 9];

describe.each(["llama-gqa", "gpt2"])("%s", (name) => {
  test("begins as the base, bit for bit where switched off; a trained one differs", () => {
    const base = logitsOf(load(name, loops(), false), text);
    const model = load(name);
    const lora = new Lora(model, every, new Random(1));
    expect(logitsOf(model, text)).toEqual(base);
    const trained = adapted(name);
    const far = logitsOf(trained.model, text);
    expect(Math.max(...far.map((x, i) => Math.abs(x - base[i])))).toBeGreaterThan(0.1);
    trained.enabled = false;
    expect(bitsOf(logitsOf(trained.model, text))).toEqual(bitsOf(base));
    expect(lora.adapters).toHaveLength(name === "gpt2" ? 8 : 14);
  });

  test("only A and B have gradients and an optimizer's state", () => {
    const { model, adapters } = adapted(name);
    const { list } = model.parameters;
    expect(list.map((p) => p.name)).toEqual(adapters.flatMap(({ a, b }) => [a.name, b.name]));
    expect(model.parts.weights.list.every(({ grad }) => grad === null)).toBe(true);
    const size = new Adam(model.parameters).regions.reduce((n, { data }) => n + data.length, 0);
    expect(size).toBe(list.reduce((n, { data }) => n + data.length, 0));
  });

  test("merged, the base computes what the adapter did, and files of it say so", () => {
    const lora = adapted(name);
    const want = logitsOf(lora.model, text);
    lora.merge();
    const got = logitsOf(lora.model, text);
    got.forEach((x, i) => {
      expect(x).toBeCloseTo(want[i], 4);
    });
    expect(() => lora.merge()).toThrow(UsageError);
  });

  test("from the cache as from the whole text, on both backends", () => {
    for (const k of [loops(), simd({ memory: 2 ** 24 })]) {
      const { model } = adapted(name, every, k);
      const decoder = new Decoder(model, 1);
      const { vocab } = model.options;
      for (let n = 1; n <= text.length; n++) {
        decoder.push(0, text[n - 1]);
        decoder.run();
        const whole = logitsOf(model, text.slice(0, n)).slice(-vocab);
        expect(bitsOf(decoder.logits)).toEqual(bitsOf(whole));
      }
    }
  });

  test("saved and loaded, the same adapter", () => {
    const lora = adapted(name, { ...every, rankStabilized: true });
    const files = saveLora(lora);
    const bytes = Object.fromEntries(
      Object.entries(files).map(([file, content]) => [
        file,
        typeof content === "string" ? new TextEncoder().encode(content) : content,
      ]),
    );
    const again = loadLora(load(name), modelFiles(bytes));
    expect(again.options).toEqual({ dropout: 0, ...lora.options });
    expect(logitsOf(again.model, text)).toEqual(logitsOf(lora.model, text));
  });
});

test("scale: alpha/rank, or alpha/√rank; A is uniform in ±1/√in", () => {
  const made = (options: Partial<LoraOptions>): Lora =>
    new Lora(load("llama-gqa"), { ...every, ...options }, new Random(1));
  expect(made({ rank: 4, alpha: 8 }).scale).toBe(2);
  expect(made({ rank: 4, alpha: 8, rankStabilized: true }).scale).toBe(4);
  const { a, b } = made({ rank: 64 }).adapters[0];
  const most = Math.max(...a.data.map(Math.abs));
  expect(most).toBeLessThanOrEqual(1 / Math.sqrt(32));
  expect(most).toBeGreaterThan(0.98 / Math.sqrt(32));
  expect(b.data.every((x) => x === 0)).toBe(true);
});

test("targets are the ends of layers' names", () => {
  const modules = (targets: LoraOptions["targets"], name = "llama-gqa"): string[] =>
    new Lora(load(name), { ...every, targets }, new Random(1)).adapters.map((a) => a.module);
  expect(modules(["q_proj", "mlp.up_proj"])).toEqual(
    [0, 1].flatMap((i) => [`model.layers.${i}.self_attn.q_proj`, `model.layers.${i}.mlp.up_proj`]),
  );
  expect(modules(["model.layers.1.self_attn.o_proj"])).toHaveLength(1);
  expect(modules(["c_proj"], "gpt2")).toHaveLength(4); // attention's and the perceptron's
});

describe("refused", () => {
  const make =
    (options: Partial<LoraOptions>, frozen = true) =>
    () =>
      new Lora(load("llama-gqa", loops(), frozen), { ...every, ...options }, new Random(1));
  test("a rank, an alpha, a target, a model that is not frozen", () => {
    for (const rank of [0, 1.5, Number.NaN]) expect(make({ rank })).toThrow(SettingError);
    for (const alpha of [0, -1, Infinity]) expect(make({ alpha })).toThrow(SettingError);
    expect(make({ targets: ["c_attn"] })).toThrow(
      'lora: expected targets of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, got "c_attn"',
    );
    expect(make({ targets: ["proj"] })).toThrow(SettingError);
    expect(make({}, false)).toThrow(UsageError);
  });

  const config = { peft_type: "LORA", r: 2, lora_alpha: 4, target_modules: ["q_proj"] };
  const wrong: readonly (readonly [object, string])[] = [
    [{ r: 0 }, "adapter_config.json: expected r as a whole number ≥ 1, got 0"],
    [{ lora_alpha: null }, "expected lora_alpha as a number above 0"],
    [{ peft_type: "IA3" }, 'expected peft_type to be "LORA", got "IA3"'],
    [{ use_dora: true }, "expected use_dora to be false, got true"],
    [{ bias: "all" }, 'expected bias to be "none", got "all"'],
    [{ modules_to_save: ["lm_head"] }, "expected modules_to_save to be null or empty"],
    [{ rank_pattern: { q_proj: 3 } }, "expected rank_pattern to be null or empty"],
    [{ init_lora_weights: "pissa_niter_4" }, "expected init_lora_weights to be true or false or"],
    [{ init_lora_weights: "olora", loftq_config: {} }, 'got "olora"'],
    [{ alora_invocation_tokens: [1, 2] }, "expected alora_invocation_tokens to be null or empty"],
    [{ arrow_config: { top_k: 1 } }, "expected arrow_config to be null or empty"],
    [{ field_of_tomorrow: 1 }, "expected field_of_tomorrow to be null or empty"],
    [{ target_modules: ".*q_proj" }, 'expected target_modules as a list of names or "all-linear"'],
  ];
  test.each(wrong)("%j", (changes, message) => {
    const bytes = new TextEncoder().encode(JSON.stringify({ ...config, ...changes }));
    const files = modelFiles({
      "adapter_config.json": bytes,
      "adapter_model.safetensors": new Uint8Array(0),
    });
    expect(() => loadLora(load("llama-gqa"), files)).toThrow(FormatError);
    expect(() => loadLora(load("llama-gqa"), files)).toThrow(message);
  });

  test.each([Number.NaN, Infinity, 1e300])("%d among the numbers", (bad) => {
    const folder = saveLora(adapted("llama-gqa"));
    const { tensors } = decodeSafetensors(folder["adapter_model.safetensors"] as Uint8Array);
    const list = [...tensors.values()].map((one) => ({
      ...one,
      data: Float64Array.from(one.data),
    }));
    list[1].data[3] = bad;
    const files = modelFiles({ ...folder, "adapter_model.safetensors": encodeSafetensors(list) });
    expect(() => loadLora(load("llama-gqa"), files)).toThrow(
      `of finite float32 numbers, got ${bad} at 3`,
    );
  });

  test("targets and ranks that are none", () => {
    const make = (options: object) => () =>
      new Lora(
        load("llama-gqa"),
        { rank: 2, alpha: 2, targets: ["q_proj"], ...options },
        new Random(1),
      );
    for (const options of [{ targets: [] }, { targets: undefined }, { rank: 1e9 }])
      expect(make(options)).toThrow(SettingError);
  });

  test("files that are missing, and tensors of another model", () => {
    expect(() => loadLora(load("gpt2"), modelFiles({}))).toThrow("adapter_config.json: expected a");
    const json = new TextEncoder().encode(JSON.stringify(config));
    const only = modelFiles({ "adapter_config.json": json });
    expect(() => loadLora(load("llama-gqa"), only)).toThrow("adapter_model.safetensors: expected");
    const folder = modelFolder(join(data, "adapters", "lora-qv"));
    const other = load("qwen3");
    expect(() => loadLora(other, folder)).toThrow(
      /adapter_model.safetensors: expected tensor "base_model.*" of \[\d+, \d+\], got \[/,
    );
    expect(other.parameters.list).toEqual([]); // nothing is half loaded
    const fewer = modelFiles({
      "adapter_config.json": new TextEncoder().encode(JSON.stringify({ ...config, r: 4 })),
      "adapter_model.safetensors": folder.read(
        "adapter_model.safetensors",
        0,
        folder.size("adapter_model.safetensors") as number,
      ),
    });
    expect(() => loadLora(load("llama-gqa"), fewer)).toThrow("is of no target layer");
  });
});
