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
  "i32x4.shl": [0xab, "v128 i32", "v128"],
  "i32x4.shr_s": [0xac, "v128 i32", "v128"],
  "i32x4.shr_u": [0xad, "v128 i32", "v128"],
  "i32x4.add": [0xae, "v128 v128", "v128"],
  "i32x4.sub": [0xb1, "v128 v128", "v128"],
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
  "v128.load32_splat": [0x09, "i32", "v128"],
  "i32.store": [0x36, "i32 i32", ""],
  "f32.store": [0x38, "i32 f32", ""],
  "v128.store": [0x0b, "i32 v128", ""],
  "v128.store32_lane": [0x5a, "i32 v128", ""],
} as const satisfies Record<string, readonly [number, string, Type | ""]>;
type Instruction = keyof typeof instructions;

/** Encodes an instruction and its operands. `immediates` follow the opcode: a lane, an address offset. */
export function emit(name: Instruction, operands: readonly Expr[], immediates: Code = []): Code {
  const [opcode, wanted] = instructions[name];
  const got = operands.map(({ type }) => type).join(" ");
  if (got !== wanted) throw new AssemblerError(`${name}: expected (${wanted}), got (${got})`);
  const vector = !/^[if]32\./.test(name);
  return [
    operands.map(({ code }) => code),
    vector ? [0xfd, ...unsigned(opcode)] : opcode,
    immediates,
  ];
}

export abstract class Expr {
  abstract readonly type: Type;
  readonly code: Code;
  constructor(code: Code) {
    this.code = code;
  }
}

/** A 32-bit whole number, or an address in bytes. */
export class I32 extends Expr {
  readonly type = "i32";
  add(x: I32 | number): I32 {
    return new I32(emit("i32.add", [this, int(x)]));
  }
  sub(x: I32 | number): I32 {
    return new I32(emit("i32.sub", [this, int(x)]));
  }
  mul(x: I32 | number): I32 {
    return new I32(emit("i32.mul", [this, int(x)]));
  }
  and(x: I32 | number): I32 {
    return new I32(emit("i32.and", [this, int(x)]));
  }
  shl(x: I32 | number): I32 {
    return new I32(emit("i32.shl", [this, int(x)]));
  }
  lt(x: I32 | number): I32 {
    return new I32(emit("i32.lt_s", [this, int(x)]));
  }
  ge(x: I32 | number): I32 {
    return new I32(emit("i32.ge_s", [this, int(x)]));
  }
  isZero(): I32 {
    return new I32(emit("i32.eqz", [this]));
  }
  splat(): V128 {
    return new V128(emit("i32x4.splat", [this]));
  }
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
  /** Loads one float into all four lanes. */
  spread(offset = 0): V128 {
    return new V128(emit("v128.load32_splat", [this], address(offset)));
  }
}

export class F32 extends Expr {
  readonly type = "f32";
  add(x: F32 | number): F32 {
    return new F32(emit("f32.add", [this, float(x)]));
  }
  sub(x: F32 | number): F32 {
    return new F32(emit("f32.sub", [this, float(x)]));
  }
  mul(x: F32 | number): F32 {
    return new F32(emit("f32.mul", [this, float(x)]));
  }
  div(x: F32 | number): F32 {
    return new F32(emit("f32.div", [this, float(x)]));
  }
  max(x: F32 | number): F32 {
    return new F32(emit("f32.max", [this, float(x)]));
  }
  sqrt(): F32 {
    return new F32(emit("f32.sqrt", [this]));
  }
  /** Rounds towards zero; traps on NaN and out of range. */
  toInt(): I32 {
    return new I32(emit("i32.trunc_f32_s", [this]));
  }
  splat(): V128 {
    return new V128(emit("f32x4.splat", [this]));
  }
}

/** Four floats, four whole numbers, or four masks of all ones or all zeros. */
export class V128 extends Expr {
  readonly type = "v128";
  add(x: V128): V128 {
    return new V128(emit("f32x4.add", [this, x]));
  }
  sub(x: V128): V128 {
    return new V128(emit("f32x4.sub", [this, x]));
  }
  mul(x: V128): V128 {
    return new V128(emit("f32x4.mul", [this, x]));
  }
  div(x: V128): V128 {
    return new V128(emit("f32x4.div", [this, x]));
  }
  min(x: V128): V128 {
    return new V128(emit("f32x4.min", [this, x]));
  }
  max(x: V128): V128 {
    return new V128(emit("f32x4.max", [this, x]));
  }
  /** x < this ? x : this, in one machine instruction; `this` where either is NaN. */
  pmin(x: V128): V128 {
    return new V128(emit("f32x4.pmin", [this, x]));
  }
  /** this < x ? x : this. */
  pmax(x: V128): V128 {
    return new V128(emit("f32x4.pmax", [this, x]));
  }
  abs(): V128 {
    return new V128(emit("f32x4.abs", [this]));
  }
  neg(): V128 {
    return new V128(emit("f32x4.neg", [this]));
  }
  sqrt(): V128 {
    return new V128(emit("f32x4.sqrt", [this]));
  }
  eq(x: V128): V128 {
    return new V128(emit("f32x4.eq", [this, x]));
  }
  lt(x: V128): V128 {
    return new V128(emit("f32x4.lt", [this, x]));
  }
  gt(x: V128): V128 {
    return new V128(emit("f32x4.gt", [this, x]));
  }
  not(): V128 {
    return new V128(emit("v128.not", [this]));
  }
  and(x: V128): V128 {
    return new V128(emit("v128.and", [this, x]));
  }
  /** This where the mask is 0, else 0. */
  except(mask: V128): V128 {
    return new V128(emit("v128.andnot", [this, mask]));
  }
  or(x: V128): V128 {
    return new V128(emit("v128.or", [this, x]));
  }
  xor(x: V128): V128 {
    return new V128(emit("v128.xor", [this, x]));
  }
  /** This where the mask is set, else x. */
  where(mask: V128, x: V128): V128 {
    return new V128(emit("v128.bitselect", [this, x, mask]));
  }
  /** 1 where any bit of the four lanes is set, else 0. */
  any(): I32 {
    return new I32(emit("v128.any_true", [this]));
  }
  // ---- as whole numbers
  addInt(x: V128): V128 {
    return new V128(emit("i32x4.add", [this, x]));
  }
  subInt(x: V128): V128 {
    return new V128(emit("i32x4.sub", [this, x]));
  }
  shl(bits: number): V128 {
    return new V128(emit("i32x4.shl", [this, int(bits)]));
  }
  shr(bits: number): V128 {
    return new V128(emit("i32x4.shr_u", [this, int(bits)]));
  }
  shrSigned(bits: number): V128 {
    return new V128(emit("i32x4.shr_s", [this, int(bits)]));
  }
  toFloat(): V128 {
    return new V128(emit("f32x4.convert_i32x4_s", [this]));
  }
  toFloatUnsigned(): V128 {
    return new V128(emit("f32x4.convert_i32x4_u", [this]));
  }
  ltInt(x: V128): V128 {
    return new V128(emit("i32x4.lt_s", [this, x]));
  }
  // ---- lanes
  lane(i: 0 | 1 | 2 | 3): F32 {
    return new F32(emit("f32x4.extract_lane", [this], i));
  }
  /** Four of the eight lanes of this (0–3) and x (4–7). */
  shuffle(x: V128, ...lanes: [number, number, number, number]): V128 {
    return new V128(
      emit(
        "i8x16.shuffle",
        [this, x],
        lanes.flatMap((i) => [4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3]),
      ),
    );
  }
  sum(): F32 {
    return this.lane(0).add(this.lane(1)).add(this.lane(2)).add(this.lane(3));
  }
  largest(): F32 {
    return this.lane(0).max(this.lane(1)).max(this.lane(2)).max(this.lane(3));
  }
}

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
