/** The models of a tokenizer.json: from a word to ids. */
import { brief } from "../../core/printable.ts";
import { remembered } from "../remembered.ts";
import { bpeModel } from "./bpe-model.ts";
import { type Json, wrong } from "./fields.ts";
import { unigramModel } from "./unigram.ts";
import type { Model } from "./vocabulary.ts";
import { wordPieceModel } from "./word-piece.ts";

const kinds: Readonly<Record<string, (model: Json) => Model>> = {
  BPE: bpeModel,
  Unigram: unigramModel,
  WordPiece: wordPieceModel,
};

/** Returns the function of a model field; old files leave out the type of BPE. Throws FormatError that names the field. */
export function modelOf(model: Json): Model {
  const type = model.type ?? "BPE";
  if (typeof type !== "string" || !Object.hasOwn(kinds, type))
    throw wrong(
      `model ${brief(type)} is not supported; there are: ${Object.keys(kinds).join(", ")}`,
    );
  const { ids, encode } = kinds[type](model);
  return { ids, encode: remembered(encode) };
}
