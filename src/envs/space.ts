/** The spaces of observations and actions. */
import type { Floats } from "../core/backend.ts";
import { MaskError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { type Shape, sizeOf } from "../core/tensor.ts";

/** Names for display: one per number of an observation, or one per choice of an action; null without. */
export type Names = readonly string[] | null;

/** One choice of n: a number from `start` to start + n − 1. */
export interface Discrete {
  readonly kind: "discrete";
  /** [n] */
  readonly names: Names;
  readonly n: number;
  readonly start: number;
  readonly shape: Shape;
  readonly size: number;
  /** Draws a choice that the mask, if any, allows. */
  sample(random: Random, out?: Floats, mask?: ArrayLike<number>): Floats;
  contains(x: ArrayLike<number>): boolean;
}

/** Several choices; the i-th is a number from start[i] to start[i] + choices[i] − 1. */
export interface MultiDiscrete {
  readonly kind: "multiDiscrete";
  /** [Σ choices] */
  readonly names: Names;
  readonly choices: readonly number[];
  readonly start: readonly number[];
  readonly shape: Shape;
  readonly size: number;
  /** Draws choices that the mask [Σ choices], if any, allows. */
  sample(random: Random, out?: Floats, mask?: ArrayLike<number>): Floats;
  contains(x: ArrayLike<number>): boolean;
}

/** Several choices of 0 or 1. */
export interface MultiBinary {
  readonly kind: "multiBinary";
  /** [size] */
  readonly names: Names;
  readonly shape: Shape;
  readonly size: number;
  sample(random: Random, out?: Floats): Floats;
  contains(x: ArrayLike<number>): boolean;
}

/** Real numbers between bounds, which may be infinite. */
export interface Box {
  readonly kind: "box";
  /** [size] */
  readonly names: Names;
  /** The layout of an environment's pixels of 0 to 255; see `image`. */
  readonly pixels?: Pixels;
  readonly shape: Shape;
  readonly size: number;
  readonly low: Float64Array;
  readonly high: Float64Array;
  sample(random: Random, out?: Floats): Floats;
  contains(x: ArrayLike<number>): boolean;
}

/** An image's size, and whether channels are its first or last dimension. */
export interface Pixels {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly order: "first" | "last";
}

/** Named parts of an observation; see `dict`. */
export interface Dict {
  readonly kind: "dict";
  /** [size] */
  readonly names: readonly string[];
  /** The parts in the order of the flat numbers, sorted by name. */
  readonly parts: readonly DictPart[];
  /** true for a list of spaces, whose names are 0, 1, 2, …; see `tuple`. */
  readonly isTuple?: boolean;
  readonly shape: Shape;
  readonly size: number;
  /** The bounds of the flat numbers. */
  readonly low: Float64Array;
  readonly high: Float64Array;
  sample(random: Random, out?: Floats): Floats;
  contains(x: ArrayLike<number>): boolean;
  /**
   * Writes values by name as flat numbers to out[at …]. Throws RangeError for a missing or unknown name, and for
   * a value outside its space.
   */
  flatten(values: DictValues, out?: Floats, at?: number): Floats;
}
export interface DictPart {
  readonly name: string;
  readonly space: Space;
  /** The offset of its flat numbers, and their count. */
  readonly at: number;
  readonly size: number;
}
export type DictValues = {
  readonly [name: string]: number | ArrayLike<number> | DictValues;
};

export type Space = Discrete | MultiDiscrete | MultiBinary | Box | Dict;

/**
 * Returns a name per number of an observation: its own, or where it stands, counted from 0: of an image [planes, rows,
 * columns] its plane, row and column, of a table its row and column, of images in a stack the frame too, else its index.
 */
export function numberNames({ names, shape, size }: Space): readonly string[] {
  const words =
    shape.length < 2 || shape.length > axes.length ? undefined : axes.slice(-shape.length);
  const place = (i: number): string => {
    if (words === undefined) return String(i);
    let [text, stride] = ["", size];
    for (const [d, word] of words.entries()) {
      stride /= shape[d];
      text += `${d === 0 ? "" : ", "}${word} ${Math.floor(i / stride) % shape[d]}`;
    }
    return text;
  };
  return names ?? Array.from({ length: size }, (_, i) => place(i));
}
const axes = ["frame", "plane", "row", "column"];

/** The number of choices, or their names. */
type Choices = number | readonly string[];
const countOf = (choices: Choices): number =>
  typeof choices === "number" ? choices : choices.length;
const namesOf = (choices: Choices): Names => (typeof choices === "number" ? null : choices);

/** Returns the space of choices `start` to start + n − 1, or with one choice per name. */
export function discrete(choices: Choices, start = 0): Discrete {
  const n = countOf(choices);
  if (!(Number.isInteger(n) && n >= 1 && Number.isSafeInteger(start + n)))
    throw new RangeError(`discrete: expected whole n ≥ 1 and start, got ${n} and ${start}`);
  return {
    kind: "discrete",
    names: namesOf(choices),
    n,
    start,
    shape: [],
    size: 1,
    sample(random, out = new Float32Array(1), mask) {
      out[0] = start + (mask === undefined ? random.below(n) : belowMasked(random, n, mask));
      return out;
    },
    contains: (x) => x?.length === 1 && isFrom(x[0], start, n),
  };
}

const numbersFrom = (start: number, n: number): string[] =>
  Array.from({ length: n }, (_, i) => String(start + i));

/** Returns whether `x` is a whole number; a text "1" is none, though it can be reckoned with. */
const isFrom = (x: unknown, start: number, n: number): boolean =>
  Number.isInteger(x) && (x as number) >= start && (x as number) < start + n;

/** Draws one of the k < n with mask[at + k] ≠ 0, each equally likely. What a short mask lacks is not allowed. */
function belowMasked(random: Random, n: number, mask: ArrayLike<number>, at = 0): number {
  let allowed = 0;
  for (let k = 0; k < n; k++) if (mask[at + k]) allowed++;
  if (allowed === 0) throw new MaskError(`sample: expected an allowed choice of ${n}, got none`);
  let left = random.below(allowed);
  let k = 0;
  while (!mask[at + k] || left-- > 0) k++;
  return k;
}

/**
 * Returns the space of several choices. Each entry is a number of choices, or their names; `start` has the number of the
 * first option of each, by default 0.
 */
export function multiDiscrete(
  lists: readonly Choices[],
  start: readonly number[] = Array.from(lists ?? [], () => 0),
): MultiDiscrete {
  const choices = Array.isArray(lists) ? lists.map(countOf) : [];
  if (choices.length === 0 || !choices.every((n) => Number.isInteger(n) && n >= 1)) {
    throw new RangeError(`multiDiscrete: expected choices ≥ 1, got [${choices}]`);
  }
  const size = choices.length;
  if (start.length !== size || !choices.every((n, i) => Number.isSafeInteger(start[i] + n)))
    throw new RangeError(`multiDiscrete: expected ${size} whole starts, got [${start}]`);
  return {
    kind: "multiDiscrete",
    names: lists.some(namesOf)
      ? lists.flatMap((list, i) => namesOf(list) ?? numbersFrom(start[i], choices[i]))
      : null,
    choices,
    start,
    shape: [size],
    size,
    sample(random, out = new Float32Array(size), mask) {
      for (let i = 0, at = 0; i < size; at += choices[i++]) {
        const n = choices[i];
        out[i] =
          start[i] + (mask === undefined ? random.below(n) : belowMasked(random, n, mask, at));
      }
      return out;
    },
    contains: (x) => x?.length === size && choices.every((n, i) => isFrom(x[i], start[i], n)),
  };
}

/** Returns the space of several bits; with names, one bit per name. */
export function multiBinary(bits: Choices): MultiBinary {
  const size = countOf(bits);
  if (!(Number.isInteger(size) && size >= 1)) {
    throw new RangeError(`multiBinary: expected size ≥ 1, got ${size}`);
  }
  return {
    kind: "multiBinary",
    names: namesOf(bits),
    shape: [size],
    size,
    sample(random, out = new Float32Array(size)) {
      for (let i = 0; i < size; i++) out[i] = random.below(2);
      return out;
    },
    contains: (x) => x?.length === size && Array.from(x).every((bit) => bit === 0 || bit === 1),
  };
}

type Bound = number | ArrayLike<number>;
export interface BoxOptions {
  /** The lower bound. Default −Infinity. */
  readonly low?: Bound;
  /** The upper bound. Default Infinity. */
  readonly high?: Bound;
  /** The shape. Default: one dimension, as long as `names` or the bounds. */
  readonly shape?: Shape;
  readonly names?: Names;
}

/**
 * Returns the space of real numbers between bounds, by options or as `box(low, high, shape)`. A bound is one number
 * for all, or one per element. Unbounded sides are sampled as in Gymnasium.
 */
export function box(options: BoxOptions): Box;
export function box(low: Bound, high: Bound, shape: Shape, names?: Names): Box;
export function box(
  first: Bound | BoxOptions,
  top: Bound = Infinity,
  given?: Shape,
  named: Names = null,
): Box {
  const isBound = typeof first === "number" || "length" in Object(first);
  const {
    low = -Infinity,
    high = Infinity,
    names = null,
    ...more
  }: BoxOptions = isBound ? { low: first as Bound, high: top, names: named } : Object(first);
  const list = [names, low, high].find((x) => Object(x) === x) as ArrayLike<unknown> | undefined;
  const shape = given ?? more.shape ?? [list?.length ?? 1];
  const size = sizeOf(shape);
  if (names !== null && names.length !== size)
    throw new RangeError(`box: expected ${size} names, got ${names.length}`);
  const bounds = (b: number | ArrayLike<number>): Float64Array =>
    typeof b === "number" ? new Float64Array(size).fill(b) : Float64Array.from(b);
  const lows = bounds(low);
  const highs = bounds(high);
  if (lows.length !== size || highs.length !== size || lows.some((l, i) => !(l <= highs[i]))) {
    throw new RangeError(`box: expected ${size} bounds with low ≤ high`);
  }
  // float32 rounding may move observations just past a float64 bound, or move the bound inwards
  const least = lows.map((x) => Math.min(x, Math.fround(x)));
  const most = highs.map((x) => Math.max(x, Math.fround(x)));
  return {
    kind: "box",
    names,
    shape,
    size,
    low: lows,
    high: highs,
    sample(random, out = new Float32Array(size)) {
      for (let i = 0; i < size; i++) out[i] = between(random, lows[i], highs[i]);
      return out;
    },
    contains(x) {
      if (x?.length !== size) return false;
      for (let i = 0; i < size; i++) {
        if (typeof x[i] !== "number" || !(x[i] >= least[i] && x[i] <= most[i])) return false;
      }
      return true;
    },
  };
}

/**
 * Returns the space of images with pixels of 0 to 255, for `fromGymnasium`: the policy sees numbers from 0 to 1,
 * [channels, height, width], the layout of convolutions. `order` is the environment's: channels first or last.
 */
export function image(
  height: number,
  width: number,
  channels: number,
  order: "first" | "last" = "last",
): Box {
  if (![height, width, channels].every((n) => Number.isInteger(n) && n >= 1))
    throw new RangeError(
      `image: expected whole height, width and channels ≥ 1, got ${height}, ${width}, ${channels}`,
    );
  const pixels = { height, width, channels, order };
  return { ...box(0, 1, [channels, height, width]), pixels };
}

/** Draws uniformly between two bounds, half-normal beyond a single bound, normal without bounds. */
function between(random: Random, low: number, high: number): number {
  if (low > -Infinity && high < Infinity) return low + (high - low) * random.uniform();
  if (low > -Infinity) return low + Math.abs(random.normal());
  if (high < Infinity) return high - Math.abs(random.normal());
  return random.normal();
}

/**
 * Returns a dictionary of spaces, such as for observations with names. Its flat numbers are those of the parts in
 * the order of their names (by UTF-16 code units), each as Gymnasium flattens it: a box row-major; a choice
 * one-hot; several choices one after another; bits as they are; a dictionary by the same rule.
 */
export const dict = (spaces: Readonly<Record<string, Space>>): Dict =>
  joined(Object.keys(spaces).sort(), spaces);

/** Returns a list of spaces as a dictionary with the names 0, 1, 2, … in this order. Values may be lists. */
export const tuple = (spaces: readonly Space[]): Dict => ({
  ...joined(Object.keys(spaces), spaces as unknown as Readonly<Record<string, Space>>),
  isTuple: true,
});

function joined(names: readonly string[], spaces: Readonly<Record<string, Space>>): Dict {
  if (names.length === 0) throw new RangeError("dict: expected at least one space, got none");
  const parts: DictPart[] = [];
  let size = 0;
  for (const name of names) {
    const space = spaces[name];
    parts.push({ name, space, at: size, size: flatSize(space) });
    size += flatSize(space);
  }
  const [low, high] = [new Float64Array(size), new Float64Array(size).fill(1)];
  for (const { space, at } of parts) {
    if (space.kind !== "box" && space.kind !== "dict") continue;
    low.set(space.low, at);
    high.set(space.high, at);
  }
  return {
    kind: "dict",
    names: parts.flatMap(namesOfPart),
    parts,
    shape: [size],
    size,
    low,
    high,
    sample(random, out = new Float32Array(size)) {
      for (const part of parts) flattenPart(part.space, part.space.sample(random), out, part.at);
      return out;
    },
    contains: (x) =>
      x?.length === size &&
      parts.every((part) =>
        containsFlat(
          part.space,
          Array.from({ length: part.size }, (_, i) => x[part.at + i]),
        ),
      ),
    flatten(values, out = new Float32Array(size), at = 0) {
      const unknown = Object.keys(values).find((name) => !names.includes(name));
      if (unknown !== undefined)
        throw new RangeError(`dict: expected values for ${names.join(", ")}, got "${unknown}"`);
      for (const { name, space, at: offset } of parts) {
        const value = Object.hasOwn(values, name) ? values[name] : undefined;
        if (value === undefined)
          throw new RangeError(`dict: expected a value for "${name}", got none`);
        flattenValue(name, space, value, out, at + offset);
      }
      return out;
    },
  };
}

/** Returns the names of a part's flat numbers: "part", "part name" or "part number". */
function namesOfPart({ name, space, size }: DictPart): string[] {
  if (size === 1 && space.names === null) return [name];
  const start = space.kind === "discrete" ? space.start : 0;
  return Array.from({ length: size }, (_, i) => `${name} ${space.names?.[i] ?? start + i}`);
}

/** Returns the length of a space's flat form; choices take one number per option. */
export function flatSize(space: Space): number {
  if (space.kind === "discrete") return space.n;
  return space.kind === "multiDiscrete" ? space.choices.reduce((sum, n) => sum + n, 0) : space.size;
}

type Value = DictValues[string];
function flattenValue(name: string, space: Space, value: Value, out: Floats, at: number): void {
  const isList = typeof value === "object" && "length" in value && typeof value.length === "number";
  if (space.kind === "dict") {
    if (typeof value !== "object" || (isList && space.parts[0].name !== "0"))
      throw new RangeError(`dict: expected values by name for "${name}", got numbers`);
    space.flatten(value as DictValues, out, at);
    return;
  }
  const numbers = typeof value === "number" ? [value] : (value as ArrayLike<number>);
  if (!(typeof value === "number" || isList) || !space.contains(numbers))
    throw new RangeError(`dict: expected "${name}" within its space, got ${String(value)}`);
  flattenPart(space, numbers, out, at);
}

/** Writes a value of a space in its flat form. */
export function flattenPart(space: Space, x: ArrayLike<number>, out: Floats, at: number): void {
  if (space.kind !== "discrete" && space.kind !== "multiDiscrete") {
    for (let i = 0; i < space.size; i++) out[at + i] = x[i];
    return;
  }
  const [choices, start] =
    space.kind === "discrete" ? [[space.n], [space.start]] : [space.choices, space.start];
  let first = at;
  for (const [i, n] of choices.entries()) {
    for (let k = 0; k < n; k++) out[first + k] = x[i] - start[i] === k ? 1 : 0;
    first += n;
  }
}

/** Returns whether flat numbers are in the space; choices must be one-hot. */
function containsFlat(space: Space, x: readonly number[]): boolean {
  if (space.kind !== "discrete" && space.kind !== "multiDiscrete") return space.contains(x);
  const choices = space.kind === "discrete" ? [space.n] : space.choices;
  let first = 0;
  return choices.every((n) => {
    const part = x.slice(first, first + n);
    first += n;
    return part.every((v) => v === 0 || v === 1) && part.filter((v) => v === 1).length === 1;
  });
}
