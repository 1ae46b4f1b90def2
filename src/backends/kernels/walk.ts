/** Loops of kernels over floats of any number, four at a time; the tail is written lane by lane. */
import { type Func, I32, int, lanes, type V128, zero } from "../assembler.ts";
import type { Kit } from "./functions.ts";

/** Writes the first `rest` (1 to 3) lanes; the memory after them belongs to another row or buffer. */
export function storeFirst(f: Func, at: I32, value: V128, rest: I32): void {
  const v = f.let(value);
  f.storeLane(at, v, 0);
  f.if(rest.ge(2), () => f.storeLane(at, v, 1, 4));
  f.if(rest.ge(3), () => f.storeLane(at, v, 2, 8));
}

/**
 * Runs `body` for each vector of n floats, with its byte offset and a function `put` that writes a result.
 * The tail reads up to three floats past the end, which memory has room for, and writes none of them.
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

/** The end of a row: its whole vectors, the remaining floats, and the mask of their lanes. */
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

/** The row at x of the function f, with the formulas of its module. */
export interface Row {
  readonly k: Kit;
  readonly f: Func;
  readonly x: I32;
  readonly end: RowEnd;
}

/**
 * Runs `body` for each row. After each, `addresses` move to the next row, or by a number of bytes where one is
 * given.
 */
export function eachRow(
  f: Func,
  rows: I32,
  end: RowEnd,
  addresses: readonly (I32 | readonly [I32, number])[],
  body: () => void,
): void {
  f.for(0, rows, 1, () => {
    body();
    for (const at of addresses) {
      const [p, bytes] = at instanceof I32 ? [at, end.bytes] : at;
      f.step(p, bytes);
    }
  });
}

/** Vectors of a row at byte i: functions that mask lanes after the row's end, and one that writes. */
export interface Part {
  readonly i: I32;
  readonly vectors: number;
  /** Returns the value with 0 in lanes after the row's end. */
  readonly zeroed: (v: V128) => V128;
  /** Returns the value with `neutral` in lanes after the row's end. */
  readonly filled: (v: V128, neutral: V128) => V128;
  readonly put: (at: I32, value: V128) => void;
}

/** Runs `body` along a row with each number of vectors at once in `widths`, the last of which is 1. */
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
  f.if(end.rest, () => body({ ...tail(f, end), i: end.whole }));
}

/** The last, partial vector of a row. */
const tail = (f: Func, end: RowEnd): Omit<Part, "i"> => ({
  vectors: 1,
  zeroed: (v) => v.and(end.mask),
  filled: (v, neutral) => v.where(end.mask, neutral),
  put: (at, value) => storeFirst(f, at, value, end.rest),
});

/** A compensated sum (Kahan 1965), for totals of many block sums. */
export interface LongSum {
  readonly total: V128;
  readonly lost: V128;
}
export const longSum = (f: Func): LongSum => ({ total: f.let(zero()), lost: f.let(zero()) });

/** Adds x to the total. */
export function addTo(f: Func, { total, lost }: LongSum, x: V128): void {
  const corrected = f.let(x.sub(lost));
  const next = f.let(total.add(corrected));
  f.set(lost, next.sub(total).sub(corrected));
  f.set(total, next);
}

/** The most terms per lane of a plain float32 sum, whose error stays below 4e-6. */
const block = 64;

/** Runs `body` with the length of each block of `n`, which counts terms or bytes of terms. */
export function eachBlock(f: Func, n: I32, term: number, body: (length: I32) => void): void {
  const left = f.let(n);
  f.while(left.ge(1), () => {
    const length = f.let(left);
    f.if(int(block * term).lt(left), () => f.set(length, int(block * term)));
    body(length);
    f.set(left, left.sub(length));
  });
}

/**
 * Computes `count` sums along a row: `body` adds each vector's terms to `sums`, with 0 in lanes past the row's
 * end. Blocks of the row are added with compensation, so that rows of any length keep their digits.
 */
export function sumsOfRow(
  f: Func,
  end: RowEnd,
  count: number,
  body: (part: Part, sums: readonly V128[]) => void,
): readonly V128[] {
  const longs = Array.from({ length: count }, () => longSum(f));
  const sums = Array.from({ length: count }, () => f.let(zero()));
  const start = f.let(int(0));
  const flush = (): void => {
    for (const [i, long] of longs.entries()) {
      addTo(f, long, sums[i]);
      f.set(sums[i], zero());
    }
  };
  eachBlock(f, end.whole, 16, (bytes) => {
    const stop = f.let(start.add(bytes));
    const put = (at: I32, value: V128): void => f.store(at, value);
    f.while(start.lt(stop), () => {
      body({ i: start, vectors: 1, zeroed: (v) => v, filled: (v) => v, put }, sums);
      f.step(start, 16);
    });
    flush();
  });
  f.if(end.rest, () => {
    body({ ...tail(f, end), i: end.whole }, sums);
    flush();
  });
  return longs.map(({ total }) => total);
}
