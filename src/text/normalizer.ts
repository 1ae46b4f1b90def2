/** The supported normalizers of a tokenizer.json: Unicode's four forms, lower case, and sequences of these. */
import { brief } from "../core/printable.ts";
import { isObject, wrong } from "./tokenizer-fields.ts";

export type Normalize = (text: string) => string;

const plain: ReadonlyMap<unknown, Normalize> = new Map<unknown, Normalize>([
  ...(["NFC", "NFD", "NFKC", "NFKD"] as const).map(
    (form) => [form, (text: string): string => text.normalize(form)] as const,
  ),
  // per code point, as the reference does: no final sigma
  ["Lowercase", (text) => Array.from(text, (c) => c.toLowerCase()).join("")],
]);

/**
 * Returns the function of a normalizer field; null for a file without one. Throws FormatError for any other kind,
 * and for sequences nested more than `deepest` levels.
 */
export function normalizerOf(given: unknown, deepest = 8): Normalize | null {
  if (given === undefined || given === null) return null;
  const { type, normalizers } = isObject(given) ? given : {};
  if (type === "Sequence" && Array.isArray(normalizers) && deepest > 0) {
    const steps = normalizers
      .map((step) => normalizerOf(step, deepest - 1))
      .filter((step) => step !== null);
    return steps.length === 0 ? null : (text) => steps.reduce((made, step) => step(made), text);
  }
  const known = plain.get(type);
  if (known !== undefined) return known;
  throw wrong(
    `normalizer ${brief(type ?? given)} is not supported; ` +
      `there are: ${[...plain.keys()].join(", ")}, Sequence`,
  );
}
