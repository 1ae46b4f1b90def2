/**
 * Parses a regular expression in Oniguruma's syntax (github.com/kkos/oniguruma, doc/RE), which the reference library
 * uses. Refused: references to groups, names of POSIX, and what else has no meaning here.
 */
import { brief } from "../../../core/printable.ts";
import { ClassParser } from "./parse-class.ts";
import { Reader } from "./reader.ts";
import { CharSet, type Has, not, range } from "./sets.ts";
import { type Node, type Place, widthOf } from "./syntax.ts";

const deepest = 32; // groups in groups
const mostRepeats = 1000;

/** Letters that together fold to one character, as ß does to ss. */
const foldedTogether = /ss|ff|fi|fl|st/i;

/** Returns the pattern's tree. Throws FormatError, beginning with `where`, for what cannot be translated. */
export const parsePattern = (source: string, where: string): Node =>
  new Parser(new Reader(source, where)).whole();

class Parser {
  private readonly reader: Reader;
  private depth = 0;
  private dotTakesAll = false;

  constructor(reader: Reader) {
    this.reader = reader;
  }

  whole(): Node {
    const node = this.either();
    if (!this.reader.done) throw this.reader.wrong("a ) without its (");
    return node;
  }

  private either(): Node {
    const [ignoresCase, dotTakesAll] = [this.reader.ignoresCase, this.dotTakesAll];
    const options = [this.all()];
    while (this.reader.takes("|")) options.push(this.all());
    [this.reader.ignoresCase, this.dotTakesAll] = [ignoresCase, dotTakesAll];
    return options.length === 1 ? options[0] : { kind: "either", options };
  }

  private all(): Node {
    const parts: Node[] = [];
    const { reader } = this;
    const from = reader.at;
    while (!reader.done && !reader.sees("|") && !reader.sees(")")) {
      const atom = this.atom();
      if (atom !== null) parts.push(this.repeated(atom));
    }
    const text = reader.from(from);
    if (this.reader.ignoresCase && foldedTogether.test(text))
      throw reader.wrong(`${brief(text)} without regard to case`);
    return parts.length === 1 ? parts[0] : { kind: "all", parts };
  }

  /** Returns an atom; null for what matches nothing of its own, such as a comment or `(?i)`. */
  private atom(): Node | null {
    const { reader } = this;
    if (reader.takes("(")) return this.group();
    if (reader.takes("[")) return this.one(new ClassParser(reader).set());
    if (reader.takes(".")) return this.one(this.dotTakesAll ? () => true : not(range(10, 10)));
    if (reader.takes("^")) return place("lineBegin");
    if (reader.takes("$")) return place("lineEnd");
    if (reader.sees("*") || reader.sees("+") || reader.sees("?"))
      throw reader.wrong("a repetition of nothing");
    if (reader.takes("\\")) {
      const found = places[reader.peek()];
      if (found !== undefined) {
        reader.next();
        return place(found);
      }
      return this.one(reader.escaped());
    }
    const code = reader.next();
    return this.one(reader.range(code, code));
  }

  private one(has: Has): Node {
    return { kind: "one", set: new CharSet(has) };
  }

  private group(): Node | null {
    const { reader } = this;
    if (++this.depth > deepest) throw reader.wrong(`groups more than ${deepest} deep`);
    const node = reader.takes("?") ? this.special() : this.inside();
    this.depth--;
    return node;
  }

  /** Reads what follows `(?`. */
  private special(): Node | null {
    const { reader } = this;
    for (const [sign, behind, negated] of looks)
      if (reader.takes(sign)) return this.look(behind, negated);
    if (reader.takes(":")) return this.inside();
    if (reader.takes(">")) return { kind: "atomic", body: this.inside() };
    if (reader.takes("#")) {
      while (!reader.done && !reader.sees(")")) reader.next();
      this.close();
      return null;
    }
    if (reader.match(/<[A-Za-z_]\w*>/y) !== null) return this.inside();
    const flags = reader.match(/[im]*(?:-[im]+)?(?=[:)])/y);
    if (flags === null || flags === "") throw reader.wrong("this kind of group");
    return this.flagged(flags);
  }

  private flagged(flags: string): Node | null {
    const [on, off = ""] = flags.split("-");
    const before = [this.reader.ignoresCase, this.dotTakesAll] as const;
    this.reader.ignoresCase = (before[0] || on.includes("i")) && !off.includes("i");
    this.dotTakesAll = (before[1] || on.includes("m")) && !off.includes("m");
    if (this.reader.takes(")")) {
      // until the group's end, further options included
      const rest = this.either();
      return rest;
    }
    this.reader.takes(":");
    const node = this.inside();
    [this.reader.ignoresCase, this.dotTakesAll] = before;
    return node;
  }

  private look(behind: boolean, negated: boolean): Node {
    const body = this.inside();
    if (!behind) return { kind: "look", body, behind, negated };
    const options = body.kind === "either" ? body.options : [body];
    if (options.some((option) => widthOf(option) === null))
      throw this.reader.wrong("a look behind at texts of several lengths");
    const each = options.map((option): Node => ({ kind: "look", body: option, behind, negated }));
    return negated ? { kind: "all", parts: each } : { kind: "either", options: each };
  }

  private inside(): Node {
    const node = this.either();
    this.close();
    return node;
  }

  private close(): void {
    if (!this.reader.takes(")")) throw this.reader.wrong("a ( without its )");
  }

  private repeated(body: Node): Node {
    const { reader } = this;
    const times = this.times();
    if (times === null) return body;
    const [least, most, isInterval] = times;
    if (isInterval && (reader.sees("+") || (least === most && reader.sees("?"))))
      throw reader.wrong("a sign after a number of times");
    const lazy = reader.takes("?");
    const isPossessive = !lazy && reader.takes("+");
    const node: Node = { kind: "repeat", body, least, most, lazy };
    if (this.times() !== null) throw reader.wrong("a repetition of a repetition");
    return isPossessive ? { kind: "atomic", body: node } : node;
  }

  /** Reads how often; null if nothing says so. */
  private times(): readonly [least: number, most: number, isInterval: boolean] | null {
    const { reader } = this;
    if (reader.takes("*")) return [0, Infinity, false];
    if (reader.takes("+")) return [1, Infinity, false];
    if (reader.takes("?")) return [0, 1, false];
    const text = reader.match(/\{(?:\d+(?:,\d*)?|,\d+)\}/y);
    if (text === null) return null;
    const [low, high = low] = text.slice(1, -1).split(",");
    const [least, most] = [Number(low), high === "" ? Infinity : Number(high)];
    if (least > most || least > mostRepeats || (most !== Infinity && most > mostRepeats))
      throw reader.wrong(`${text}, of at most ${mostRepeats} times`);
    return [least, most, true];
  }
}

const place = (name: Place): Node => ({ kind: "place", place: name });
const places: Readonly<Record<string, Place>> = {
  A: "begin",
  z: "end",
  Z: "endOrNewline",
  b: "edge",
  B: "noEdge",
};
const looks = [
  ["<=", true, false],
  ["<!", true, true],
  ["=", false, false],
  ["!", false, true],
] as const;
