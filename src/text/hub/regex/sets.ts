/** Sets of characters (code points) that a pattern matches one of. */

export type Has = (code: number) => boolean;

/** A set whose answers are kept, so that each character is asked for once. */
export class CharSet {
  private readonly decide: Has;
  private known = new Uint8Array(0x80); // 1 no, 2 yes, 0 not yet asked

  constructor(decide: Has) {
    this.decide = decide;
  }

  has(code: number): boolean {
    if (code >= 0x10000) return this.decide(code);
    if (code >= this.known.length) this.known = grown(this.known);
    const known = this.known[code];
    if (known !== 0) return known === 2;
    const answer = this.decide(code);
    this.known[code] = answer ? 2 : 1;
    return answer;
  }
}

/** Returns a table for all codes below 0x10000, since most sets are asked for the first few alone. */
function grown(known: Uint8Array): Uint8Array<ArrayBuffer> {
  const made = new Uint8Array(0x10000);
  made.set(known);
  return made;
}

/** Returns the set of characters that a JavaScript pattern for one character matches. */
const matching = (pattern: string, flags = "u"): Has => {
  const one = new RegExp(`^${pattern}$`, flags);
  return (code) => one.test(String.fromCodePoint(code));
};

export const range =
  (from: number, to: number): Has =>
  (code) =>
    code >= from && code <= to;

/** A range, or what differs from a character of it only in case: by Unicode's simple folding, one character for one. */
export const anyCase = (from: number, to: number): Has =>
  matching(`[\\u{${from.toString(16)}}-\\u{${to.toString(16)}}]`, "iu");
export const not =
  (has: Has): Has =>
  (code) =>
    !has(code);
export const anyOf =
  (list: readonly Has[]): Has =>
  (code) =>
    list.some((has) => has(code));
export const allOf =
  (list: readonly Has[]): Has =>
  (code) =>
    list.every((has) => has(code));

export const digits = matching("\\p{Nd}");
export const spaces = matching("\\p{White_Space}");
/** `\w` in [ ]. */
export const wordsInClass = matching("[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]");
/** `\w` elsewhere, where Oniguruma reads a table of Latin-1 that has ² ³ ¹ ¼ ½ ¾ too. */
export const words: Has = (code) => wordsInClass(code) || latinNumbers.has(code);
const latinNumbers = new Set([0xb2, 0xb3, 0xb9, 0xbc, 0xbd, 0xbe]);
export const hexDigits = matching("[0-9a-fA-F]");

/** Returns the set of a property such as L, Lu, Han or Alphabetic; null for a name that is not known here. */
export function property(name: string, flags: "u" | "iu"): Has | null {
  if (!/^\w+$/.test(name)) return null;
  for (const pattern of [`\\p{${name}}`, `\\p{Script=${name}}`]) {
    try {
      return matching(pattern, flags);
    } catch {
      // another kind of name
    }
  }
  return null;
}
