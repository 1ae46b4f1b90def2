/** Configs that are wrong, and what they leave out: each message names the file and the field. */
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { type Json, parseJson } from "../../src/io/json.ts";
import { modelConfig } from "../../src/models/config.ts";
import { frequencies, rotaryTable } from "../../src/nn/rope.ts";

const llama = {
  ...{ model_type: "llama", vocab_size: 30, hidden_size: 16, num_hidden_layers: 3 },
  ...{ num_attention_heads: 4, num_key_value_heads: 2, intermediate_size: 20 },
};
const gpt2 = { model_type: "gpt2", vocab_size: 30, n_embd: 16, n_layer: 2, n_head: 4 };
const json = (x: unknown): Json => parseJson(JSON.stringify(x), "json");
const read = (config: object, generation?: object) =>
  modelConfig(json(config), generation === undefined ? null : json(generation));

describe("refused, by the field's name", () => {
  const rows: readonly (readonly [object, string])[] = [
    [{ ...llama, model_type: "gemma" }, "config.json: expected model_type of gpt2, llama, qwen2"],
    [
      { ...llama, model_type: undefined },
      "expected model_type of gpt2, llama, qwen2, qwen3, mistral, got no such field",
    ],
    [{ ...llama, model_type: "toString" }, 'got "toString"'],
    [
      { ...llama, vocab_size: undefined },
      "expected vocab_size as a whole number ≥ 1, got no such field",
    ],
    [{ ...llama, hidden_size: 16.5 }, "expected hidden_size as a whole number ≥ 1, got 16.5"],
    [{ ...llama, num_hidden_layers: 0 }, "expected num_hidden_layers as a whole number ≥ 1, got 0"],
    [{ ...llama, num_hidden_layers: 1e12 }, "expected num_hidden_layers of at most 65536"],
    [
      { ...llama, hidden_size: 18 },
      "expected hidden_size as a multiple of num_attention_heads of 4, got 18",
    ],
    [
      { ...llama, num_key_value_heads: 3 },
      "expected num_key_value_heads to divide num_attention_heads of 4, got 3",
    ],
    [{ ...llama, hidden_act: "gelu" }, 'expected hidden_act of silu, swish, got "gelu"'],
    [
      { ...gpt2, activation_function: "gelu" },
      'expected activation_function of gelu_new, gelu_pytorch_tanh, got "gelu"',
    ],
    [
      { ...gpt2, scale_attn_by_inverse_layer_idx: true },
      "expected scale_attn_by_inverse_layer_idx to be false, got true",
    ],
    [{ ...gpt2, scale_attn_weights: false }, "expected scale_attn_weights to be true, got false"],
    [{ ...llama, rms_norm_eps: 0 }, "expected rms_norm_eps as a number above 0, got 0"],
    [{ ...llama, rope_theta: "1e4" }, 'expected rope_theta as a number above 0, got "1e4"'],
    [{ ...llama, attention_bias: 1 }, "expected attention_bias as true or false, got 1"],
    [{ ...llama, partial_rotary_factor: 0.5 }, "expected partial_rotary_factor to be 1, got 0.5"],
    [{ ...llama, quantization_config: {} }, "expected quantization_config to be absent"],
    [
      { ...llama, rope_scaling: { rope_type: "yarn" } },
      'config.json: rope_scaling: expected rope_type of default, linear, llama3, got "yarn"',
    ],
    [
      { ...llama, rope_scaling: { type: "linear" } },
      "rope_scaling: expected factor as a number above 0, got no such field",
    ],
    [{ ...llama, rope_scaling: [] }, "config.json: rope_scaling: expected an object"],
    [
      {
        ...llama,
        rope_parameters: {
          rope_type: "llama3",
          factor: 2,
          low_freq_factor: 4,
          high_freq_factor: 4,
        },
      },
      "rope_parameters: expected low_freq_factor below high_freq_factor, 4, got 4",
    ],
    [
      { ...llama, rope_parameters: { rope_type: "linear", factor: 2, partial_rotary_factor: 0.5 } },
      "rope_parameters: expected partial_rotary_factor to be 1, got 0.5",
    ],
    [
      { ...llama, rope_scaling: { type: "default", mrope_section: [1, 2] } },
      "rope_scaling: expected mrope_section to be null or empty",
    ],
    [
      { ...llama, layer_types: ["full_attention"] },
      "expected layer_types as a list of 3 of full_attention, sliding_attention",
    ],
    [
      { ...llama, layer_types: new Array(3).fill("sliding_attention") },
      "expected layer_types of full_attention alone",
    ],
    [
      { ...llama, model_type: "mistral", sliding_window: 0 },
      "expected sliding_window as a whole number ≥ 1, got 0",
    ],
    [{ ...llama, eos_token_id: [2, -1] }, "expected eos_token_id as token ids, got a list"],
    [{ ...llama, torch_dtype: 32 }, "expected torch_dtype as a text, got 32"],
  ];
  test.each(rows)("%j", (config, message) => {
    expect(() => read(config)).toThrow(FormatError);
    expect(() => read(config)).toThrow(message);
  });
  test("files that hold no object", () => {
    expect(() => modelConfig(json([]))).toThrow("config.json: expected an object");
    expect(() => read(llama, [])).toThrow("generation_config.json: expected an object");
    expect(() => read(llama, { eos_token_id: "x" })).toThrow(
      "generation_config.json: expected eos_token_id",
    );
  });
});

describe("what a config leaves out", () => {
  test("windows: off unless switched on; Mistral's is on", () => {
    const qwen = { ...llama, model_type: "qwen2", sliding_window: 8, max_window_layers: 2 };
    expect(read(qwen).windows).toEqual([0, 0, 0]);
    expect(read({ ...qwen, use_sliding_window: true }).windows).toEqual([0, 0, 8]);
    const types = ["sliding_attention", "full_attention", "full_attention"];
    expect(read({ ...qwen, layer_types: types }).windows).toEqual([0, 0, 0]);
    const on = { ...qwen, use_sliding_window: true };
    expect(read({ ...on, sliding_window: null }).windows).toEqual([0, 0, 0]);
    expect(read({ ...on, max_window_layers: undefined }).windows).toEqual([0, 0, 0]); // 28
    expect(read({ ...llama, model_type: "mistral" }).windows).toEqual([4096, 4096, 4096]);
    expect(read({ ...llama, sliding_window: 8 }).windows).toEqual([0, 0, 0]);
  });
  test("Mistral's key heads are 8, Qwen3's heads 128 wide, GPT-2's perceptron 4 times as wide", () => {
    const { num_key_value_heads: _, ...rest } = llama;
    const wide = { ...rest, model_type: "mistral", num_attention_heads: 16 };
    expect(read(wide).keyHeads).toBe(8);
    expect(read({ ...rest, model_type: "qwen3" }).headWidth).toBe(128);
    expect(read(gpt2)).toMatchObject({ inner: 64, context: 1024, tied: true, rope: null });
  });
  test("tokens: generation_config.json's before config.json's", () => {
    const config = { ...llama, eos_token_id: 2, bos_token_id: 1 };
    expect(read(config)).toMatchObject({ stop: [2], begin: 1 });
    expect(read(config, { eos_token_id: [3, 4] }).stop).toEqual([3, 4]);
    expect(read(config, {}).stop).toEqual([2]);
    expect(read(llama)).toMatchObject({ stop: [], begin: null });
  });
});

test("frequencies fall by powers of theta; a linear factor divides them; llama3's has three regions", () => {
  const rope = { theta: 100, scaling: { type: "default" } } as const;
  const plain = [...frequencies(4, rope)];
  expect(plain[0]).toBe(1);
  expect(plain[1]).toBeCloseTo(0.1, 14);
  const linear = frequencies(4, { ...rope, scaling: { type: "linear", factor: 4 } });
  expect([...linear]).toEqual(plain.map((f) => f / 4));
  const scaling = {
    ...{
      type: "llama3" as const,
      factor: 8,
      lowFreqFactor: 1,
      highFreqFactor: 4,
      originalContext: 64,
    },
  } as const;
  // wavelengths 6.3, 35.3, 198.7: below 16, between 16 and 64, above 64
  const [high, middle, low] = frequencies(6, { theta: 1000 ** 0.75, scaling });
  const smooth = (64 / (2 * Math.PI * 10 ** 0.75) - 1) / 3;
  expect(high).toBe(1);
  expect(middle).toBeCloseTo(10 ** -0.75 * ((1 - smooth) / 8 + smooth), 12);
  expect(low).toBeCloseTo(10 ** -1.5 / 8, 12);
  expect(() => rotaryTable(2, 3, rope)).toThrow("rope: expected an even width per head, got 3");
});
