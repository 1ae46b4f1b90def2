/** Parts that are computed again in the backward pass: gradients by hand, and memory. */
import { expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { firstNotFinite } from "../../src/core/not-finite.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor, variable } from "../../src/core/tensor.ts";
import { mul, type Recomputable, recomputed, square, sum } from "../../src/ops/index.ts";

const k = loops(Float64Array);
const w = variable(k, [2], [3, -1]);
const x = variable(k, [3, 2], [1, 2, 3, 4, 5, 6]);
const weights = input(k, [3, 2], [1, 1, 2, 1, 1, 10]);
const runs: boolean[] = [];
const body: Recomputable = ([rows], again) => {
  runs.push(again);
  return mul(square(rows), w);
};
const clear = (): void => {
  for (const { grad } of [w, x]) grad.fill(0);
  runs.length = 0;
};

test.each([undefined, 2, 1, 5])("by hand, %s rows at a time: y = w·x²", (rows) => {
  clear();
  const tape = new Tape(k);
  const options = { parameters: [w], ...(rows !== undefined && { rows }) };
  const pass = () => sum(mul(recomputed(body, [x], options), weights));
  const loss = tape.run(pass);
  expect(loss.data[0]).toBe(3 - 4 + 2 * 27 - 16 + 75 - 360);
  tape.backward(loss);
  expect([...x.grad]).toEqual([6, -4, 36, -8, 30, -120]); // weight·2·w·x
  expect([...w.grad]).toEqual([1 + 18 + 25, 4 + 16 + 360]); // Σ weight·x²
  const chunks = rows === undefined || rows > 3 ? 1 : Math.ceil(3 / rows);
  expect(runs).toEqual([...Array(chunks).fill(false), ...Array(chunks).fill(true)]);
  const { recorded } = tape;
  x.data[0] = 2; // the same tape reads what its inputs hold now
  expect(tape.run(pass).data[0]).toBe(loss.data[0]);
  expect(loss.data[0]).toBe(12 - 4 + 2 * 27 - 16 + 75 - 360);
  x.data[0] = 1;
  tape.replay();
  expect(loss.data[0]).toBe(3 - 4 + 2 * 27 - 16 + 75 - 360);
  expect(tape.recorded).toBe(recorded);
});

test("the gradient of parameters alone, of inputs alone, and of neither", () => {
  const data = input(k, [3, 2], x.data);
  const of = (xs: Tensor, part: Recomputable, parameters: readonly Tensor[]) => {
    clear();
    const tape = new Tape(k);
    const loss = tape.run(() => sum(recomputed(part, [xs], { parameters })));
    if (loss.grad !== null) tape.backward(loss);
    return loss.grad === null ? null : [...w.grad, ...x.grad];
  };
  expect(of(data, body, [w])).toEqual([35, 56, 0, 0, 0, 0, 0, 0]);
  expect(of(x, ([rows]) => square(rows), [])).toEqual([0, 0, 2, 4, 6, 8, 10, 12]);
  expect(of(x, ([rows]) => rows, [])).toEqual([0, 0, 1, 1, 1, 1, 1, 1]);
  expect(of(data, ([rows]) => square(rows), [w])).toEqual([0, 0, 0, 0, 0, 0, 0, 0]); // reads no parameter
  expect(of(data, body, [])).toBeNull();
});

test("a result of other rows than the input's, and several inputs that are split alike", () => {
  clear();
  const tape = new Tape(k);
  const rowSums: Recomputable = ([a, b]) => sum(mul(a, b), 1, true);
  const loss = tape.run(() =>
    sum(square(recomputed(rowSums, [x, weights], { parameters: [], shape: [3, 1], rows: 2 }))),
  );
  expect(loss.data[0]).toBe(3 ** 2 + 10 ** 2 + 65 ** 2);
  tape.backward(loss);
  expect([...x.grad]).toEqual([6, 6, 40, 20, 130, 1300]); // 2·sum·weight
});

test("after a pass only inputs, result and its gradient are in memory, and after each the same", () => {
  const simple = simd({ memory: 2 ** 24 });
  const at = variable(simple, [64, 64]);
  const deep: Recomputable = ([rows]) => {
    let y = rows;
    for (let i = 0; i < 20; i++) y = square(y);
    return y;
  };
  const taken = (pass: () => Tensor): number => {
    const tape = new Tape(simple);
    const before = simple.live();
    tape.backward(tape.run(() => sum(pass())));
    const live = simple.live() - before;
    const used = simple.used();
    for (let i = 0; i < 3; i++) tape.backward(tape.run(() => sum(pass())));
    expect(simple.live() - before).toBe(live);
    expect(simple.used()).toBe(used);
    tape.drop();
    expect(simple.live()).toBe(before);
    return live;
  };
  const bytes = 4 * 64 * 64;
  const scalar = 2 * 64; // the sum and its gradient, in the least room
  expect(taken(() => deep([at], false))).toBe(20 * 2 * bytes + scalar);
  expect(taken(() => recomputed(deep, [at], { parameters: [] }))).toBe(2 * bytes + scalar);
});

test("what a body throws passes through and leaves nothing in memory; shapes that do not fit are refused", () => {
  const small = simd({ memory: 2 ** 20 });
  const at = variable(small, [4, 2]);
  const tape = new Tape(small);
  tape.run(() => sum(at)); // kernels get their workspace
  tape.drop();
  const refused = (part: Recomputable, inputs: readonly Tensor[], says = "", options = {}) => {
    const before = small.live();
    const run = () => tape.run(() => recomputed(part, inputs, { parameters: [], ...options }));
    expect(run).toThrow(new ShapeError(says));
    tape.drop();
    expect(small.live()).toBe(before);
  };
  const [three, other] = [input(small, [3]), variable(small, [3, 2])];
  refused(
    ([rows]) => mul(square(rows), three),
    [at],
    "mul: expected shapes that broadcast, got [4, 2] and [3]",
  );
  refused(([rows]) => sum(rows), [at], "recomputed: expected a result of [4, 2], got []");
  const rows = "recomputed: expected a result and inputs of as many rows, got";
  refused(([x]) => x, [at, other], `${rows} [4, 2], [4, 2], [3, 2]`);
  refused(([x]) => x, [at], `${rows} [8], [4, 2]`, { shape: [8] });
  refused(([x]) => x, [at], `${rows} [], [4, 2]`, { shape: [] });
  refused(() => at, [], `${rows} []`);
  const none = { parameters: [], rows: 0 };
  expect(() => tape.run(() => recomputed(([x]) => x, [at], none))).toThrow(RangeError);
});

test("a number that is not finite is named by the op inside, on an input, a parameter or the way", () => {
  const tape = new Tape(k);
  const big = variable(k, [2, 2], [1, 2, 3, 1e200]);
  const factor = variable(k, [2], [1, 1]);
  const body: Recomputable = ([rows]) => mul(square(rows), factor);
  const run = () =>
    tape.run(() => sum(recomputed(body, [square(big)], { parameters: [factor], rows: 1 })));
  run();
  const inside = "in a recomputed part";
  expect(firstNotFinite(tape)).toBe(`square made a number that is not finite, in [2, 2]`);
  big.data[3] = 1e100; // its square is finite, and the square of that is not
  run();
  expect(firstNotFinite(tape)).toBe(
    `square made a number that is not finite, in [1, 2], ${inside}`,
  );
  big.data[3] = 4;
  factor.data[1] = Number.NaN;
  run();
  expect(firstNotFinite(tape)).toBe(`an input [2] of broadcastLike is not finite, ${inside}`);
  factor.data[1] = 1;
  run();
  expect(firstNotFinite(tape)).toBeNull();
});
