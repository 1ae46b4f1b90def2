/** An op of one's own: what its names are bound to, and that a kernel belongs to an op, not to its name. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import type { Op } from "../../src/core/op.ts";
import { runOf } from "../../src/core/slot.ts";
import { apply, Tape } from "../../src/core/tape.ts";
import { input, NONE, type Tensor, variable } from "../../src/core/tensor.ts";
import { sum } from "../../src/ops/reduce.ts";

/** y = scale·x + shift, shift left out or one number per column; its name is a kernel's. */
const affineOp: Op<"x" | "shift?", { numbers: "scale"; set: string; plan: number; bound: string }> =
  {
    name: "tanh",
    inputs: ["x", "shift?"],
    numbers: ["scale"],
    saves: ({ x }) => x[0],
    plan: ({ x: [, columns], shift }) => (shift === null ? columns : shift[0]),
    bind: ({ x, set }) => `${set} ${x.length}`,
    forward({ y, x, shift, scale, plan: columns, saved }) {
      saved.fill(scale);
      for (let i = 0; i < y.length; i++) y[i] = scale * x[i] + (shift?.[i % columns] ?? 0);
    },
    backward({ dy, dx, dshift, plan: columns, saved }) {
      for (let i = 0; i < dy.length; i++) {
        if (dx) dx[i] += saved[0] * dy[i];
        if (dshift) dshift[i % columns] += dy[i];
      }
    },
  };
const affine = (x: Tensor, shift = NONE, scale = 2): Tensor =>
  apply(affineOp, x, shift, NONE, scale, 0, "of");

describe.each([
  ["loops", loops()],
  ["simd", simd({ memory: 1 << 20 })],
])("an op of one's own on %s", (_, k) => {
  test("sees numbers, gradients, scale, plan and what it saved; replays; is nobody's kernel", () => {
    const x = variable(k, [2, 2], [1, 2, 3, 4]);
    const shift = variable(k, [2], [10, 20]);
    const tape = new Tape(k);
    for (const pass of [1, 2]) {
      let y: Tensor = NONE;
      tape.backward(
        tape.run(() => {
          y = affine(x, shift);
          return sum(y);
        }),
      );
      expect([...y.data]).toEqual([12, 24, 16, 28]);
      expect([...x.grad]).toEqual([2, 2, 2, 2].map((d) => d * pass));
      expect([...shift.grad]).toEqual([2 * pass, 2 * pass]);
      expect(runOf("test", y, affineOp).bound).toBe("of 4");
      expect(tape.recorded).toBe(2);
    }
  });

  test("an input left out is null, and another number records again", () => {
    const tape = new Tape(k);
    const x = input(k, [1, 2], [1, 2]);
    expect([...tape.run(() => affine(x)).data]).toEqual([2, 4]);
    expect([...tape.run(() => affine(x, NONE, 3)).data]).toEqual([3, 6]);
    expect(tape.recorded).toBe(2);
  });
});
