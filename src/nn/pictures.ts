/**
 * Pictures in a text: ids from the model's vocabulary on are patches, whose embedding is a linear map of their pixels in
 * place of a row of the token embedding, as in ViT (Dosovitskiy et al. 2020, arXiv:2010.11929). To all else a patch is a
 * token, which nothing ever draws: it stands in prompts, has a position, and is attended to.
 */
import { checkInteger } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { input, type Tensor } from "../core/tensor.ts";
import { relu } from "../ops/activations.ts";
import { add, sub } from "../ops/arithmetic.ts";
import { embedding } from "../ops/indexing.ts";
import { linear } from "../ops/matmul.ts";
import type { Patches } from "../text/task.ts";
import { normal } from "./init.ts";
import type { Transformer } from "./transformer.ts";
import { changeTwins } from "./twin.ts";

// biome-ignore lint/suspicious/noExplicitAny: of any family
type Model = Transformer<any, any>;

/**
 * Lets a model, and its twins, read patches; patch i has the id vocab + i. Adds `patch.weight` [width, pixels] to its parameters. The last token of
 * its vocabulary stands below each patch, so it should be one that no text has.
 */
export function seePictures<M extends Model>(model: M, patches: Patches, random: Random): M {
  const { pixels, rows } = patches;
  const { parameters, parts } = model;
  const { vocab, width } = model.options;
  checkInteger("seePictures", "pixels", pixels, { min: 1 });
  if (rows.length % pixels !== 0)
    throw new ShapeError(
      `seePictures: expected whole rows of ${pixels}, got ${rows.length} numbers`,
    );
  const k = parameters.backend;
  const shape = [width, pixels];
  const weight = parameters.add(
    "patch.weight",
    shape,
    normal(1 / Math.sqrt(pixels))(random, shape),
  );
  const table = input(k, [1 + rows.length / pixels, pixels]); // its first row is that of all text
  table.data.set(rows, pixels);
  const { embed } = parts;
  parts.embed = (ids: Tensor, positions: Tensor) => {
    const patch = relu(sub(ids, vocab - 1)); // 0 for text
    return add(embed(sub(ids, patch), positions), linear(embedding(table, patch), weight));
  };
  model.inputs = vocab + rows.length / pixels;
  changeTwins(model, (twin) => seePictures(twin, patches, random));
  return model;
}
