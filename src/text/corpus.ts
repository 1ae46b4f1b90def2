/**
 * Corpora as plain data: parses pairs and texts from strings and splits them reproducibly. A byte order mark at
 * the start of a string is skipped.
 */
import { checkInteger, checkNumber } from "../core/check.ts";
import { FormatError } from "../core/errors.ts";
import { withoutMark } from "../core/utf8.ts";
import { trimmed } from "./space.ts";

/** A prompt and its completion. For plain text the prompt is empty. */
export interface Example {
  readonly prompt: string;
  readonly completion: string;
  /** Further turns of a conversation: each prompt is the text between the completion before and its own. */
  readonly turns?: readonly Example[];
}

/** Returns the turns of a conversation as examples of their own, each with all that was said before as its prompt. */
export function singleTurns({ prompt, completion, turns = [] }: Example): Example[] {
  const single = [{ prompt, completion }];
  for (const turn of turns) {
    const before = single[single.length - 1];
    const whole = before.prompt + before.completion + turn.prompt;
    single.push({ prompt: whole, completion: turn.completion });
  }
  return single;
}

/** Parses the paragraphs or lines of a text. Throws FormatError for an empty corpus. */
export function texts(corpus: string, by: "paragraph" | "line" = "line"): Example[] {
  const parts = withoutMark(corpus)
    .replaceAll("\r\n", "\n")
    .split(by === "line" ? "\n" : /\n{2,}/)
    .map(trimmed)
    .filter((part) => part !== "");
  return checked(parts.map((completion) => ({ prompt: "", completion })));
}

/** Parses lines of prompt, tab, completion. Throws FormatError with the line number for any other line. */
export function pairs(corpus: string): Example[] {
  const made: Example[] = [];
  for (const [i, line] of withoutMark(corpus).replaceAll("\r\n", "\n").split("\n").entries()) {
    if (line === "") continue;
    const parts = line.split("\t");
    if (parts.length !== 2)
      throw new FormatError(`corpus: expected prompt, tab, completion in line ${i + 1}`);
    made.push({ prompt: parts[0], completion: parts[1] });
  }
  return checked(made);
}

/** Parses lines of JSON, each an object with prompt and completion, or with text. */
export function jsonLines(corpus: string): Example[] {
  const made: Example[] = [];
  for (const [i, line] of withoutMark(corpus).split("\n").entries()) {
    if (trimmed(line) === "") continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      throw new FormatError(`corpus: line ${i + 1} is not JSON: ${(error as Error).message}`);
    }
    const { prompt = "", completion, text } = (value ?? {}) as Record<string, unknown>;
    const follows = completion ?? text;
    if (typeof prompt !== "string" || typeof follows !== "string")
      throw new FormatError(`corpus: expected prompt and completion, or text, in line ${i + 1}`);
    made.push({ prompt, completion: follows });
  }
  return checked(made);
}

function checked(examples: Example[]): Example[] {
  if (examples.length === 0) throw new FormatError("corpus: expected an example or more, got none");
  return examples;
}

/** Returns the 32-bit FNV-1a hash of a text's UTF-16, mixed by MurmurHash3's finalizer. */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Returns a number that the text determines, uniform in [0, 1). */
const chance = (text: string): number => hash(text) / 2 ** 32;

/** The splits of a corpus: for training, for validation, and held out for the final test. */
export interface Sides<T> {
  readonly train: readonly T[];
  /** Never trained on; for the metrics shown in training and for choosing settings. */
  readonly validation: readonly T[];
  /** Never trained on and not used before all settings are chosen: the test set. */
  readonly heldOut: readonly T[];
}

/**
 * Splits items: `share` of them, below ½, is held out, and as many are for validation. An item's side depends on
 * `key(item)` alone, so it stays the same when a corpus is shuffled or grows, and equal items are never on
 * two sides.
 */
export function split<T>(
  items: readonly T[],
  share: number,
  key: (item: T) => string,
): { readonly train: T[]; readonly validation: T[]; readonly heldOut: T[] } {
  checkNumber("split", "the share", share, { min: 0, max: 0.5 });
  const sides = { train: [] as T[], validation: [] as T[], heldOut: [] as T[] };
  for (const item of items) {
    const own = key(item);
    if (chance(own) < share) sides.validation.push(item);
    else if (chance(`held out: ${own}`) < share / (1 - share)) sides.heldOut.push(item);
    else sides.train.push(item);
  }
  return sides;
}

/** Keeps only a share of the training items, chosen by `key(item)` alone; the other sides stay. */
export const fewer = <T>(sides: Sides<T>, share: number, key: (item: T) => string): Sides<T> => ({
  ...sides,
  train: sides.train.filter((item) => chance(`taught: ${key(item)}`) < share),
});

/** Returns at most `most` of the items, at even intervals. */
export function evenly<T>(items: readonly T[], most: number): T[] {
  checkInteger("evenly", "most", most, { min: 0 });
  const count = Math.min(most, items.length);
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]);
}

/** Maps each item by `f`; sides stay. */
export const mapSides = <T, U>(sides: Sides<T>, f: (item: T) => U): Sides<U> => ({
  train: sides.train.map(f),
  validation: sides.validation.map(f),
  heldOut: sides.heldOut.map(f),
});
