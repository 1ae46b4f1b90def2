/** Parses what stands in [ ]: characters, ranges, sets, classes in classes, and intersections by &&. */
import type { Reader } from "./reader.ts";
import { allOf, anyOf, type Has, not, wordsInClass } from "./sets.ts";

const deepest = 16;

export class ClassParser {
  private readonly reader: Reader;
  private readonly depth: number;

  constructor(reader: Reader, depth = 0) {
    this.reader = reader;
    this.depth = depth;
    if (depth > deepest) throw reader.wrong(`[ ] more than ${deepest} deep`);
  }

  /** Reads up to the closing sign, from after the opening one. */
  set(): Has {
    const { reader } = this;
    const isNegated = reader.takes("^");
    const sides: Has[][] = [[]];
    let isFirst = true;
    while (isFirst || !reader.sees("]")) {
      if (reader.done) throw reader.wrong("a [ without its ]");
      if (reader.takes("&&")) sides.push([]);
      else (sides.at(-1) as Has[]).push(this.item(isFirst));
      isFirst = false;
    }
    reader.takes("]");
    const has = allOf(sides.map(anyOf));
    return isNegated ? not(has) : has;
  }

  private item(isFirst: boolean): Has {
    const { reader } = this;
    if (reader.sees("[:")) throw reader.wrong("a name in [: :]");
    if (reader.sees("]") && !isFirst) throw reader.wrong("an empty [ ]");
    if (reader.takes("[")) return new ClassParser(reader, this.depth + 1).set();
    if (reader.takes("\\w")) return wordsInClass;
    if (reader.takes("\\W")) return not(wordsInClass);
    if (reader.match(/\\(?=[dDsShHpP])/y) !== null) return reader.escaped();
    const from = this.code();
    if (reader.match(/-(?!\])(?!\\[dDsSwWhHpP])(?!\[)(?!&&)/y) === null)
      return reader.range(from, from);
    const to = this.code();
    if (to < from) throw reader.wrong("a range from a later character to an earlier one");
    return reader.range(from, to);
  }

  private code(): number {
    const { reader } = this;
    if (!reader.takes("\\")) return reader.next();
    if (reader.takes("b")) return 8;
    return reader.escapedCode();
  }
}
