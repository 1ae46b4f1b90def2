/** Kinds of arguments: a right value of each, and the wrong ones that a function must refuse by a typed error. */
import { loops } from "../../src/backends/loops.ts";
import type { Backend } from "../../src/core/backend.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Shape, type Tensor, variable } from "../../src/core/tensor.ts";
import { add } from "../../src/ops/arithmetic.ts";

export interface Kind {
  readonly right: () => unknown;
  /** By what is wrong with each. */
  readonly wrong: Readonly<Record<string, () => unknown>>;
}

const k = loops();
const other = loops();
/** A tensor of a run that is over. */
const stale = (shape: Shape): Tensor => {
  const tape = new Tape(k);
  const x = tape.run(() => add(variable(k, shape), 1));
  tape.drop();
  return x;
};
const values = (n: number): number[] => Array.from({ length: n }, (_, i) => 0.25 + (i % 2) / 4);
const sizeOf = (shape: Shape): number => shape.reduce((n, m) => n * m, 1);

/** A tensor whose shape is given by others or by itself: longer and shorter ones do not fit. */
export function tensor(shape: Shape, data: readonly number[] = values(sizeOf(shape))): Kind {
  const { foreign, old } = anyTensor(shape).wrong;
  const changed = (by: number) => (): Tensor =>
    input(k, shape.length === 0 ? [2 + by] : [...shape.slice(0, -1), shape[shape.length - 1] + by]);
  return {
    right: () => variable(k, shape, data),
    wrong: { foreign, old, "too long": changed(1), "too short": changed(-1) },
  };
}

/** A tensor of any shape. */
export const anyTensor = (shape: Shape): Kind => ({
  right: () => variable(k, shape, values(sizeOf(shape))),
  wrong: {
    foreign: () => variable(other as Backend, shape, values(sizeOf(shape))),
    old: () => stale(shape),
  },
});

/** Whole numbers in a tensor, such as actions: one past their range, a fraction, NaN. */
export const indices = (shape: Shape, below: number): Kind => {
  const n = sizeOf(shape);
  const holding = (x: number) => (): Tensor => input(k, shape, new Array(n).fill(x));
  return {
    right: holding(below - 1),
    wrong: {
      ...tensor(shape, new Array(n).fill(below - 1)).wrong,
      "past the range": holding(below),
      negative: holding(-1),
      fraction: holding(0.5),
      NaN: holding(Number.NaN),
    },
  };
};

/** An array of as many numbers as others have. */
export const array = (n: number, data: readonly number[] = values(n)): Kind => ({
  right: () => Float32Array.from(data),
  wrong: {
    "too long": () => Float32Array.from([...data, 0.25]),
    "too short": () => Float32Array.from(data.slice(0, -1)),
  },
});

const numbers = (right: number, wrong: Readonly<Record<string, number>>): Kind => ({
  right: () => right,
  wrong: Object.fromEntries(Object.entries(wrong).map(([name, x]) => [name, () => x])),
});
export const real = (x: number): Kind => numbers(x, { NaN: Number.NaN });
export const atLeast0 = (x: number): Kind => numbers(x, { NaN: Number.NaN, negative: -0.5 });
export const unit = (x: number): Kind =>
  numbers(x, { NaN: Number.NaN, negative: -0.5, "above 1": 1.5 });
export const count = (x: number): Kind =>
  numbers(x, { NaN: Number.NaN, negative: -1, fraction: x + 0.5 });
export const whole = (x: number): Kind => numbers(x, { NaN: Number.NaN, fraction: 0.5 });
export const axis = (x: number, rank: number): Kind =>
  numbers(x, {
    NaN: Number.NaN,
    fraction: 0.5,
    "no axis": rank,
    "no axis from the end": -rank - 1,
  });

/** A list of axes. */
export const axes = (x: readonly number[], rank: number): Kind => ({
  right: () => x,
  wrong: {
    duplicate: () => [...x.slice(0, -1), x[0], x[0]],
    "no axis": () => [...x.slice(0, -1), rank],
    fraction: () => [...x.slice(0, -1), 0.5],
    NaN: () => [...x.slice(0, -1), Number.NaN],
  },
});

/** A list of whole numbers ≥ 0, such as a shape. */
export const wholes = (x: readonly number[]): Kind => ({
  right: () => x,
  wrong: {
    negative: () => [...x.slice(0, -1), -2],
    fraction: () => [...x.slice(0, -1), 0.3],
    NaN: () => [...x.slice(0, -1), Number.NaN],
  },
});

export const name = (x: string): Kind => ({
  right: () => x,
  wrong: { "no such name": () => "no such name" },
});

/** What is not wrong in any of these ways: functions, texts, flags. */
export const given = (x: unknown): Kind => ({ right: () => x, wrong: {} });

/** An object with a kind for each field. */
export const fields = (kinds: Readonly<Record<string, Kind>>): Kind => {
  const right = (): Record<string, unknown> =>
    Object.fromEntries(Object.entries(kinds).map(([key, kind]) => [key, kind.right()]));
  const wrong: Record<string, () => unknown> = {};
  for (const [key, kind] of Object.entries(kinds)) {
    for (const [what, make] of Object.entries(kind.wrong)) {
      wrong[`${key}: ${what}`] = () => ({ ...right(), [key]: make() });
    }
  }
  return { right, wrong };
};
/** A list with a kind for each entry. */
export const list = (...kinds: readonly Kind[]): Kind => {
  const { right, wrong } = fields(Object.fromEntries(kinds.entries()));
  return {
    right: () => Object.values(right() as object),
    wrong: Object.fromEntries(
      Object.entries(wrong).map(([what, make]) => [what, () => Object.values(make() as object)]),
    ),
  };
};
export const backend = k;
