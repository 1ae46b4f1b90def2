/**
 * Checkpointable state: a tree of numbers, lists of numbers and named parts. `io/state-file.ts` writes one as
 * a file.
 */
import { FormatError } from "./errors.ts";

/** A leaf is a number or a list of numbers; null stands for an absent part. */
export type State =
  | number
  | null
  | ArrayLike<number>
  | { readonly [name: string]: State }
  | readonly State[];

/** A checkpointable object. `restore` throws FormatError for the state of another kind of object. */
export interface Kept {
  save(): State;
  restore(state: State): void;
  /** Restores everything but the environments' own state, to resume in new environments. Default: `restore`. */
  renew?(state: State): void;
}

export const isNumbers = (state: unknown): state is ArrayLike<number> =>
  ArrayBuffer.isView(state) ||
  (Array.isArray(state) && state.every((x: unknown) => typeof x === "number"));

/** Returns a part of a state by name. Throws FormatError if it is missing. */
export function partOf(state: State, name: string): State {
  const part = (state as Record<string, State> | null)?.[name];
  if (part === undefined) throw new FormatError(`state: no "${name}"`);
  return part;
}

/** Returns the numbers of a part. Throws FormatError unless it is a list of `length` numbers. */
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

/** Returns one number of a state. Throws FormatError for anything else. */
export function numberOf(state: State, name: string): number {
  const part = partOf(state, name);
  if (typeof part !== "number") throw new FormatError(`state: expected a number as "${name}"`);
  return part;
}
