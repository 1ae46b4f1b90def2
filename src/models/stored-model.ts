/** Models whose frozen matrices stay in fewer bits: which are stored how, and the layers that read them. */
import type { Backend } from "../core/backend.ts";
import { UsageError } from "../core/errors.ts";
import { StoredWeight, StoredWeights, type WeightForm } from "../nn/stored.ts";
import { changeTwins } from "../nn/twin.ts";
import { add } from "../ops/arithmetic.ts";
import { embedding } from "../ops/indexing.ts";
import { activated, type HubModel, layersOf } from "./layers.ts";

/** The forms of the blocks' matrices, and of the embedding and the head. */
export interface StoredForms {
  readonly blocks: WeightForm;
  readonly embedding: Exclude<WeightForm, "int8">;
}

/** The names of embeddings and heads of all families. */
const embeddings: readonly string[] = [
  ...["model.embed_tokens.weight", "lm_head.weight"],
  ...["wte.weight", "head.weight"],
];

/** Returns an empty list of weights that keeps matrices in these forms; norms, biases and positions as floats. */
export const storedWeights = (k: Backend, { blocks, embedding }: StoredForms): StoredWeights =>
  new StoredWeights(k, (name, shape) => {
    if (embeddings.includes(name)) return embedding;
    return shape.length === 2 && name !== "wpe.weight" ? blocks : "f32";
  });

/** Lets a model's layers, embedding and head, and those of its twins, read weights that are stored in fewer bits. */
export function readStored(model: HubModel): HubModel {
  for (const layer of layersOf(model).values()) {
    const { weight, bias } = layer;
    if (!(weight instanceof StoredWeight)) continue;
    layer.forward = (x, activation = "none") => activated(weight.linear(x, bias), activation);
  }
  changeTwins(model, readStored);
  const { parts } = model;
  const { head } = parts;
  if (head instanceof StoredWeight) model.logits = (hidden) => head.linear(hidden);
  const [tokens] = parts.weights.list;
  if (!(tokens instanceof StoredWeight)) return model;
  const places = parts.weights.list.find(({ name }) => name === "wpe.weight");
  parts.embed = (ids, positions) => {
    const x = tokens.embedding(ids);
    return places === undefined ? x : add(x, embedding(places, positions));
  };
  return model;
}

/** Throws UsageError for weights in fewer bits that are not frozen. */
export function checkFrozen(weights: WeightForm, frozen: boolean): void {
  if (weights !== "f32" && !frozen)
    throw new UsageError(
      `loadModel: expected frozen: true with weights ${JSON.stringify(weights)}, which cannot be trained`,
    );
}
