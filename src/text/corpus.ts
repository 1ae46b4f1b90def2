/**
 * Corpora as plain data: pairs and texts out of strings, split once and for all, packed into rows. A byte order mark
 * at the start of a string is skipped.
 */
import { checkInteger, checkNumber } from "../core/check.ts";
import { FormatError } from "../core/errors.ts";
import { withoutMark } from "../core/utf8.ts";
import { trimmed } from "./space.ts";

/** A prompt and what should follow it. For plain text the prompt is empty. */
export interface Example {
  readonly prompt: string;
  readonly completion: string;
}

/** Paragraphs of a text, or its lines. Throws FormatError for an empty corpus. */
export function texts(corpus: string, by: "paragraph" | "line" = "line"): Example[] {
  const parts = withoutMark(corpus)
    .replaceAll("\r\n", "\n")
    .split(by === "line" ? "\n" : /\n{2,}/)
    .map(trimmed)
    .filter((part) => part !== "");
  return checked(parts.map((completion) => ({ prompt: "", completion })));
}

/** Lines of prompt, tab, completion. Throws FormatError, with its number, for a line that is none. */
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

/** Lines of JSON, each an object with prompt and completion, or with text. */
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
  if (examples.length === 0) throw new FormatError("corpus: nothing in it");
  return examples;
}

/** FNV-1a of a text's UTF-16, 32 bits, then mixed (the finalizer of MurmurHash3). */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A number of a text, evenly spread over 0 to 1. */
const chance = (text: string): number => hash(text) / 2 ** 32;

/** What is learned from, what one looks at while choosing, and what is for the end alone. */
export interface Sides<T> {
  readonly train: readonly T[];
  /** Never trained on, by no stage; what training shows and settings are chosen by. */
  readonly validation: readonly T[];
  /** Never trained on either, nor looked at before all is chosen: the test. */
  readonly heldOut: readonly T[];
}

/**
 * The sides of items; `share` of them, below a half, is held out, and as many are for validation. Which is which
 * follows from `key(item)` alone, so it stays when a corpus is shuffled or grows, and equal items never stand
 * on two sides.
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

/** The same sides, but of those to train on only a share: which ones follows from `key(item)` alone, again. */
export const fewer = <T>(sides: Sides<T>, share: number, key: (item: T) => string): Sides<T> => ({
  ...sides,
  train: sides.train.filter((item) => chance(`taught: ${key(item)}`) < share),
});

/** At most so many of the items, evenly spread over all. */
export function evenly<T>(items: readonly T[], most: number): T[] {
  checkInteger("evenly", "most", most, { min: 0 });
  const count = Math.min(most, items.length);
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]);
}

/** What `f` makes of each item, on the same sides. */
export const mapSides = <T, U>(sides: Sides<T>, f: (item: T) => U): Sides<U> => ({
  train: sides.train.map(f),
  validation: sides.validation.map(f),
  heldOut: sides.heldOut.map(f),
});
