/** WordPiece: the longest token at each place of a word, as in BERT. */
import { brief } from "../../core/printable.ts";
import { checkFields, countOf, type Json, textOf, wrong } from "./fields.ts";
import { type Model, vocabularyOf } from "./vocabulary.ts";

const fields = [
  ...["type", "vocab", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word"],
];

export function wordPieceModel(model: Json): Model {
  checkFields("model.", model, fields);
  const ids = vocabularyOf(model.vocab);
  const prefix = textOf("model", model, "continuing_subword_prefix", "##");
  const most = countOf("model", model, "max_input_chars_per_word", 100);
  const name = textOf("model", model, "unk_token", "[UNK]");
  const unknown = ids.get(name);
  if (unknown === undefined) throw wrong(`model.unk_token: no id for ${brief(name)}`);
  let longest = 0;
  for (const token of ids.keys()) longest = Math.max(longest, token.length);
  const longestFrom = (word: string, start: number): readonly [id: number, end: number] | null => {
    const before = start > 0 ? prefix : "";
    const limit = Math.min(word.length, start + longest - before.length);
    for (let end = limit; end > start; end--) {
      const id = ids.get(before + word.slice(start, end));
      if (id !== undefined) return [id, end];
    }
    return null;
  };
  const encode = (word: string): readonly number[] => {
    if (word.length > most && Array.from(word).length > most) return [unknown];
    const made: number[] = [];
    for (let at = 0; at < word.length; ) {
      const found = longestFrom(word, at);
      if (found === null) return [unknown];
      made.push(found[0]);
      at = found[1];
    }
    return made;
  };
  return { ids, encode };
}
