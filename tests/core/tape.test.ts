import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { ShapeError, UsageError } from "../../src/core/errors.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, Parameters, type Tensor, variable } from "../../src/core/tensor.ts";
import * as o from "../../src/ops/index.ts";

const k = loops();

describe("Tape", () => {
  test("by hand: loss = (w·x)², so ∂loss/∂w = 2·w·x²", () => {
    const [w, x] = [variable(k, [], [3]), input(k, [], [2])];
    const tape = new Tape(k);
    const loss = tape.run(() => o.square(o.mul(w, x)));
    tape.backward(loss);
    expect(loss.data[0]).toBe(36);
    expect(w.grad[0]).toBe(2 * 3 * 4);
    tape.backward(loss); // adds to what is there
    expect(w.grad[0]).toBe(2 * 2 * 3 * 4);
  });

  test("a replay makes no slot; another branch records anew and drops what followed", () => {
    const x = variable(k, [2], [1, 2]);
    const tape = new Tape(k);
    const body = (f: (x: Tensor) => Tensor) => () => o.sum(o.mul(f(x), 2));
    tape.run(body(o.exp));
    expect(tape.recorded).toBe(3);
    for (let i = 0; i < 5; i++) tape.run(body(o.exp));
    expect(tape.recorded).toBe(3);
    tape.run(body(o.tanh));
    expect(tape.recorded).toBe(6);
  });

  test("replay does the last run's ops on what inputs now hold, and backward follows it", () => {
    const [w, x] = [variable(k, [], [3]), input(k, [], [2])];
    const tape = new Tape(k, { poison: true });
    tape.run(() => o.exp(o.mul(w, x)));
    const loss = tape.run(() => o.square(o.mul(w, x)));
    x.data[0] = 5;
    tape.replay();
    expect(loss.data[0]).toBe(225);
    tape.backward(loss);
    expect(w.grad[0]).toBe(2 * 3 * 25);
  });

  test("settings are part of a slot: numbers, lists by their entries, and copies of them", () => {
    const x = variable(k, [2, 2], [1, 2, 3, 4]);
    const tape = new Tape(k);
    const shape = [4];
    const reshaped = (): Tensor => tape.run(() => o.reshape(x, shape));
    reshaped();
    reshaped();
    expect(tape.recorded).toBe(1);
    shape[0] = 2;
    shape.push(2);
    expect(reshaped().shape).toEqual([2, 2]);
    expect(tape.recorded).toBe(2);
    expect(tape.run(() => o.mul(x, 2)).data[0]).toBe(2);
    expect(tape.run(() => o.mul(x, 3)).data[0]).toBe(3);
  });

  test("property: a replayed tape equals a fresh one bit for bit, whatever branch ran before", () => {
    const bodies: ((x: Tensor) => Tensor)[] = [
      (x) => o.sum(o.tanh(o.matmul(x, o.swapAxes(x)))),
      (x) => o.sum(o.mul(o.softmax(x), x)),
      (x) => o.mean(o.reshape(o.exp(x), [-1])),
      (x) => o.sum(o.mul(o.rows(x, 1, 3), 2)),
    ];
    const pick = fc.array(fc.nat(bodies.length - 1), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(pick, fc.nat(), (order, seed) => {
        const values = Array.from({ length: 12 }, (_, i) => Math.sin(seed + i));
        const used = variable(k, [3, 4], values);
        const tape = new Tape(k, { poison: true });
        for (const i of order) {
          used.grad.fill(0);
          const loss = tape.run(() => bodies[i](used));
          tape.backward(loss);
          const fresh = variable(k, [3, 4], values);
          const once = new Tape(k);
          const wanted = once.run(() => bodies[i](fresh));
          once.backward(wanted);
          expect(loss.data).toEqual(wanted.data);
          expect(used.grad).toEqual(fresh.grad);
        }
      }),
    );
  });

  test("grads: false makes no gradients, and backward says so", () => {
    const w = variable(k, [1], [1]);
    const tape = new Tape(k, { grads: false });
    const y = tape.run(() => o.exp(w));
    expect(y.grad).toBeNull();
    expect(() => tape.backward(y)).toThrow(UsageError);
  });

  test("poison fills what the last run made with NaN before the next", () => {
    const x = variable(k, [2], [1, 2]);
    const tape = new Tape(k, { poison: true });
    const stale = tape.run(() => o.exp(x));
    expect(stale.data[0]).toBeCloseTo(Math.E);
    tape.run(() => expect(stale.data[0]).toBeNaN());
  });

  test("views share their input's numbers and gradients, and poison spares parameters", () => {
    const w = variable(k, [2, 3], [1, 2, 3, 4, 5, 6]);
    const tape = new Tape(k, { poison: true });
    const body = (): Tensor => o.sum(o.mul(o.reshape(o.rows(w, 1, 2), [3]), 2));
    tape.run(body);
    tape.backward(tape.run(body));
    expect([...w.data]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...w.grad]).toEqual([0, 0, 0, 2, 2, 2]);
    expect(() => tape.run(() => o.rows(w, 1, 4))).toThrow(ShapeError);
  });

  test("stopGradient: x·stop(x) has gradient x, not 2x", () => {
    const x = variable(k, [1], [3]);
    const tape = new Tape(k);
    tape.backward(tape.run(() => o.sum(o.mul(x, o.stopGradient(x)))));
    expect(x.grad[0]).toBe(3);
  });

  test("misuse is a typed error that says what was wanted", () => {
    const x = variable(k, [2], [1, 2]);
    const tape = new Tape(k);
    expect(() => o.exp(x)).toThrow(/exp: call ops inside tape.run/);
    const y = tape.run(() => o.exp(x));
    expect(() => tape.backward(y)).toThrow(/expected a loss of one element, got shape \[2\]/);
    expect(() => tape.backward(x)).toThrow(UsageError);
    expect(() => new Tape(k).run(() => o.exp(y))).toThrow(/another tape/);
    expect(() => new Tape(loops()).run(() => o.exp(x))).toThrow(/another backend/);
    expect(() => tape.run(async () => o.exp(x))).toThrow(/synchronous/);
    expect(() => tape.run(() => o.exp(x)) && o.exp(x)).toThrow(UsageError);
  });

  test("a body that throws leaves the tape usable", () => {
    const x = variable(k, [2], [1, 2]);
    const tape = new Tape(k);
    const fails = (): Tensor => o.matmul(o.exp(x), o.reshape(x, [1, 2, 1, 1]));
    expect(() => tape.run(fails)).toThrow();
    tape.backward(tape.run(() => o.sum(o.exp(x))));
    expect(x.grad[0]).toBeCloseTo(Math.E);
  });
});

describe("Parameters", () => {
  test("lie side by side in few regions, by name", () => {
    const parameters = new Parameters(k, 8);
    const a = parameters.add("a", [2, 2], [1, 2, 3, 4]);
    const b = parameters.add("b", [3]);
    parameters.add("c", [20]); // opens a region of its own size
    expect(parameters.regions().map(({ data }) => data.length)).toEqual([7, 20]);
    parameters.regions()[0].grad.fill(5);
    expect([...a.grad, ...b.grad]).toEqual([5, 5, 5, 5, 5, 5, 5]);
    expect(parameters.get("a")).toBe(a);
    expect(() => parameters.add("a", [1])).toThrow(/exists already/);
    expect(() => parameters.add("d", [2], [1])).toThrow(ShapeError);
    expect(() => parameters.add("e", [-1])).toThrow(ShapeError);
  });
});
