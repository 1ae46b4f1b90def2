/** The linear layers of a model's blocks, whose `forward` adapters and stored weights replace. */
import { UsageError } from "../core/errors.ts";
import type { Tensor } from "../core/tensor.ts";
import { Gpt, type GptBlock } from "../nn/gpt.ts";
import type { Llama, LlamaBlock } from "../nn/llama.ts";
import { gelu } from "../ops/activations.ts";
import type { Activation } from "../ops/matmul.ts";

/** A language model of one of the families. */
export type HubModel = Gpt | Llama;

/** A linear layer; `forward` may be replaced. */
export interface Layer {
  readonly weight: Tensor;
  readonly bias: Tensor;
  forward(x: Tensor, activation?: Activation): Tensor;
}

/** Returns the blocks' linear layers by their names in the hub's files. */
export function layersOf(model: HubModel): Map<string, Layer> {
  const layers = new Map<string, Layer>();
  const put = (prefix: string, entries: Readonly<Record<string, Layer>>): void => {
    for (const [name, layer] of Object.entries(entries)) layers.set(`${prefix}.${name}`, layer);
  };
  for (const [i, block] of model.parts.blocks.entries()) {
    if (model instanceof Gpt) {
      const { qkv, proj, up, down } = block as GptBlock;
      put(`transformer.h.${i}.attn`, { c_attn: qkv, c_proj: proj });
      put(`transformer.h.${i}.mlp`, { c_fc: up, c_proj: down });
    } else {
      const { q, k, v, out, gate, up, down } = block as LlamaBlock;
      put(`model.layers.${i}.self_attn`, { q_proj: q, k_proj: k, v_proj: v, o_proj: out });
      put(`model.layers.${i}.mlp`, { gate_proj: gate, up_proj: up, down_proj: down });
    }
  }
  return layers;
}

/** Applies a layer's activation to what replaces its product. Throws UsageError for one that no model's layer has. */
export function activated(y: Tensor, activation: Activation): Tensor {
  if (activation === "none") return y;
  if (activation === "gelu") return gelu(y, "tanh");
  throw new UsageError(`layer: expected a layer with gelu or no activation, got ${activation}`);
}
