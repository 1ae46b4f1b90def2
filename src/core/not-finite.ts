/** Finds where a run first met NaN or Infinity. Reads every number, so it is for error messages only. */
import type { Floats } from "./backend.ts";
import { inputsOf } from "./slot.ts";
import type { Tape } from "./tape.ts";
import { show } from "./tensor.ts";

const bad = (x: Floats | null): boolean => x?.some((v) => !Number.isFinite(v)) ?? false;

/**
 * Returns the first op of the tape's last run with NaN or Infinity in an input or its result, else the last op with
 * such a gradient, by name; null if everything is finite. An op that runs others is asked for the one inside.
 */
export function firstNotFinite(tape: Tape): string | null {
  const slots = tape.lastRun();
  for (const { op, called, data, shape, run } of slots) {
    const given = inputsOf(called).find((x) => !("op" in x) && bad(x.data));
    const inside = given !== undefined || bad(data) ? op.notFiniteInside?.(run) : null;
    if (typeof inside === "string") return inside;
    if (given !== undefined) return `an input ${show(given.shape)} of ${op.name} is not finite`;
    if (bad(data)) return `${op.name} made a number that is not finite, in ${show(shape)}`;
  }
  const from = slots.reverse().find(({ grad }) => bad(grad));
  return from === undefined ? null : `the gradient at ${from.op.name} is not finite`;
}
