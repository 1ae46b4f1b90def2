/** A folder in the layout of Hugging Face's hub with a Llama of random bfloat16 weights, such as a person would fetch. */
import { closeSync, mkdtempSync, openSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../src/core/random.ts";
import { sizeOf } from "../src/core/tensor.ts";

export interface LlamaSizes {
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly intermediate_size: number;
  readonly vocab_size: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
}

/** The shape of SmolLM2-135M, one of 10.5 million weights, and one to try things with. */
export const shapes = {
  smol: {
    ...{ hidden_size: 576, num_hidden_layers: 30, intermediate_size: 1536, vocab_size: 49152 },
    ...{ num_attention_heads: 9, num_key_value_heads: 3 },
  },
  "10M": {
    ...{ hidden_size: 256, num_hidden_layers: 8, intermediate_size: 768, vocab_size: 16384 },
    ...{ num_attention_heads: 8, num_key_value_heads: 4 },
  },
  tiny: {
    ...{ hidden_size: 72, num_hidden_layers: 2, intermediate_size: 96, vocab_size: 512 },
    ...{ num_attention_heads: 9, num_key_value_heads: 3 },
  },
} satisfies Record<string, LlamaSizes>;

function shapesOf(sizes: LlamaSizes): Record<string, readonly number[]> {
  const { hidden_size: width, intermediate_size: inner } = sizes;
  const keys = (width / sizes.num_attention_heads) * sizes.num_key_value_heads;
  const list: Record<string, readonly number[]> = {
    "model.embed_tokens.weight": [sizes.vocab_size, width],
    "model.norm.weight": [width],
  };
  for (let layer = 0; layer < sizes.num_hidden_layers; layer++)
    for (const [name, shape] of Object.entries({
      ...{ input_layernorm: [width], post_attention_layernorm: [width] },
      ...{ "self_attn.q_proj": [width, width], "self_attn.o_proj": [width, width] },
      ...{ "self_attn.k_proj": [keys, width], "self_attn.v_proj": [keys, width] },
      ...{ "mlp.gate_proj": [inner, width], "mlp.up_proj": [inner, width] },
      "mlp.down_proj": [width, inner],
    }))
      list[`model.layers.${layer}.${name}.weight`] = shape;
  return list;
}

/** Writes the folder below the system's own for temporary files, a tensor at a time. Returns its path. */
export function writePublished(sizes: LlamaSizes): string {
  const folder = mkdtempSync(join(tmpdir(), "pigrad-model-"));
  const config = { ...sizes, tie_word_embeddings: true, max_position_embeddings: 8192 };
  writeFileSync(join(folder, "config.json"), JSON.stringify({ model_type: "llama", ...config }));
  const tensors = Object.entries(shapesOf(sizes));
  let end = 0;
  const entries = tensors.map(([name, shape]) => {
    const start = end;
    end += 2 * sizeOf(shape);
    return [name, { dtype: "BF16", shape, data_offsets: [start, end] }];
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const file = openSync(join(folder, "model.safetensors"), "w");
  writeSync(file, Buffer.concat([length, header]));
  const random = new Random(1);
  for (const [, shape] of tensors) {
    const sign = (): number => (random.bits() & 1) << 15;
    // ±2⁻⁷ to ±2⁻⁵: an exponent of 120 or 121 and seven random bits
    const words = Uint16Array.from({ length: sizeOf(shape) }, () => {
      return sign() | (0x3c00 + (random.bits() & 0xff));
    });
    writeSync(file, words);
  }
  closeSync(file);
  return folder;
}
