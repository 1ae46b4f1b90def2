/** Cuts text at matches of a pattern; what happens to the matches is the behavior. */
import type { Find } from "./regex/pattern.ts";

export const behaviors = [
  "Isolated",
  "Removed",
  "MergedWithPrevious",
  "MergedWithNext",
  "Contiguous",
] as const;
export type Behavior = (typeof behaviors)[number];

export interface SplitOptions {
  readonly behavior: Behavior;
  /** Cuts at what lies between the matches instead. */
  readonly invert?: boolean;
}

/** A piece of text; `first` if it begins where the whole text begins. */
export interface Piece {
  readonly text: string;
  readonly first: boolean;
}
interface Part {
  readonly start: number;
  end: number;
  readonly isMatch: boolean;
}

/** Returns the text's pieces in order, none empty. */
export function cut(piece: Piece, find: Find, { behavior, invert = false }: SplitOptions): Piece[] {
  const { text } = piece;
  const parts = partsOf(text, find, invert);
  return joined(parts, behavior)
    .filter(({ start, end, isMatch }) => end > start && !(behavior === "Removed" && isMatch))
    .map(({ start, end }) => ({ text: text.slice(start, end), first: piece.first && start === 0 }));
}

/** Returns matches and what lies between them. */
function partsOf(text: string, find: Find, invert: boolean): Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (const [start, end] of find(text)) {
    if (start > from) parts.push({ start: from, end: start, isMatch: invert });
    parts.push({ start, end, isMatch: !invert });
    from = end;
  }
  if (from < text.length) parts.push({ start: from, end: text.length, isMatch: invert });
  return parts;
}

function joined(parts: readonly Part[], behavior: Behavior): readonly Part[] {
  if (behavior === "Isolated" || behavior === "Removed") return parts;
  const backwards = behavior === "MergedWithNext";
  const made: Part[] = [];
  let previous = false; // whether the part before was a match
  for (const part of backwards ? [...parts].reverse() : parts) {
    const last = made.at(-1);
    const joins = behavior === "Contiguous" ? part.isMatch === previous : part.isMatch && !previous;
    previous = part.isMatch;
    if (!joins || last === undefined) made.push({ ...part });
    else if (backwards) made[made.length - 1] = { ...last, start: part.start };
    else last.end = part.end;
  }
  return backwards ? made.reverse() : made;
}
