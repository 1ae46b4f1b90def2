/**
 * What can be saved and gone on from: a tree of numbers, lists of numbers and named parts. `io/state-file.ts`
 * writes one as a file.
 */
import { FormatError } from "./errors.ts";

/** A leaf is a number or a list of numbers; null stands for a part that is not there. */
export type State =
  | number
  | null
  | ArrayLike<number>
  | { readonly [name: string]: State }
  | readonly State[];

/** Something whose state can be saved, and gone on from. `restore` throws FormatError for another's. */
export interface Kept {
  save(): State;
  restore(state: State): void;
  /** Goes on with other environments than were saved: takes what is not theirs. Absent: all of it. */
  renew?(state: State): void;
}

export const isNumbers = (state: unknown): state is ArrayLike<number> =>
  ArrayBuffer.isView(state) ||
  (Array.isArray(state) && state.every((x: unknown) => typeof x === "number"));

/** A part of a state by name. Throws FormatError where it is missing. */
export function partOf(state: State, name: string): State {
  const part = (state as Record<string, State> | null)?.[name];
  if (part === undefined) throw new FormatError(`state: no "${name}"`);
  return part;
}

/** The numbers of a part. Throws FormatError where it is not a list of `length` numbers. */
export function numbersOf(state: State, name: string, length?: number): ArrayLike<number> {
  const part = partOf(state, name);
  if (!isNumbers(part) || (length !== undefined && part.length !== length)) {
    const got = isNumbers(part) ? part.length : "something else";
    throw new FormatError(
      `state: expected ${length ?? "a list of"} numbers as "${name}", got ${got}`,
    );
  }
  return part;
}

/** One number of a state. Throws FormatError where it is none. */
export function numberOf(state: State, name: string): number {
  const part = partOf(state, name);
  if (typeof part !== "number") throw new FormatError(`state: expected a number as "${name}"`);
  return part;
}
