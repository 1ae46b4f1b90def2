/** The critic's loss: squared errors of V against targets, plain or clipped about the old values, or Huber. */
import { checkName } from "../core/check.ts";
import { ShapeError } from "../core/errors.ts";
import type { Op } from "../core/op.ts";
import { apply } from "../core/tape.ts";
import { listOf, NONE, sameShape, show, sizeOf, type Tensor } from "../core/tensor.ts";

export interface ValueSettings {
  /**
   * "none": (V − R)². "max": max((V − R)², (V_clip − R)²), V_clip = V_old + clip(V − V_old, ±clipRange)
   * (openai/baselines). "single": (V_clip − R)². "huber": ½d² inside ±clipRange, linear outside.
   */
  readonly clip: "none" | "max" | "single" | "huber";
  readonly clipRange: number;
}
export const valueDefaults: ValueSettings = Object.freeze({ clip: "none", clipRange: 0.2 });

/**
 * Returns Σ w·ℓ(V, R), [], without a factor ½, by which SB3 and the papers differ. All inputs have V's shape. Only
 * `value` carries a gradient. `oldValue` is read by the clipped forms.
 */
export const valueLoss = (
  value: Tensor,
  target: Tensor,
  weight: Tensor,
  oldValue: Tensor = NONE,
  settings: ValueSettings = valueDefaults,
): Tensor =>
  apply(
    valueOp,
    value,
    target,
    weight,
    0,
    0,
    settings,
    oldValue === NONE ? undefined : listOf(oldValue),
  );
const valueOp: Op<"v" | "target" | "w" | "oldValue?", { set: ValueSettings }> = {
  name: "valueLoss",
  inputs: ["v", "target", "w", "oldValue?"],
  shape({ v, target, w, oldValue, set }) {
    const clipped = set.clip === "max" || set.clip === "single";
    const given = [v, target, w, ...(oldValue === null ? [] : [oldValue])];
    if (!given.every((shape) => sameShape(shape, v)) || (clipped && oldValue === null)) {
      const got = given.map(show).join(", ");
      throw new ShapeError(
        `valueLoss: expected value, target, weight (and oldValue to clip) of one shape, got ${got}`,
      );
    }
    checkName("valueLoss", "a clip", set.clip, ["none", "max", "single", "huber"]);
    if (!(set.clipRange > 0))
      throw new RangeError(`valueLoss: expected clipRange > 0, got ${set.clipRange}`);
    return [];
  },
  saves: ({ v }) => sizeOf(v), // ∂loss/∂V
  forward({ y, v, target, w, oldValue, set: { clip, clipRange: e }, saved: slope }) {
    const old = oldValue ?? v;
    let loss = 0;
    for (let i = 0; i < v.length; i++) {
      slope[i] = 0;
      if (w[i] === 0) continue;
      const d = v[i] - target[i];
      let l = d * d;
      let s = 2 * d;
      if (clip === "huber") {
        l = Math.abs(d) <= e ? 0.5 * d * d : e * (Math.abs(d) - 0.5 * e);
        s = Math.min(Math.max(d, -e), e);
      } else if (clip !== "none") {
        const moved = v[i] - old[i];
        const clamped = Math.min(Math.max(moved, -e), e);
        const dc = old[i] + clamped - target[i];
        const sc = Math.abs(moved) <= e ? 2 * dc : 0;
        if (clip === "single" || dc * dc > l) {
          l = dc * dc;
          s = sc;
        } else if (dc * dc === l && clamped !== moved) s = 0.5 * (s + sc); // a tie halves the gradient
      }
      loss += w[i] * l;
      slope[i] = w[i] * s;
    }
    y[0] = loss;
  },
  backward({ dy, dv, saved: slope }) {
    if (dv) for (let i = 0; i < dv.length; i++) dv[i] += dy[0] * slope[i];
  },
};
