/** The field `pattern`: a text or a regular expression. */
import { isObject, type Json, wrong } from "./fields.ts";
import { type Find, literal, regex } from "./regex/pattern.ts";

/** Returns the search for the pattern of a part. Throws FormatError for a pattern that is not supported. */
export function patternOf(object: Json, where: string): Find {
  const { pattern } = object;
  const entries = isObject(pattern) ? Object.entries(pattern) : [];
  const [[kind, value] = []] = entries;
  if (entries.length === 1 && typeof value === "string") {
    if (kind === "String") return literal(value);
    if (kind === "Regex") return regex(value, `${where}.pattern`);
  }
  throw wrong(`${where}: expected pattern to be {"String": text} or {"Regex": text}`);
}

/** Writes `content` in the place of each match. */
export function replaced(text: string, find: Find, content: string): string {
  const parts: string[] = [];
  let from = 0;
  for (const [start, end] of find(text)) {
    parts.push(text.slice(from, start), content);
    from = end;
  }
  parts.push(text.slice(from));
  return parts.join("");
}
