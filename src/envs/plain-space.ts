/** Spaces as plain data with Gymnasium's names, and the reading of values into the flat numbers that a policy sees. */
import type { Floats } from "../core/backend.ts";
import { NumericError, SettingError, ShapeError } from "../core/errors.ts";
import { type Shape, show, sizeOf } from "../core/tensor.ts";
import {
  type Box,
  box,
  dict,
  discrete,
  flatSize,
  flattenPart,
  image,
  multiBinary,
  multiDiscrete,
  type Pixels,
  type Space,
  tuple,
} from "./space.ts";

/** Numbers or nested lists of them; null is an open bound. */
type Bounds = number | null | ArrayLike<number> | readonly Bounds[];

/** A space as plain data; `type` is Gymnasium's name of it, case-insensitive. `names` are for display. */
export interface PlainSpace {
  /** Box, Discrete, MultiDiscrete, MultiBinary, Dict or Tuple. */
  readonly type: string;
  /** Box: the bounds, one for all or one per element. */
  readonly low?: Bounds;
  readonly high?: Bounds;
  readonly shape?: Shape;
  /** Box: "uint8" with bounds 0 and 255 and two or three dimensions is an image. */
  readonly dtype?: string;
  /** Image: whether its channels are the first or the last dimension. Default "last". */
  readonly channels?: "first" | "last";
  /** Discrete, MultiBinary: the number of choices or bits. */
  readonly n?: number | readonly number[];
  /** Discrete, MultiDiscrete: the number of the first option; of several choices one for all, or one per choice. */
  readonly start?: number | ArrayLike<number>;
  /** MultiDiscrete: the number of options of each choice. */
  readonly nvec?: ArrayLike<number>;
  /** Dict, Tuple: the parts. */
  readonly spaces?: Readonly<Record<string, Space | PlainSpace>> | readonly (Space | PlainSpace)[];
  /** One name per number of a Box, per bit or per choice. */
  readonly names?: readonly string[];
}

const types = "Box, Discrete, MultiDiscrete, MultiBinary, Dict or Tuple";

/** Returns the space that `given` describes. Throws SettingError, with `where`, for an invalid description. */
export function spaceOf(given: Space | PlainSpace, where: string): Space {
  if (typeof given !== "object" || given === null)
    throw new SettingError(`${where}: expected a space, got ${kindOf(given)}`);
  if ("kind" in given && "contains" in given) return given;
  const plain = given as PlainSpace;
  const make = makers[String(plain.type).toLowerCase()];
  if (make === undefined || !Object.hasOwn(makers, String(plain.type).toLowerCase()))
    throw new SettingError(`${where}: expected a space of type ${types}, got ${plain.type}`);
  try {
    return make(plain, where);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof ShapeError)) throw error;
    throw new SettingError(`${where}: ${error.message}`);
  }
}

const makers: Readonly<Record<string, (plain: PlainSpace, where: string) => Space>> = {
  box: boxOf,
  discrete({ n, start = 0, names }, where) {
    checkSize(Number(n), where);
    if (names !== undefined && n !== undefined && names.length !== n)
      throw new RangeError(`discrete: expected ${n} names, got ${names.length}`);
    return discrete(names ?? Number(n), Number(start));
  },
  multidiscrete({ nvec, start = 0, names }, where) {
    const choices = flat(nvec ?? []);
    checkSize(
      choices.reduce((sum, n) => sum + n, 0),
      where,
    );
    const starts = typeof start === "object" ? flat(start) : choices.map(() => Number(start));
    if (names === undefined) return multiDiscrete(choices, starts);
    const total = choices.reduce((sum, n) => sum + n, 0);
    if (names.length !== total)
      throw new RangeError(`multiDiscrete: expected ${total} names, got ${names.length}`);
    let end = 0;
    return multiDiscrete(
      choices.map((n) => {
        end += n;
        return names.slice(end - n, end);
      }),
      starts,
    );
  },
  multibinary({ n, names }, where) {
    const size = typeof n === "number" ? n : sizeOf(n ?? []);
    checkSize(size, where);
    if (names !== undefined && n !== undefined && names.length !== size)
      throw new RangeError(`multiBinary: expected ${size} names, got ${names.length}`);
    return multiBinary(names ?? size);
  },
  dict({ spaces = {} }, where) {
    if (typeof spaces !== "object" || spaces === null)
      throw new RangeError(`dict: expected spaces by name, got ${kindOf(spaces)}`);
    const parts = Object.entries(spaces).map(([name, s]) => [name, spaceOf(s, `${where}.${name}`)]);
    return dict(Object.fromEntries(parts));
  },
  tuple({ spaces = [] }, where) {
    if (!Array.isArray(spaces)) throw new RangeError("tuple: expected a list of spaces");
    return tuple(spaces.map((s, i) => spaceOf(s, `${where}[${i}]`)));
  },
};

/** The most numbers or choices of a space: what is made of it takes several arrays of that length. */
const mostNumbers = 2 ** 24;
function checkSize(size: number, where: string): void {
  if (size > mostNumbers)
    throw new SettingError(
      `${where}: expected at most ${mostNumbers} numbers or choices, got ${size}`,
    );
}

function boxOf(plain: PlainSpace, where: string): Box {
  const { low = null, high = null, dtype, channels, names } = plain;
  const lists = [low, high].find((x) => isList(x) && !isNested(x)) as ArrayLike<number> | undefined;
  const shape = plain.shape ?? [names?.length ?? lists?.length ?? 1];
  if (!Array.isArray(shape))
    throw new SettingError(`${where}: expected shape as a list of sizes, got ${kindOf(shape)}`);
  checkSize(sizeOf(shape), where);
  const bound = (b: Bounds, open: number): number | ArrayLike<number> => {
    if (b === null || typeof b === "number") return b ?? open;
    return Array.from(
      numbersOf(b, shape, () => `${where} bounds`),
      (x) => x ?? open,
    );
  };
  const [lows, highs] = [bound(low, -Infinity), bound(high, Infinity)];
  const isBytes = dtype === "uint8" || channels !== undefined;
  if (!isBytes || shape.length < 2 || shape.length > 3)
    return box({ low: lows, high: highs, shape, names: names ?? null });
  const [a, b, c = 1] = shape;
  if (channels === undefined && a <= 4 && c > 4)
    throw new SettingError(
      `${where}: expected an image [height, width, channels], got ${show(shape)}; say channels: "first" or "last"`,
    );
  return channels === "first" && shape.length === 3 ? image(b, c, a, "first") : image(a, b, c);
}

/** Returns the space that a policy sees: choices become one-hot numbers. */
export function seenSpace(space: Space): Space {
  if (space.kind !== "discrete" && space.kind !== "multiDiscrete") return space;
  const start = space.kind === "discrete" ? space.start : 0;
  const size = flatSize(space);
  const numbers = Array.from({ length: size }, (_, i) => String(start + i));
  return box({ low: 0, high: 1, shape: [size], names: space.names ?? numbers });
}

/** Returns the beginning of a message; called only for errors. */
export type Where = () => string;

/**
 * Writes a value of `space` as flat numbers to out[at …]: an environment's number, list, nested list, or values by
 * name. Throws ShapeError for another length or form, NumericError for a number outside the space.
 */
export function readValue(
  space: Space,
  value: unknown,
  out: Floats,
  at: number,
  where: Where,
): void {
  if (space.kind === "dict") {
    const names = space.parts.map(({ name }) => name);
    const isObject = typeof value === "object" && value !== null;
    const got = isObject ? Object.keys(value) : [];
    const wrong = names.find((n) => !got.includes(n)) ?? got.find((n) => !names.includes(n));
    if (!isObject || wrong !== undefined)
      throw new ShapeError(
        `${where()}: expected values of ${names.join(", ")}, got ${isObject ? got.join(", ") || "none" : kindOf(value)}`,
      );
    for (const part of space.parts) {
      const x = (value as Readonly<Record<string, unknown>>)[part.name];
      readValue(part.space, x, out, at + part.at, () => `${where()}.${part.name}`);
    }
    return;
  }
  const pixels = space.kind === "box" ? space.pixels : undefined;
  if (pixels !== undefined) {
    readPixels(pixels, value, out, at, where);
    return;
  }
  const numbers = numbersOf(value, space.shape, where);
  for (let i = 0; i < space.size; i++) {
    const [low, high] = boundsOf(space, i);
    const x = numbers[i];
    const inside = (x >= low || x >= Math.fround(low)) && (x <= high || x <= Math.fround(high));
    const fits = space.kind === "box" ? isFloat32(x) : Number.isInteger(x);
    if (inside && fits) continue;
    const label = space.kind === "box" && space.names !== null ? ` (${space.names[i]})` : "";
    const kind = space.kind === "box" ? "a finite number" : "a whole number";
    throw new NumericError(
      `${where()}${space.size > 1 ? `[${i}]` : ""}${label}: expected ${kind} from ${low} to ${high}, got ${numberKind(x)}`,
    );
  }
  flattenPart(space, numbers, out, at);
}

function boundsOf(space: Exclude<Space, { kind: "dict" }>, i: number): readonly [number, number] {
  if (space.kind === "box") return [space.low[i], space.high[i]];
  if (space.kind === "discrete") return [space.start, space.start + space.n - 1];
  if (space.kind === "multiBinary") return [0, 1];
  return [space.start[i], space.start[i] + space.choices[i] - 1];
}

/** Writes pixels of 0 to 255 as numbers from 0 to 1, [channels, height, width]. */
function readPixels(
  { height, width, channels, order }: Pixels,
  value: unknown,
  out: Floats,
  at: number,
  where: Where,
): void {
  const flat = isList(value) && isList(value[0]) && !isList(value[0][0]); // one channel, [height, width]
  const last = flat && channels === 1 ? [height, width] : [height, width, channels];
  const shape = order === "first" ? [channels, height, width] : last;
  const numbers = numbersOf(value, shape, where);
  const area = height * width;
  for (let i = 0; i < numbers.length; i++) {
    const x = numbers[i];
    if (!(x >= 0 && x <= 255))
      throw new NumericError(`${where()}[${i}]: expected a pixel from 0 to 255, got ${kindOf(x)}`);
    const place = order === "first" ? i : (i % channels) * area + Math.floor(i / channels);
    out[at + place] = x / 255;
  }
}

/** Returns the numbers of a number, a list, or lists nested like `shape`; booleans count as 0 and 1. */
function numbersOf(value: unknown, shape: Shape, where: Where): ArrayLike<number> {
  const size = sizeOf(shape);
  if (typeof value === "number" && size === 1) return [value];
  if (typeof value === "boolean" && size === 1) return [Number(value)];
  if (isList(value) && !isNested(value) && value.length === size)
    return ArrayBuffer.isView(value)
      ? (value as unknown as ArrayLike<number>)
      : Array.from(value, (x) => (typeof x === "boolean" ? Number(x) : (x as number)));
  if (isList(value) && isNested(value) && shape.length > 1 && value.length === shape[0])
    return Array.from(value, (row, i) =>
      Array.from(numbersOf(row, shape.slice(1), () => `${where()}[${i}]`)),
    ).flat();
  const of = shape.length > 1 ? ` of shape ${show(shape)}` : "";
  throw new ShapeError(
    `${where()}: expected ${size} number${size === 1 ? "" : "s"}${of}, got ${kindOf(value)}`,
  );
}

export const isList = (x: unknown): x is ArrayLike<unknown> =>
  Array.isArray(x) || (ArrayBuffer.isView(x) && "length" in x);
const flat = (x: ArrayLike<unknown>): number[] =>
  (Array.from(x) as number[]).flatMap((one) => (isList(one) ? flat(one) : one));
const isNested = (x: ArrayLike<unknown>): boolean => isList(x[0]);

/** Describes a value in a few words, for messages. */
export function kindOf(x: unknown): string {
  if (isList(x)) return isNested(x) ? `a list of ${x.length} lists` : `a list of ${x.length}`;
  if (typeof x === "object" && x !== null)
    return `an object of ${Object.keys(x).join(", ") || "nothing"}`;
  return typeof x === "string"
    ? JSON.stringify(x.slice(0, 40))
    : typeof x === "function"
      ? "a function"
      : String(x);
}

/** Returns whether float32 holds it as a finite number. */
export const isFloat32 = (x: unknown): x is number =>
  Number.isFinite(x) && Number.isFinite(Math.fround(x as number));

/** Describes a value that should have been such a number. */
export const numberKind = (x: unknown): string =>
  kindOf(x) + (Number.isFinite(x) && !isFloat32(x) ? ", more than float32 holds" : "");
