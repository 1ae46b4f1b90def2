/**
 * Matches a program on a text by backtracking, in time proportional to the text's length for any pattern: a choice that
 * failed at a place fails there again, whatever came before it, since patterns have no references to groups. So each pair
 * of choice and place is walked once, over all searches of the text (memoized backtracking: Davis et al. 2021,
 * doi:10.1109/SP40001.2021.00032).
 */
import type { Program, Step } from "./program.ts";
import { words } from "./sets.ts";

export class Matcher {
  private readonly program: Program;
  private readonly text: string;
  /** A bit per choice and place: failed there, or being tried. */
  private readonly tried: Uint8Array;
  /** Ends of parts that are matched on their own, by choice and place. */
  private readonly ends = new Map<number, number>();
  /** Choices being tried, as numbers of bits. */
  private readonly path: number[] = [];
  /** Alternatives left to try: step, place, and the path's length there. */
  private readonly waiting: number[] = [];

  constructor(program: Program, text: string) {
    this.program = program;
    this.text = text;
    this.tried = new Uint8Array(Math.ceil((program.choices * (text.length + 1)) / 8));
  }

  /** Returns the end of the match that begins at a place; −1 if none does. */
  endFrom(place: number): number {
    return this.run(this.program.start, place, false);
  }

  private run(start: number, from: number, isPart: boolean): number {
    const { path, waiting } = this;
    const { steps } = this.program;
    const [walked, kept] = [path.length, waiting.length];
    let [at, place] = [start, from];
    for (;;) {
      const step = steps[at];
      let next = -1;
      if (step.kind === "one") {
        const code = this.text.codePointAt(place);
        if (code !== undefined && step.set.has(code)) {
          place += code > 0xffff ? 2 : 1;
          next = step.next;
        }
      } else if (step.kind === "split") {
        const key = step.choice * (this.text.length + 1) + place;
        const end = isPart ? this.ends.get(key) : undefined;
        if (end !== undefined) return this.succeed(end, walked, kept, isPart);
        if (this.begins(key)) {
          waiting.push(step.other, place, path.length);
          next = step.next;
        }
      } else if (step.kind === "accept") return this.succeed(place, walked, kept, isPart);
      else if (step.kind === "atomic") {
        const end = this.run(step.start, place, true);
        if (end >= 0) [next, place] = [step.next, end];
      } else if (this.holds(step, place)) next = step.next;
      if (next >= 0) at = next;
      else if (waiting.length === kept) {
        path.length = walked;
        return -1;
      } else {
        path.length = waiting.pop() as number;
        place = waiting.pop() as number;
        at = waiting.pop() as number;
      }
    }
  }

  /** Marks a choice as tried; false if it was so before. */
  private begins(key: number): boolean {
    const bit = 1 << (key & 7);
    const byte = Math.floor(key / 8);
    if ((this.tried[byte] & bit) !== 0) return false;
    this.tried[byte] |= bit;
    this.path.push(key);
    return true;
  }

  /** The choices on the path did not fail: takes their marks away. */
  private succeed(end: number, walked: number, kept: number, isPart: boolean): number {
    const { path } = this;
    while (path.length > walked) {
      const key = path.pop() as number;
      this.tried[Math.floor(key / 8)] &= ~(1 << (key & 7));
      if (isPart) this.ends.set(key, end);
    }
    this.waiting.length = kept;
    return end;
  }

  private holds(step: Extract<Step, { kind: "look" | "place" }>, place: number): boolean {
    if (step.kind === "place") return this.isAt(step.place, place);
    const from = this.back(place, step.back);
    // what is looked for behind has one width, so that it ends here
    const isThere = from >= 0 && this.run(step.start, from, true) >= 0;
    return isThere !== step.negated;
  }

  /** Returns the place some characters before another; −1 if there are fewer. */
  private back(place: number, characters: number): number {
    let at = place;
    for (let i = 0; i < characters; i++) {
      if (at === 0) return -1;
      at -= 1;
      if (at > 0 && (this.text.codePointAt(at - 1) as number) > 0xffff) at -= 1;
    }
    return at;
  }

  private isAt(name: Extract<Step, { kind: "place" }>["place"], place: number): boolean {
    const { text } = this;
    switch (name) {
      case "begin":
        return place === 0;
      case "end":
        return place === text.length;
      case "endOrNewline":
        return place === text.length || (place === text.length - 1 && text[place] === "\n");
      case "lineBegin":
        return place === 0 || (text[place - 1] === "\n" && place < text.length);
      case "lineEnd":
        return place === text.length || text[place] === "\n";
      case "edge":
        return this.isEdge(place);
      case "noEdge":
        return !this.isEdge(place);
    }
  }

  private isEdge(place: number): boolean {
    const before = this.back(place, 1);
    const inWord = (at: number): boolean =>
      at >= 0 && at < this.text.length && words(this.text.codePointAt(at) as number);
    return inWord(before) !== inWord(place);
  }
}
