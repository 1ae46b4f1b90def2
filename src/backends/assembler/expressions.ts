/** Typed expressions: whole numbers, floats, vectors of four. An operand of the wrong type throws. */
import { address, bytesOf, type Code, signed, unsigned } from "./encoding.ts";

/** An error in a module, such as operands of the wrong type; the message names function and instruction. */
export class AssemblerError extends Error {
  override readonly name = "AssemblerError";
}

export type Type = "i32" | "f32" | "v128";
export const typeByte: Readonly<Record<Type, number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };

// name: opcode (after the prefix 0xfd for vectors), operands, result
const instructions = {
  "i32.add": [0x6a, "i32 i32", "i32"],
  "i32.sub": [0x6b, "i32 i32", "i32"],
  "i32.mul": [0x6c, "i32 i32", "i32"],
  "i32.and": [0x71, "i32 i32", "i32"],
  "i32.shl": [0x74, "i32 i32", "i32"],
  "i32.lt_s": [0x48, "i32 i32", "i32"],
  "i32.ge_s": [0x4e, "i32 i32", "i32"],
  "i32.eqz": [0x45, "i32", "i32"],
  "i32.trunc_f32_s": [0xa8, "f32", "i32"],
  "f32.add": [0x92, "f32 f32", "f32"],
  "f32.sub": [0x93, "f32 f32", "f32"],
  "f32.mul": [0x94, "f32 f32", "f32"],
  "f32.div": [0x95, "f32 f32", "f32"],
  "f32.max": [0x97, "f32 f32", "f32"],
  "f32.sqrt": [0x91, "f32", "f32"],
  "f32x4.splat": [0x13, "f32", "v128"],
  "i32x4.splat": [0x11, "i32", "v128"],
  "f32x4.extract_lane": [0x1f, "v128", "f32"],
  "i8x16.shuffle": [0x0d, "v128 v128", "v128"],
  "i32x4.lt_s": [0x39, "v128 v128", "v128"],
  "f32x4.eq": [0x41, "v128 v128", "v128"],
  "f32x4.lt": [0x43, "v128 v128", "v128"],
  "f32x4.gt": [0x44, "v128 v128", "v128"],
  "v128.any_true": [0x53, "v128", "i32"],
  "v128.not": [0x4d, "v128", "v128"],
  "v128.and": [0x4e, "v128 v128", "v128"],
  "v128.andnot": [0x4f, "v128 v128", "v128"],
  "v128.or": [0x50, "v128 v128", "v128"],
  "v128.xor": [0x51, "v128 v128", "v128"],
  "v128.bitselect": [0x52, "v128 v128 v128", "v128"],
  "i32x4.extend_low_i16x8_s": [0xa7, "v128", "v128"],
  "i32x4.extend_high_i16x8_s": [0xa8, "v128", "v128"],
  "i32x4.shl": [0xab, "v128 i32", "v128"],
  "i32x4.shr_s": [0xac, "v128 i32", "v128"],
  "i32x4.shr_u": [0xad, "v128 i32", "v128"],
  "i32x4.add": [0xae, "v128 v128", "v128"],
  "i32x4.sub": [0xb1, "v128 v128", "v128"],
  "i32x4.mul": [0xb5, "v128 v128", "v128"],
  "f32x4.abs": [0xe0, "v128", "v128"],
  "f32x4.neg": [0xe1, "v128", "v128"],
  "f32x4.sqrt": [0xe3, "v128", "v128"],
  "f32x4.add": [0xe4, "v128 v128", "v128"],
  "f32x4.sub": [0xe5, "v128 v128", "v128"],
  "f32x4.mul": [0xe6, "v128 v128", "v128"],
  "f32x4.div": [0xe7, "v128 v128", "v128"],
  "f32x4.min": [0xe8, "v128 v128", "v128"],
  "f32x4.max": [0xe9, "v128 v128", "v128"],
  "f32x4.pmin": [0xea, "v128 v128", "v128"],
  "f32x4.pmax": [0xeb, "v128 v128", "v128"],
  "f32x4.convert_i32x4_s": [0xfa, "v128", "v128"],
  "f32x4.convert_i32x4_u": [0xfb, "v128", "v128"],
  "f32x4.relaxed_madd": [0x105, "v128 v128 v128", "v128"],
  "i32.load": [0x28, "i32", "i32"],
  "f32.load": [0x2a, "i32", "f32"],
  "v128.load": [0x00, "i32", "v128"],
  "v128.load8x8_s": [0x01, "i32", "v128"],
  "v128.load16x4_u": [0x04, "i32", "v128"],
  "v128.load32_splat": [0x09, "i32", "v128"],
  "i32.store": [0x36, "i32 i32", ""],
  "f32.store": [0x38, "i32 f32", ""],
  "v128.store": [0x0b, "i32 v128", ""],
  "v128.store32_lane": [0x5a, "i32 v128", ""],
} as const satisfies Record<string, readonly [number, string, Type | ""]>;
type Instruction = keyof typeof instructions;

/** Operands of an instruction; a number stands for a constant where a whole number or a float is expected. */
type Operand = { i32: I32 | number; f32: F32 | number; v128: V128 };
type Operands<List extends string> = List extends `${infer T extends Type} ${infer Rest}`
  ? [Operand[T], ...Operands<Rest>]
  : List extends Type
    ? [Operand[List]]
    : [];
type Result = { i32: I32; f32: F32; v128: V128; "": never };

/** The method that applies an instruction to its first operand. */
type Method<N extends Instruction> = (typeof instructions)[N] extends readonly [
  number,
  `${Type} ${infer Rest}`,
  infer R extends Type,
]
  ? (...rest: Operands<Rest>) => Result[R]
  : () => Result[(typeof instructions)[N][2]];
type Methods<T extends Readonly<Record<string, Instruction>>> = {
  readonly [K in keyof T]: Method<T[K]>;
};

/** Encodes an instruction and its operands. `immediates` follow the opcode: a lane, an address offset. */
export function emit(
  name: Instruction,
  operands: readonly (Expr | number)[],
  immediates: Code = [],
): Code {
  const [opcode, wanted] = instructions[name];
  const types = wanted.split(" ");
  const given = operands.map((x, i) =>
    typeof x !== "number" ? x : types[i] === "f32" ? float(x) : int(x),
  );
  const got = given.map(({ type }) => type).join(" ");
  if (got !== wanted) throw new AssemblerError(`${name}: expected (${wanted}), got (${got})`);
  const vector = !/^[if]32\./.test(name);
  return [given.map(({ code }) => code), vector ? [0xfd, ...unsigned(opcode)] : opcode, immediates];
}

/** Adds methods of one instruction each to a class. */
function define(
  type: { readonly prototype: object },
  methods: Readonly<Record<string, Instruction>>,
) {
  for (const [method, name] of Object.entries(methods)) {
    const Made = makers[instructions[name][2] as Type];
    const value = function (this: Expr, ...rest: readonly (Expr | number)[]): Expr {
      return new Made(emit(name, [this, ...rest]));
    };
    Object.defineProperty(type.prototype, method, { value });
  }
}

export abstract class Expr {
  abstract readonly type: Type;
  readonly code: Code;
  constructor(code: Code) {
    this.code = code;
  }
}

/** A 32-bit whole number, or an address in bytes. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: `define` adds the methods of one instruction
export class I32 extends Expr {
  readonly type = "i32";
  // ---- loads from memory, `offset` bytes after this address
  int(offset = 0): I32 {
    return new I32(emit("i32.load", [this], address(offset)));
  }
  float(offset = 0): F32 {
    return new F32(emit("f32.load", [this], address(offset)));
  }
  vector(offset = 0): V128 {
    return new V128(emit("v128.load", [this], address(offset)));
  }
  /** Loads eight whole numbers of 8 bits, signed, as eight of 16 bits. */
  bytes(offset = 0): V128 {
    return new V128(emit("v128.load8x8_s", [this], address(offset)));
  }
  /** Loads four whole numbers of 16 bits, without sign, into the four lanes. */
  halves(offset = 0): V128 {
    return new V128(emit("v128.load16x4_u", [this], address(offset)));
  }
  /** Loads one float into all four lanes. */
  spread(offset = 0): V128 {
    return new V128(emit("v128.load32_splat", [this], address(offset)));
  }
}
const intMethods = {
  add: "i32.add",
  sub: "i32.sub",
  mul: "i32.mul",
  and: "i32.and",
  shl: "i32.shl",
  lt: "i32.lt_s",
  ge: "i32.ge_s",
  isZero: "i32.eqz",
  splat: "i32x4.splat",
} as const;
export interface I32 extends Methods<typeof intMethods> {}

// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: `define` adds the methods of one instruction
export class F32 extends Expr {
  readonly type = "f32";
}
const floatMethods = {
  add: "f32.add",
  sub: "f32.sub",
  mul: "f32.mul",
  div: "f32.div",
  max: "f32.max",
  sqrt: "f32.sqrt",
  /** Rounds towards zero; traps on NaN and out of range. */
  toInt: "i32.trunc_f32_s",
  splat: "f32x4.splat",
} as const;
export interface F32 extends Methods<typeof floatMethods> {}

/** Four floats, four whole numbers, or four masks of all ones or all zeros. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: `define` adds the methods of one instruction
export class V128 extends Expr {
  readonly type = "v128";
  /** This where the mask is set, else x. */
  where(mask: V128, x: V128): V128 {
    return new V128(emit("v128.bitselect", [this, x, mask]));
  }
  lane(i: 0 | 1 | 2 | 3): F32 {
    return new F32(emit("f32x4.extract_lane", [this], i));
  }
  /** Four of the eight lanes of this (0–3) and x (4–7). */
  shuffle(x: V128, ...lanes: [number, number, number, number]): V128 {
    const bytes = lanes.flatMap((i) => [4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3]);
    return new V128(emit("i8x16.shuffle", [this, x], bytes));
  }
  sum(): F32 {
    return this.lane(0).add(this.lane(1)).add(this.lane(2)).add(this.lane(3));
  }
  largest(): F32 {
    return this.lane(0).max(this.lane(1)).max(this.lane(2)).max(this.lane(3));
  }
}
const vectorMethods = {
  add: "f32x4.add",
  sub: "f32x4.sub",
  mul: "f32x4.mul",
  div: "f32x4.div",
  min: "f32x4.min",
  max: "f32x4.max",
  /** x < this ? x : this, in one machine instruction; `this` where either is NaN. */
  pmin: "f32x4.pmin",
  /** this < x ? x : this. */
  pmax: "f32x4.pmax",
  abs: "f32x4.abs",
  neg: "f32x4.neg",
  sqrt: "f32x4.sqrt",
  eq: "f32x4.eq",
  lt: "f32x4.lt",
  gt: "f32x4.gt",
  not: "v128.not",
  and: "v128.and",
  /** This where the mask is 0, else 0. */
  except: "v128.andnot",
  or: "v128.or",
  xor: "v128.xor",
  /** 1 where any bit of the four lanes is set, else 0. */
  any: "v128.any_true",
  // ---- as whole numbers
  addInt: "i32x4.add",
  subInt: "i32x4.sub",
  mulInt: "i32x4.mul",
  shl: "i32x4.shl",
  shr: "i32x4.shr_u",
  shrSigned: "i32x4.shr_s",
  toFloat: "f32x4.convert_i32x4_s",
  toFloatUnsigned: "f32x4.convert_i32x4_u",
  ltInt: "i32x4.lt_s",
  /** The first four, or the last four, of eight whole numbers of 16 bits. */
  lowInts: "i32x4.extend_low_i16x8_s",
  highInts: "i32x4.extend_high_i16x8_s",
} as const;
export interface V128 extends Methods<typeof vectorMethods> {}

/** The class of each type's expressions. */
export const makers = { i32: I32, f32: F32, v128: V128 };
define(I32, intMethods);
define(F32, floatMethods);
define(V128, vectorMethods);

/** a·b + c, rounded once where the machine supports it, so bits differ between machines. */
export const relaxedMultiplyAdd = (a: V128, b: V128, c: V128): V128 =>
  new V128(emit("f32x4.relaxed_madd", [a, b, c]));

export const int = (x: I32 | number): I32 =>
  typeof x === "number" ? new I32([0x41, signed(x)]) : x;
export const float = (x: F32 | number): F32 =>
  typeof x === "number" ? new F32([0x43, [...bytesOf(x)]]) : x;
export const zero = (): V128 => new V128([0xfd, 0x0c, Array(16).fill(0)]);
/** 0, 1, 2, 3 as whole numbers. */
export const lanes = (): V128 =>
  new V128([0xfd, 0x0c, [0, 1, 2, 3].flatMap((lane) => [lane, 0, 0, 0])]);
