/** Assembled, run and compared: the encoder, each instruction that kernels use, and what it refuses. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  AssemblerError,
  type F32,
  type Func,
  type I32,
  lanes,
  Module,
  signed,
  unsigned,
  type V128,
  zero,
} from "../../src/backends/assembler.ts";
import { kernelBytes } from "../../src/backends/kernels/index.ts";
import { webAssembly } from "../../src/backends/webassembly.ts";

const wasm = webAssembly() as NonNullable<ReturnType<typeof webAssembly>>;

type Exported = Record<string, (...args: number[]) => number>;

function instance(m: Module) {
  const memory = new wasm.Memory({ initial: 1, maximum: 1, shared: false });
  const made = new wasm.Instance(new wasm.Module(m.bytes()), { env: { memory } });
  return { run: made.exports as unknown as Exported, floats: new Float32Array(memory.buffer) };
}

/** Runs `formula` on two vectors and gives the four lanes back. */
function onLanes(
  formula: (a: V128, b: V128, f: Func, m: Module) => V128,
  a: number[],
  b: number[],
) {
  const m = new Module();
  m.func("go", { at: "i32" }, (f, { at }) => {
    f.store(at, formula(at.vector(), at.vector(16), f, m), 32);
  });
  const { run, floats } = instance(m);
  floats.set(a, 1024);
  floats.set(b, 1028);
  run.go(4096);
  return [...floats.slice(1032, 1036)];
}

describe("LEB128", () => {
  it("reads back what it wrote", () => {
    const decode = (bytes: number[], extend: boolean): number => {
      let value = 0;
      bytes.forEach((byte, i) => {
        value |= (byte & 127) << (7 * i);
      });
      const bits = 7 * bytes.length;
      const negative = extend && bits < 32 && (bytes[bytes.length - 1] & 64) !== 0;
      return negative ? value | (-1 << bits) : value;
    };
    fc.assert(fc.property(fc.integer(), (n) => decode(signed(n), true) === n));
    fc.assert(fc.property(fc.nat(), (n) => decode(unsigned(n), false) === n));
    expect(unsigned(2 ** 32 - 1)).toEqual([255, 255, 255, 255, 15]);
    expect(signed(-64)).toEqual([64]);
    expect(signed(64)).toEqual([192, 0]);
  });
});

describe("instructions", () => {
  const a = [1.5, -2, 0.25, 9];
  const b = [4, 3, -0.5, 2];
  const f32 = Math.fround;
  const two: Record<string, [(x: V128, y: V128) => V128, (x: number, y: number) => number]> = {
    add: [(x, y) => x.add(y), (x, y) => x + y],
    sub: [(x, y) => x.sub(y), (x, y) => x - y],
    mul: [(x, y) => x.mul(y), (x, y) => x * y],
    div: [(x, y) => x.div(y), (x, y) => x / y],
    min: [(x, y) => x.min(y), Math.min],
    max: [(x, y) => x.max(y), Math.max],
    pmin: [(x, y) => x.pmin(y), Math.min],
    pmax: [(x, y) => x.pmax(y), Math.max],
    "where lt": [(x, y) => x.where(x.lt(y), y), Math.min],
    "where gt": [(x, y) => x.where(x.gt(y), y), Math.max],
    "not, and": [(x, y) => x.and(x.eq(y).not()), (x) => x],
    "or, xor": [
      (x, y) => x.or(y).xor(y),
      (x, y) => {
        const bits = new Int32Array(new Float32Array([x, y]).buffer);
        return new Float32Array(Int32Array.of((bits[0] | bits[1]) ^ bits[1]).buffer)[0];
      },
    ],
    "abs, neg": [(x) => x.abs().neg(), (x) => -Math.abs(x)],
    sqrt: [(x) => x.abs().sqrt(), (x) => Math.sqrt(Math.abs(x))],
  };
  for (const [name, [formula, meaning]] of Object.entries(two)) {
    it(name, () => {
      expect(onLanes(formula, a, b)).toEqual(a.map((x, i) => f32(meaning(f32(x), f32(b[i])))));
    });
  }
  it("whole numbers in lanes", () => {
    const formula = (_: V128, __: V128, f: Func, m: Module): V128 => {
      const n = f.let(lanes().shl(4).addInt(m.bits(-8))); // −8, 8, 24, 40
      return n.shrSigned(2).subInt(lanes()).toFloat().add(n.shr(28).toFloatUnsigned());
    };
    expect(onLanes(formula, a, b)).toEqual([-2 + 15, 2 - 1, 6 - 2, 10 - 3]);
    const less = (_: V128, __: V128, f: Func): V128 =>
      lanes()
        .toFloat()
        .and(lanes().ltInt(f.let(lanes().addInt(lanes()).subInt(lanes())).addInt(lanes())));
    expect(onLanes(less, a, b)).toEqual([0, 1, 2, 3]);
  });
  it("lanes: shuffle, sum, largest, splat", () => {
    expect(onLanes((x, y) => x.shuffle(y, 0, 4, 3, 7), a, b)).toEqual([1.5, 4, 9, 2]);
    expect(onLanes((x) => x.sum().splat(), a, b)).toEqual([8.75, 8.75, 8.75, 8.75]);
    expect(onLanes((x) => x.largest().splat(), a, b)).toEqual([9, 9, 9, 9]);
  });
  it("constants come from a table that every instance brings along", () => {
    expect(onLanes((x, _, __, m) => x.mul(m.constant(2)).add(m.constant(Math.PI)), a, b)).toEqual(
      a.map((x) => f32(x * 2 + f32(Math.PI))),
    );
  });
  it("scalars, loops and branches", () => {
    const m = new Module();
    m.func("triangle", { n: "i32" }, (f, { n }) => {
      const total = f.let(n.sub(n));
      f.for(0, n.add(1), 1, (i) => f.step(total, i));
      return total;
    });
    m.func("sign", { x: "i32" }, (f, { x }) => {
      const y = f.let(x.mul(0));
      f.if(
        x.lt(0),
        () => f.set(y, y.sub(1)),
        () => f.if(x.isZero().isZero(), () => f.set(y, y.add(1))),
      );
      return y;
    });
    m.func("float", { x: "f32", y: "f32" }, (_, { x, y }) =>
      x.add(y).mul(x.sub(y)).div(2).max(y).sqrt(),
    );
    m.func("toInt", { x: "f32" }, (_, { x }) => x.toInt());
    m.func("bits", { x: "i32" }, (_, { x }) => x.and(12).shl(1).add(x.ge(3)));
    const { run } = instance(m);
    expect([0, 1, 5, 100].map((n) => run.triangle(n))).toEqual([0, 1, 15, 5050]);
    expect([-7, 0, 9].map((x) => run.sign(x))).toEqual([-1, 0, 1]);
    expect(run.float(3, 1)).toBe(2);
    expect(run.toInt(-3.7)).toBe(-3);
    expect(run.bits(15)).toBe(25);
  });
  it("memory: offsets, lanes, spread", () => {
    const m = new Module();
    m.func("go", { at: "i32" }, (f, { at }) => {
      const v = f.let(at.spread(4));
      f.storeLane(at, v.add(at.vector()), 2, 200);
      f.store(at, at.float(8), 204);
      f.store(at, at.int(12), 208);
    });
    const { run, floats } = instance(m);
    floats.set([1, 2, 3, 4], 1024);
    run.go(4096);
    expect([...floats.slice(1024 + 50, 1024 + 53)]).toEqual([5, 3, 4]);
  });
});

describe("refusals name the function and the instruction", () => {
  const build = (body: (f: Func, x: I32, v: V128) => unknown) => () =>
    new Module().func("bad", { x: "i32" }, (f, { x }) => {
      body(f, x, f.let(zero()));
    });
  it("operands of the wrong type", () => {
    const wrong = build((_, x, v) => v.add(x as unknown as V128));
    expect(wrong).toThrow(AssemblerError);
    expect(wrong).toThrow("function bad: f32x4.add: expected (v128 v128), got (v128 i32)");
  });
  it("a variable of another type, or of another function", () => {
    expect(build((f, x) => f.set(x as unknown as F32, f.let(x).splat() as unknown as F32))).toThrow(
      "function bad: set: expected i32, got v128",
    );
    let foreign: I32 | undefined;
    new Module().func("other", { x: "i32" }, (_, { x }) => {
      foreign = x;
    });
    expect(build((f, x) => f.set(foreign as I32, x))).toThrow(
      "expected a variable of this function",
    );
  });
});

it("the kernels validate, and are the same bytes each time", () => {
  const bytes = kernelBytes();
  expect(wasm.validate(bytes)).toBe(true);
  expect(kernelBytes()).toEqual(bytes);
  expect(wasm.validate(kernelBytes({ sharedPages: 4 }))).toBe(true);
});
