/**
 * Reading a GPT-2 style `tokenizer.json` (Hugging Face's format): byte-level BPE with its own ids. Everything
 * in it is checked, because the file comes from elsewhere.
 */
import { FormatError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import { bpe } from "./bpe.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** The characters that stand for bytes in such files: printable ones for themselves, the others from U+0100. */
function byteCharacters(): readonly string[] {
  const isPlain = (b: number): boolean =>
    (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
  let next = 256;
  return Array.from({ length: 256 }, (_, b) => String.fromCharCode(isPlain(b) ? b : next++));
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (x: unknown): x is Json =>
  typeof x === "object" && x !== null && !Array.isArray(x);
const mostIds = 2 ** 26;
const isId = (x: unknown): x is number =>
  typeof x === "number" && Number.isInteger(x) && x >= 0 && x < mostIds;
const wrong = (what: string): FormatError => new FormatError(`tokenizer.json: ${what}`);

/** The file's tokenizer, its added tokens as specials. Throws FormatError that says what is wrong. */
export function readTokenizerJson(text: string): Tokenizer {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw wrong(`not JSON: ${(error as Error).message}`);
  }
  if (!isObject(file) || !isObject(file.model)) throw wrong("want an object with a model");
  const { vocab, merges, type } = file.model;
  if (type !== undefined && type !== "BPE")
    throw wrong(`want a BPE model, got ${brief(type).replaceAll('"', "")}`);
  if (!isObject(vocab) || !Array.isArray(merges)) throw wrong("want model.vocab and model.merges");
  const split = splitOf(file.pre_tokenizer);
  const specials = specialsOf(file.added_tokens);

  // our own ids: bytes, then merges in order; the file's ids are what the world sees
  const ids = new Map<string, number>(byteCharacters().map((c, byte) => [c, byte]));
  const pairs: [number, number][] = [];
  const madeIds: number[] = [];
  for (const [i, merge] of merges.entries()) {
    const parts = typeof merge === "string" ? merge.split(" ") : merge;
    if (!Array.isArray(parts) || parts.length !== 2) throw wrong(`merge ${i} is no pair`);
    const [a, b] = parts.map((part) => ids.get(part));
    if (a === undefined || b === undefined)
      throw wrong(
        `merge ${i} is of tokens not made before it: ${brief(typeof merge === "string" ? merge : parts.map((part) => brief(part)).join(" "))}`,
      );
    const made = parts.join("");
    if (!ids.has(made)) ids.set(made, ids.size);
    pairs.push([a, b]);
    madeIds.push(ids.get(made) as number);
  }
  const own = bpe(pairs, { split, made: madeIds });
  const toFile = new Map<number, number>();
  for (const [token, id] of ids) {
    const theirs = vocab[token];
    if (!isId(theirs)) throw wrong(`model.vocab has no id for ${brief(token)}`);
    toFile.set(id, theirs);
  }
  return renumbered(own, toFile, specials, text);
}

function renumbered(
  own: Tokenizer,
  toFile: ReadonlyMap<number, number>,
  specials: ReadonlyMap<string, number>,
  text: string,
): Tokenizer {
  const fromFile = new Map([...toFile].map(([ours, theirs]) => [theirs, ours]));
  if (fromFile.size !== toFile.size) throw wrong("two tokens have one id");
  const special = new Set(specials.values());
  const highest = [...toFile.values(), ...specials.values()].reduce((a, b) => Math.max(a, b), 0);
  return {
    vocab: highest + 1,
    encode: (text) => own.encode(text).map((id) => toFile.get(id) as number),
    decode: (ids) =>
      own.decode(
        Array.from(ids)
          .filter((id) => !special.has(id))
          .map((id) => {
            const ours = fromFile.get(id);
            if (ours === undefined) throw new RangeError(`decode: no token has id ${id}`);
            return ours;
          }),
      ),
    special(name) {
      const id = specials.get(name);
      if (id !== undefined) return id;
      const known = [...specials.keys()].join(", ") || "none";
      throw new FormatError(`tokenizer: no special token "${name}"; there are: ${known}`);
    },
    save: () => ({ kind: "file", text }),
  };
}

function splitOf(pre: unknown): "gpt2" | "none" {
  if (pre === null || pre === undefined) throw wrong("want a ByteLevel pre_tokenizer, got none");
  const steps = isObject(pre) && Array.isArray(pre.pretokenizers) ? pre.pretokenizers : [pre];
  if (steps.length !== 1 || !isObject(steps[0]) || steps[0].type !== "ByteLevel")
    throw wrong("want ByteLevel as the only pre_tokenizer");
  if (steps[0].add_prefix_space === true) throw wrong("add_prefix_space is not supported");
  return steps[0].use_regex === false ? "none" : "gpt2";
}

function specialsOf(added: unknown): ReadonlyMap<string, number> {
  if (added === undefined || added === null) return new Map();
  if (!Array.isArray(added)) throw wrong("want added_tokens to be a list");
  return new Map(
    added.map((token, i) => {
      const { id, content } = isObject(token) ? token : {};
      if (typeof content !== "string" || !isId(id))
        throw wrong(`added token ${i}: want content and id`);
      return [content, id];
    }),
  );
}

/** A BPE tokenizer as such a file. */
export function writeTokenizerJson(tokenizer: Tokenizer): string {
  const saved = tokenizer.save();
  if (saved.kind === "file") return saved.text;
  if (saved.kind !== "bpe") throw new FormatError(`tokenizer.json: want BPE, got ${saved.kind}`);
  const tokens = [...byteCharacters()];
  const merges = saved.merges.map(([a, b]) => {
    tokens.push(tokens[a] + tokens[b]);
    return [tokens[a], tokens[b]];
  });
  const first = tokens.length;
  if (new Set(tokens).size !== first)
    throw new FormatError("tokenizer.json: two merges make one token, which the format cannot say");
  return JSON.stringify({
    version: "1.0",
    added_tokens: saved.specials.map((content, i) => ({ id: first + i, content, special: true })),
    normalizer: null,
    pre_tokenizer: {
      type: "ByteLevel",
      add_prefix_space: false,
      trim_offsets: true,
      use_regex: saved.split === "gpt2",
    },
    post_processor: null,
    decoder: { type: "ByteLevel" },
    model: {
      type: "BPE",
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map((pair) => pair.join(" ")),
    },
  });
}
