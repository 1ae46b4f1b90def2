/** Kernels that expand matrices in fewer bits to floats, for the products that read them. */
import { type Func, type I32, ints, type Module, zero } from "../assembler.ts";

/**
 * Adds kernels that write `rows` rows of n floats to `to`, from rows that are `fromRow` bytes apart: bfloat16 as the
 * upper half of a float, int8 times a scale. Rows of `to` are 4·n bytes apart;
 * n is a multiple of 8, and what lies after the row in `from` may be read.
 */
export function addStored(m: Module): void {
  m.func(
    "expandHalves",
    ints("to", "from", "fromRow", "rows", "n"),
    (f, { to, from, fromRow, rows, n }) => {
      touch(f, from, fromRow, rows, n.shl(1));
      f.for(0, rows, 1, () => {
        const at = f.let(from);
        f.for(0, n, 8, () => {
          f.store(to, at.halves().shl(16));
          f.store(to, at.halves(8).shl(16), 16);
          f.step(at, 16);
          f.step(to, 32);
        });
        f.step(from, fromRow);
      });
    },
  );
  m.func(
    "expandBytes",
    ints("to", "from", "fromRow", "scales", "rows", "n"),
    (f, { to, from, fromRow, scales, rows, n }) => {
      touch(f, from, fromRow, rows, n);
      f.for(0, rows, 1, () => {
        const at = f.let(from);
        const scale = f.let(scales.spread());
        f.for(0, n, 8, () => {
          const eight = f.let(at.bytes());
          f.store(to, eight.lowInts().toFloat().mul(scale));
          f.store(to, eight.highInts().toFloat().mul(scale), 16);
          f.step(at, 8);
          f.step(to, 32);
        });
        f.step(from, fromRow);
        f.step(scales, 4);
      });
    },
  );
}

/**
 * Reads one word of each cache line of rows, so that many lines are on their way from memory at once. Expanding alone
 * asks for the next only after the instructions of a whole line.
 */
function touch(f: Func, from: I32, fromRow: I32, rows: I32, bytes: I32): void {
  const seen = f.let(zero());
  const row = f.let(from);
  const length = f.let(bytes);
  f.for(0, rows, 1, () => {
    const at = f.let(row);
    f.for(0, length, 64, () => {
      f.set(seen, seen.or(at.vector()));
      f.step(at, 64);
    });
    f.step(row, fromRow);
  });
  f.if(seen.any(), () => {});
}
