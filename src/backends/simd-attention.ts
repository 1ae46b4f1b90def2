/** How the SIMD backend runs attention: matrix products and row kernels, one head after another. */
import type { Compiled, Floats } from "../core/backend.ts";
import type { GradSlot, Slot } from "../core/tape.ts";
import { NONE, type Tensor } from "../core/tensor.ts";
import type { SimdBackend } from "./simd.ts";

/**
 * Makes the code of a slot that is being recorded; null for the op's own loops. Buffers from `take` live as long
 * as the slot.
 */
export type Compile = (
  k: SimdBackend,
  slot: Slot,
  take: (size: number) => Floats,
) => Compiled | null;

/** Address of a tensor's gradient; 0 where none is wanted. */
export const gradOf = (k: SimdBackend, { grad }: Tensor): number =>
  grad === null ? 0 : k.address(grad);

/**
 * `code` while all of `tensors` is finite, else the op's own loops, which do not touch a position of weight 0; a
 * matrix product would multiply what stands there by 0, and 0·∞ is NaN.
 */
function whileFinite(
  { kernels, address }: SimdBackend,
  tensors: readonly Tensor[],
  code: Required<Pick<Compiled, "forward" | "backward">>,
): Compiled {
  const runs = tensors.map(({ data }) => [address(data), data.length] as const);
  let loops = false;
  return {
    forward(slot: Slot) {
      loops = false;
      for (const [at, n] of runs) loops ||= kernels.anyNotFinite(at, n) !== 0;
      if (loops) slot.op.forward?.(slot);
      else code.forward(slot);
    },
    backward(slot: GradSlot) {
      if (loops) slot.op.backward?.(slot);
      else code.backward(slot);
    },
  };
}

export const attention: Compile = (k, slot, take) => {
  const { heads, T, S, D, E } = slot.plan as Record<"heads" | "T" | "S" | "D" | "E", number>;
  const { kernels } = k;
  const [y, q, key, v] = [slot, slot.a, slot.b, slot.c].map((t) => k.address(t.data));
  const [dy, dq, dkey, dv] = [slot, slot.a, slot.b, slot.c].map((t) => gradOf(k, t));
  const allowed = slot.rest.length > 0 ? k.address(slot.rest[0].data) : 0;
  const w = k.address(slot.scratch);
  const { p: scale, q: causal } = slot;
  const seen = causal === 1 ? S - T + 1 : S;
  const grow = causal === 1 ? 1 : 0;
  const dw = slot.grad === null ? 0 : k.address(take(T * S));
  return whileFinite(k, [slot.a, slot.b, slot.c], {
    forward() {
      for (let h = 0; h < heads; h++) {
        const weights = w + 4 * h * T * S;
        k.multiply(weights, q + 4 * h * T * D, key + 4 * h * S * D, T, S, D, false, true, false);
        const mask = allowed === 0 ? 0 : allowed + 4 * h * T * S;
        kernels.attend(weights, mask, T, S, seen, grow, scale);
        k.multiply(y + 4 * h * T * E, weights, v + 4 * h * S * E, T, E, S, false, false, false);
      }
    },
    backward() {
      for (let h = 0; h < heads; h++) {
        const weights = w + 4 * h * T * S;
        const [qAt, kAt, vAt, yAt] = [4 * h * T * D, 4 * h * S * D, 4 * h * S * E, 4 * h * T * E];
        if (dv !== 0) k.multiply(dv + vAt, weights, dy + yAt, S, E, T, true, false, true);
        k.multiply(dw, dy + yAt, v + vAt, T, S, E, false, true, false);
        kernels.attendGrad(dw, weights, T, S, scale);
        if (dq !== 0) k.multiply(dq + qAt, dw, key + kAt, T, D, S, false, false, true);
        if (dkey !== 0) k.multiply(dkey + kAt, dw, q + qAt, S, D, T, true, false, true);
      }
    },
  });
};

/** Heads by strides: q, k, v and y are read and written where they stand. */
export const selfAttention: Compile = (k, slot) => {
  const { B, T, heads, D } = slot.plan as Record<"B" | "T" | "heads" | "D", number>;
  const { kernels } = k;
  const [y, x] = [slot, slot.a].map((t) => k.address(t.data));
  const [dy, dx] = [slot, slot.a].map((t) => gradOf(k, t));
  const mask = slot.b === NONE ? 0 : k.address(slot.b.data);
  const w = k.address(slot.scratch);
  const dw = w + 4 * B * heads * T * T;
  const scale = 1 / Math.sqrt(D);
  const [head, row, wide] = [4 * D, 4 * heads * D, 12 * heads * D]; // bytes: of a head, a row of y, of qkv
  const side = 4 * T;
  const turned = (T + 3) & ~3;
  return whileFinite(k, [slot.a], {
    forward() {
      const space = k.workspace(D * turned);
      for (let b = 0, weights = w; b < B; b++) {
        const allowed = mask === 0 ? 0 : mask + b * T * side;
        for (let h = 0; h < heads; h++, weights += T * side) {
          const q = x + b * T * wide + h * head;
          const key = q + row;
          const value = key + row;
          kernels.transpose(space, 4 * turned, key, wide, T, D);
          kernels.gemm(weights, side, q, wide, 4, space, 4 * turned, T, T, D, 0);
          kernels.attend(weights, allowed, T, T, 1, 1, scale);
          const to = y + b * T * row + h * head;
          kernels.gemm(to, row, weights, side, 4, value, wide, T, D, T, 0);
        }
      }
    },
    backward() {
      const space = k.workspace(D * turned);
      for (let b = 0, weights = w; b < B; b++) {
        for (let h = 0; h < heads; h++, weights += T * side) {
          const q = x + b * T * wide + h * head;
          const dq = dx + b * T * wide + h * head;
          const key = q + row;
          const value = key + row;
          const from = dy + b * T * row + h * head;
          kernels.gemm(dq + 2 * row, wide, weights, 4, side, from, row, T, D, T, 1);
          kernels.transpose(space, 4 * turned, value, wide, T, D);
          kernels.gemm(dw, side, from, row, 4, space, 4 * turned, T, T, D, 0);
          kernels.attendGrad(dw, weights, T, T, scale);
          kernels.gemm(dq, wide, dw, side, 4, key, wide, T, D, T, 1);
          kernels.gemm(dq + row, wide, dw, 4, side, q, wide, T, D, T, 1);
        }
      }
    },
  });
};

interface CachedPlan extends Record<"n" | "heads" | "D" | "room", number> {
  /** Throws for a row outside the cache: the kernel would write elsewhere. */
  readonly check: (slot: Slot) => void;
}
export const cachedAttention: Compile = (k, slot) => {
  const { n, heads, D, room, check } = slot.plan as CachedPlan;
  if (room % 4 !== 0) return null;
  const { kernels } = k;
  const tensors = [slot, slot.a, slot.b, slot.c, ...slot.rest];
  const [y, x, keys, values, sequence, position] = tensors.map((t) => k.address(t.data));
  const w = k.address(slot.scratch);
  const scale = 1 / Math.sqrt(D);
  return {
    forward(s) {
      check(s);
      kernels.attendCached(y, x, keys, values, sequence, position, w, n, heads, D, room, scale);
    },
  };
};
