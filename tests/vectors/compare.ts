/** Reading the schema's numbers, and its rule for what is equal. */
import type { VectorTensor } from "./types.ts";

const special = { inf: Infinity, "-inf": -Infinity, nan: Number.NaN };

/** A tensor's numbers; float inputs are float32 by the schema. */
export function decode(t: VectorTensor, round = true): Float64Array {
  return Float64Array.from(t.data, (x) => {
    const value = typeof x === "string" ? special[x] : x;
    return round ? Math.fround(value) : value;
  });
}

/** null where every number passes `|got − want| ≤ atol + rtol·|want|`, else what differs first. */
export function close(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  { rtol, atol }: { rtol: number; atol: number },
): string | null {
  if (got.length !== want.length) return `want ${want.length} numbers, got ${got.length}`;
  for (let i = 0; i < want.length; i++) {
    const near = (w: number): boolean => {
      if (got[i] === w || (Number.isNaN(got[i]) && Number.isNaN(w))) return true;
      return Number.isFinite(w) && Math.abs(got[i] - w) <= atol + rtol * Math.abs(w);
    };
    if (!near(want[i]) && !near(Math.fround(want[i])))
      return `[${i}] want ${want[i]}, got ${got[i]}`;
  }
  return null;
}
