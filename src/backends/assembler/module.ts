/** Functions built from statements, and a module of functions. */
import { address, type Code, flat, section, signed, string, unsigned, vector } from "./encoding.ts";
import {
  AssemblerError,
  Expr,
  emit,
  type F32,
  type I32,
  int,
  makers,
  type Type,
  typeByte,
  type V128,
} from "./expressions.ts";

interface Values {
  i32: I32;
  f32: F32;
  v128: V128;
}
type Params = Readonly<Record<string, Type>>;

const typed =
  <T extends Type>(type: T) =>
  <N extends string>(...names: N[]) =>
    Object.fromEntries(names.map((name) => [name, type])) as Readonly<Record<N, T>>;
/** Declares parameters that are whole numbers or addresses, in this order. */
export const ints = /* @__PURE__ */ typed("i32");
export const floats = /* @__PURE__ */ typed("f32");
type Args<P extends Params> = { readonly [K in keyof P]: Values[P[K]] };

/** A function under construction: locals and statements. */
export class Func {
  private readonly types: Type[] = [];
  private readonly statements: Code[] = [];
  private block = this.statements;
  private readonly params: number;
  private readonly locals = new Map<Expr, number>();
  /** Variables for the constants that a call loads once, before its statements, by the constant's address. */
  private readonly constants = new Map<number, V128>();

  constructor(params: number) {
    this.params = params;
  }

  /** @internal */
  argument(type: Type, index: number): Expr {
    const local: Expr = new makers[type]([0x20, unsigned(index)]);
    this.locals.set(local, index);
    return local;
  }

  /** Declares a local variable of the expression's type that holds its value. */
  let<E extends Expr>(value: E): E {
    const local = this.local(value.type);
    this.set(local, value);
    return local as E;
  }

  private local(type: Type): Expr {
    return this.argument(type, this.params + this.types.push(type) - 1);
  }

  /** @internal Returns the constant at an address, in all four lanes. */
  constant(at: number): V128 {
    const local = this.constants.get(at) ?? (this.local("v128") as V128);
    this.constants.set(at, local);
    return local;
  }

  /** Assigns to a variable or a parameter. */
  set<E extends Expr>(local: E, value: E): void {
    const index = this.locals.get(local);
    if (index === undefined) throw new AssemblerError("set: expected a variable of this function");
    if (local.type !== value.type) {
      throw new AssemblerError(`set: expected ${local.type}, got ${value.type}`);
    }
    this.block.push([value.code, 0x21, unsigned(index)]);
  }

  /** Adds `value` to a variable. */
  step(local: I32, value: I32 | number): void {
    this.set(local, local.add(value));
  }

  /** Writes to memory, `offset` bytes after `at`. */
  store(at: I32, value: I32 | F32 | V128, offset = 0): void {
    const name = `${value.type}.store` as const;
    this.block.push(emit(name, [at, value], address(offset)));
  }

  /** Writes one lane to memory. */
  storeLane(at: I32, value: V128, lane: number, offset = 0): void {
    this.block.push(emit("v128.store32_lane", [at, value], [address(offset), lane]));
  }

  if(condition: I32, then: () => void, otherwise?: () => void): void {
    const yes = this.inside(then);
    const no = otherwise === undefined ? [] : [0x05, this.inside(otherwise)];
    this.block.push([condition.code, 0x04, 0x40, yes, no, 0x0b]);
  }

  /** Emits for (i = start; i < end; i += step), as a loop tested at its bottom and guarded once at its top. */
  for(start: I32 | number, end: I32 | number, step: number, body: (i: I32) => void): void {
    const i = this.let(int(start));
    this.while(i.lt(end), () => {
      body(i);
      this.step(i, step);
    });
  }

  /** Runs the body while the condition holds. */
  while(condition: I32, body: () => void): void {
    this.if(condition, () => {
      const inside = this.inside(body);
      this.block.push([0x03, 0x40, inside, condition.code, 0x0d, 0, 0x0b]);
    });
  }

  private inside(body: () => void): Code {
    const outer = this.block;
    const block: Code[] = [];
    this.block = block;
    body();
    this.block = outer;
    return block;
  }

  /** @internal */
  bytes(result: Expr | undefined): number[] {
    const locals = vector(this.types.map((type) => [1, typeByte[type]]));
    this.block = [];
    for (const [at, local] of this.constants) this.set(local, int(0).spread(at));
    return flat([locals, this.block, this.statements, result?.code ?? [], 0x0b]);
  }
}

interface Entry {
  readonly name: string;
  readonly signature: Code;
  readonly body: readonly number[];
}

/** The address of a module's constants in its memory. */
export const tableStart = 16;
/** The bytes reserved for constants; memory after them belongs to the caller. */
export const tableSize = 2048;

/** A module that imports one memory, "env" "memory". */
export class Module {
  private readonly entries: Entry[] = [];
  private readonly constants: number[] = [];
  private current: Func | null = null;

  /** Adds an exported function. An expression that the body returns is the function's value. */
  func<P extends Params>(name: string, params: P, body: (f: Func, args: Args<P>) => unknown): void {
    const types = Object.values(params);
    const f = new Func(types.length);
    this.current = f;
    const args = Object.fromEntries(
      Object.entries(params).map(([key, type], i) => [key, f.argument(type, i)]),
    );
    try {
      const value = body(f, args as Args<P>);
      const result = value instanceof Expr ? value : undefined;
      const results = result === undefined ? [] : [[typeByte[result.type]]];
      const signature = [0x60, vector(types.map((t) => [typeByte[t]])), vector(results)];
      this.entries.push({ name, signature, body: f.bytes(result) });
    } catch (error) {
      if (!(error instanceof AssemblerError)) throw error;
      throw new AssemblerError(`function ${name}: ${error.message}`);
    }
  }

  /**
   * Returns a float in all four lanes, read once per call from a table in memory. V8 of Node 24 rebuilds a
   * vector constant in the code at each use, which makes tanh and exp twice as slow.
   */
  constant(x: number): V128 {
    return this.bits(new Int32Array(new Float32Array([x]).buffer)[0]);
  }

  /** Returns 32 bits in all four lanes. */
  bits(x: number): V128 {
    let i = this.constants.indexOf(x);
    if (i < 0) i = this.constants.push(x) - 1;
    if (4 * i >= tableSize) throw new AssemblerError(`expected at most ${tableSize / 4} constants`);
    if (this.current === null) throw new AssemblerError("constant: expected a function to use it");
    return this.current.constant(tableStart + 4 * i);
  }

  /** Encodes the module. With `sharedPages` (of 64 KiB, at most), it imports a memory that threads share. */
  bytes(sharedPages: number | null = null): Uint8Array<ArrayBuffer> {
    const { entries } = this;
    const limits = sharedPages === null ? [0, 1] : [3, 1, unsigned(sharedPages)];
    const table = new Uint8Array(Int32Array.from(this.constants).buffer);
    const parts: Code[] = [
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, vector(entries.map(({ signature }) => signature))),
      section(2, vector([[string("env"), string("memory"), 2, limits]])),
      section(3, vector(entries.map((_, i) => unsigned(i)))),
      section(7, vector(entries.map(({ name }, i) => [string(name), 0, unsigned(i)]))),
      section(10, vector(entries.map(({ body }) => [unsigned(body.length), body]))),
    ];
    if (table.length > 0) {
      const data = [0, 0x41, signed(tableStart), 0x0b, unsigned(table.length), [...table]];
      parts.push(section(11, vector([data])));
    }
    return Uint8Array.from(flat(parts));
  }
}
