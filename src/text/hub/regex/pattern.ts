/** Patterns of a tokenizer.json: texts, or regular expressions in Oniguruma's syntax. */
import { wrong } from "../fields.ts";
import { Matcher } from "./matcher.ts";
import { parsePattern } from "./parse.ts";
import { compile } from "./program.ts";

/** A match's start and end in UTF-16 units. */
export type Match = readonly [start: number, end: number];

/** Finds all matches in a text, from left to right. */
export type Find = (text: string) => readonly Match[];

/** Returns the search for a regular expression, in time linear in the text. Throws FormatError for what is not supported. */
export function regex(source: string, where: string): Find {
  const program = compile(parsePattern(source, where));
  if (program === null) throw wrong(`${where}: the pattern is too long with all its repetitions`);
  return (text) => {
    const found: Match[] = [];
    const matcher = new Matcher(program, text);
    let last = -1; // end of the last match
    for (let from = 0; from <= text.length; ) {
      const end = matcher.endFrom(from);
      // no empty match right after another, as in the reference
      if (end > from || (end === from && last !== end)) {
        found.push([from, end]);
        last = end;
        if (end > from) {
          from = end;
          continue;
        }
      }
      from += (text.codePointAt(from) ?? 0) > 0xffff ? 2 : 1;
    }
    return found;
  };
}

/** Returns the search for a text; an empty one is found nowhere. */
export const literal =
  (wanted: string): Find =>
  (text) => {
    const found: Match[] = [];
    if (wanted === "") return found;
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length))
      found.push([at, at + wanted.length]);
    return found;
  };
