/** Byte-pair encoding of a tokenizer.json, on bytes or on characters. */
import { brief } from "../../core/printable.ts";
import { Merges } from "../merge.ts";
import { checkFields, checkUnset, flagOf, type Json, textOf, textOrNull, wrong } from "./fields.ts";
import { byteTokens, type Model, type Vocabulary, vocabularyOf } from "./vocabulary.ts";

const fields = [
  ...["type", "vocab", "merges", "dropout", "unk_token", "continuing_subword_prefix"],
  ...["end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges"],
];

interface Settings {
  readonly ids: Vocabulary;
  /** Stands for characters without a token; null: they are dropped. */
  readonly unknown: number | null;
  readonly fuses: boolean;
  readonly fallsBack: boolean;
  /** Before each character of a word but the first. */
  readonly prefix: string;
  /** After the last character of a word. */
  readonly suffix: string;
}

export function bpeModel(model: Json): Model {
  checkFields("model.", model, fields);
  checkUnset("model.", model, "dropout", [0]);
  const ids = vocabularyOf(model.vocab);
  const settings: Settings = {
    ids,
    unknown: unknownOf(model, ids),
    fuses: flagOf("model", model, "fuse_unk"),
    fallsBack: flagOf("model", model, "byte_fallback"),
    prefix: textOf("model", model, "continuing_subword_prefix", ""),
    suffix: textOf("model", model, "end_of_word_suffix", ""),
  };
  const merges = mergesOf(model.merges, settings);
  const ignores = flagOf("model", model, "ignore_merges");
  const encode = (word: string): readonly number[] => {
    const whole = ignores ? ids.get(word) : undefined;
    return whole === undefined ? merges.apply(charactersOf(word, settings)) : [whole];
  };
  return { ids, encode };
}

/** A token that stands for characters without one; null where the file names none that is in the vocabulary. */
function unknownOf(model: Json, ids: Vocabulary): number | null {
  const name = textOrNull("model", model, "unk_token");
  return name === null ? null : (ids.get(name) ?? null);
}

function mergesOf(list: unknown, { ids, prefix }: Settings): Merges {
  if (!Array.isArray(list)) throw wrong("expected model.merges to be a list");
  const merges = new Merges();
  for (const [i, merge] of list.entries()) {
    const parts: unknown = typeof merge === "string" ? merge.split(" ") : merge;
    if (!Array.isArray(parts) || parts.length !== 2 || !parts.every((p) => typeof p === "string"))
      throw wrong(`merge ${i} is no pair`);
    const [left, right]: string[] = parts;
    const [a, b, made] = [left, right, left + right.slice(prefix.length)].map((t) => ids.get(t));
    if (a === undefined || b === undefined || made === undefined)
      throw wrong(`merge ${i}, ${brief(`${left} ${right}`)}, is of a token without an id`);
    merges.add(a, b, made);
  }
  return merges;
}

/** Returns the ids of a word's characters, in the order of the reference, which keeps an unknown one back. */
function charactersOf(word: string, settings: Settings): number[] {
  const { ids, unknown, fuses, fallsBack, prefix, suffix } = settings;
  const made: number[] = [];
  let isUnknown = false; // an unknown character was read, and its token is not written yet
  let at = 0;
  for (const c of word) {
    const before = at > 0 ? prefix : "";
    at += c.length;
    const after = at === word.length ? suffix : "";
    const text = before === "" && after === "" ? c : before + c + after;
    const id = ids.get(text);
    const bytes = id === undefined && fallsBack ? byteTokens(text, ids) : null;
    if (id !== undefined) {
      if (isUnknown) made.push(unknown as number);
      isUnknown = false;
      made.push(id);
    } else if (bytes !== null) made.push(...bytes);
    else if (unknown !== null) {
      if (isUnknown && !fuses) made.push(unknown);
      isUnknown = true;
    }
  }
  if (isUnknown) made.push(unknown as number);
  return made;
}
