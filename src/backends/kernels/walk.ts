/** How kernels walk: runs and rows of floats of any length, four at a time, the tail lane by lane. */
import { type Func, type I32, lanes, type V128 } from "../assembler.ts";

/** Writes the first `rest` (1 to 3) lanes. What stands behind them is a neighbour's. */
export function storeFirst(f: Func, at: I32, value: V128, rest: I32): void {
  const v = f.let(value);
  f.storeLane(at, v, 0);
  f.if(rest.ge(2), () => f.storeLane(at, v, 1, 4));
  f.if(rest.ge(3), () => f.storeLane(at, v, 2, 8));
}

/**
 * Runs `body` for each vector of n floats: it gets the byte offset and where to `put` a result. The tail
 * reads up to three floats too many, which memory has room for, and writes none of them.
 */
export function each(
  f: Func,
  n: I32,
  body: (i: I32, put: (at: I32, value: V128) => void) => void,
): void {
  const whole = f.let(n.and(~3).shl(2));
  const rest = f.let(n.and(3));
  f.for(0, whole, 16, (i) => body(i, (at, value) => f.store(at, value)));
  f.if(rest, () => body(whole, (at, value) => storeFirst(f, at, value, rest)));
}

/** How a row ends: its whole vectors, the floats left, and their lanes' mask. */
export interface RowEnd {
  readonly bytes: I32;
  readonly whole: I32;
  readonly rest: I32;
  readonly mask: V128;
}
export const rowEnd = (f: Func, n: I32): RowEnd => {
  const rest = f.let(n.and(3));
  return {
    bytes: f.let(n.shl(2)),
    whole: f.let(n.and(~3).shl(2)),
    rest,
    mask: f.let(lanes().ltInt(rest.splat())),
  };
};

/** Vectors of a row at byte i: what was loaded, with lanes behind the end as `neutral` says; and how to write. */
export interface Part {
  readonly i: I32;
  readonly vectors: number;
  /** The value, with 0 in lanes behind the row's end. */
  readonly zeroed: (v: V128) => V128;
  /** The value, with `neutral` in lanes behind the row's end. */
  readonly filled: (v: V128, neutral: V128) => V128;
  readonly put: (at: I32, value: V128) => void;
}

/** Runs `body` along a row, for as many vectors at once as `widths` says, the last of which is 1. */
export function eachOfRow(
  f: Func,
  end: RowEnd,
  body: (part: Part) => void,
  widths: readonly number[] = [1],
): void {
  let start: I32 | number = 0;
  for (const vectors of widths) {
    const stop = vectors === 1 ? end.whole : f.let(end.whole.and(-16 * vectors));
    const put = (at: I32, value: V128): void => f.store(at, value);
    f.for(start, stop, 16 * vectors, (i) =>
      body({ i, vectors, zeroed: (v) => v, filled: (v) => v, put }),
    );
    start = stop;
  }
  f.if(end.rest, () =>
    body({
      i: end.whole,
      vectors: 1,
      zeroed: (v) => v.and(end.mask),
      filled: (v, neutral) => v.where(end.mask, neutral),
      put: (at, value) => storeFirst(f, at, value, end.rest),
    }),
  );
}
