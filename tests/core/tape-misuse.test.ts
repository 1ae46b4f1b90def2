import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { UsageError } from "../../src/core/errors.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, Parameters, variable } from "../../src/core/tensor.ts";
import * as ops from "../../src/ops/index.ts";
import { Adam } from "../../src/optim/adam.ts";

const backends = [loops(), simd({ memory: 1 << 20 })];

describe.each(backends)("$name: a gradient comes only from what the loss depends on", (k) => {
  test("an op that is only looked at adds nothing, though its slope overflows", () => {
    const w = variable(k, [2], [100, 1]);
    const tape = new Tape(k);
    const loss = tape.run(() => {
      ops.exp(w); // e¹⁰⁰ overflows float32
      return ops.sum(ops.square(w));
    });
    tape.backward(loss);
    expect([...w.grad]).toEqual([200, 2]);
  });

  test("two losses of one run have gradients of their own", () => {
    const w = variable(k, [2], [3, 5]);
    const tape = new Tape(k);
    const body = () => [ops.sum(ops.square(w)), ops.sum(ops.mul(w, 2))] as const;
    for (let i = 0; i < 3; i++) {
      const [first, second] = tape.run(body);
      w.grad.fill(0);
      tape.backward(second);
      expect([...w.grad]).toEqual([2, 2]);
      w.grad.fill(0);
      tape.backward(first);
      expect([...w.grad]).toEqual([6, 10]);
    }
  });

  test("a loss that was recorded anew has the path of its new slots", () => {
    const [v, w] = [variable(k, [1], [3]), variable(k, [1], [5])];
    const tape = new Tape(k);
    for (const x of [v, w, v]) tape.backward(tape.run(() => ops.sum(ops.square(x))));
    expect([v.grad[0], w.grad[0]]).toEqual([12, 10]);
  });

  test("a loss that is a view of a parameter adds to its gradient", () => {
    const w = variable(k, [2, 1], [1, 2]);
    const tape = new Tape(k);
    w.grad.set([10, 10]);
    tape.backward(tape.run(() => ops.rows(w, 0, 1)));
    expect([...w.grad]).toEqual([11, 10]);
    tape.backward(tape.run(() => ops.reshape(ops.rows(w, 1, 2), [])));
    expect([...w.grad]).toEqual([11, 11]);
  });

  test.each([
    ["exp", ops.exp, Number.POSITIVE_INFINITY],
    ["log", ops.log, 0],
    ["sqrt", ops.sqrt, 0],
    ["rsqrt", ops.rsqrt, 0],
    ["reciprocal", ops.reciprocal, 0],
    ["log1p", ops.log1p, -1],
    ["expm1", ops.expm1, Number.POSITIVE_INFINITY],
    ["atanh", ops.atanh, 1],
    ["tanh", ops.tanh, Number.NaN],
    ["sigmoid", ops.sigmoid, Number.NaN],
    ["gelu", (x) => ops.gelu(x), Number.NaN],
    ["exact gelu", (x) => ops.gelu(x, "erf"), Number.NaN],
    ["silu", ops.silu, Number.NaN],
    ["square", ops.square, Number.POSITIVE_INFINITY],
    ["pow", (x) => ops.pow(x, -1), 0],
    ["1/x", (x) => ops.div(ops.add(ops.mul(x, 0), 1), x), 0],
    ["x·x", (x) => ops.mul(x, x), Number.POSITIVE_INFINITY],
  ] as [string, (x: ReturnType<typeof variable>) => ReturnType<typeof variable>, number][])(
    "%s at a number that is not chosen",
    (_, f, bad) => {
      const x = variable(k, [6], [0.5, bad, 0.25, bad, 0.5, bad]);
      const chosen = input(k, [6], [1, 0, 1, 0, 1, 0]);
      const tape = new Tape(k);
      tape.backward(tape.run(() => ops.sum(ops.where(chosen, f(x), input(k, [])))));
      expect([x.grad[1], x.grad[3], x.grad[5]]).toEqual([0, 0, 0]);
      expect([...x.grad].every(Number.isFinite)).toBe(true);
      expect(Math.abs(x.grad[0])).toBeGreaterThan(0);
    },
  );
});

describe("misuse is an error that says what to do", () => {
  const k = loops();
  const x = input(k, [1], [1]);

  test("a run inside a run of the same tape; the tape works after it", () => {
    const tape = new Tape(k);
    const nested = () => {
      const a = ops.mul(x, 10);
      tape.run(() => ops.mul(x, 1000));
      return ops.add(a, 1).data[0];
    };
    expect(() => tape.run(nested)).toThrow(UsageError);
    expect(() => tape.run(nested)).toThrow(/its own tape/);
    expect(tape.run(() => ops.mul(x, 2).data[0])).toBe(2);
    const inner = new Tape(k);
    expect(
      tape.run(
        () =>
          ops.add(
            ops.mul(
              x,
              inner.run(() => ops.mul(x, 3).data[0]),
            ),
            1,
          ).data[0],
      ),
    ).toBe(4);
  });

  test("a tensor of an earlier run, at the same slot, a later one, or dropped", () => {
    const tape = new Tape(k);
    let h: ReturnType<typeof input> = x;
    const step = () => {
      h = ops.add(h, 1);
    };
    tape.run(step);
    expect(() => tape.run(step)).toThrow(/of an earlier run; copy its data/);
    const late = tape.run(() => ops.mul(ops.add(x, 1), 2));
    expect(() => tape.run(() => ops.mul(late, 3))).toThrow(UsageError);
    const gone = tape.run(() => ops.add(x, 1));
    tape.drop();
    expect(() => tape.run(() => ops.mul(gone, 3))).toThrow(UsageError);
    expect(() => tape.backward(gone)).toThrow(UsageError);
    expect(tape.run(() => ops.add(x, 1).data[0])).toBe(2);
  });

  test("backward of a tensor of an earlier run that the last one did not make", () => {
    const w = variable(k, [1], [1]);
    const tape = new Tape(k);
    const loss = tape.run(() => ops.sum(ops.square(ops.exp(w))));
    tape.run(() => ops.exp(w));
    expect(() => tape.backward(loss)).toThrow(UsageError);
  });

  test("a parameter that was added after its optimizer", () => {
    const parameters = new Parameters(k);
    parameters.add("a", [1], [1]);
    const adam = new Adam(parameters);
    parameters.add("late", [1], [1]);
    expect(() => adam.step()).toThrow(/"late" was added after the optimizer/);
    expect(adam.steps).toBe(0);
  });
});
