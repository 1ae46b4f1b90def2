/** Text from files of unknown origin, made safe to print. */

// C0 except tab and line feed, DEL, C1, line separators, direction marks, zero width
const unsafe =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

/**
 * Returns the text with control characters and direction marks written as `\u{…}`, so that terminals, pages
 * and logs show them instead of obeying them. Tabs and line feeds stay.
 */
export const printable = (text: string): string =>
  text.replace(unsafe, (c) => `\\u{${(c.codePointAt(0) as number).toString(16)}}`);

/** Returns a value as JSON of printable characters only; a parser reads the same value. */
export const printableJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    unsafe,
    (c) => `\\u${(c.codePointAt(0) as number).toString(16).padStart(4, "0")}`,
  );

/** Returns a value in few printable characters, for messages: its JSON, or its type. */
export function brief(value: unknown, most = 60): string {
  if (typeof value === "object" && value !== null)
    return Array.isArray(value) ? "a list" : "an object";
  if (typeof value === "function") return "a function";
  const text = String(typeof value === "string" ? value.slice(0, most + 1) : value);
  const shown = text.length > most ? `${text.slice(0, most - 1)}…` : text;
  return printable(typeof value === "string" ? JSON.stringify(shown) : shown);
}
