/**
 * A differentiable operation, written with names. An op names its inputs and numbers; a tape binds the names to
 * buffers once, when it records a slot, and passes the same object to every run.
 *
 *   const tanhOp: Op<"x"> = {
 *     name: "tanh",
 *     inputs: ["x"],
 *     forward({ y, x }) { … },          // y, x: the numbers of output and input
 *     backward({ dy, y, dx }) { … },    // dy, dx: ∂loss/∂y and ∂loss/∂x
 *   };
 */
import type { Backend, Floats } from "./backend.ts";
import type { Shape, Tensor } from "./tensor.ts";

/** The types of an op besides its inputs: names of numbers, settings, results of `plan` and `bind`. */
export interface Has {
  readonly numbers?: string;
  readonly set?: unknown;
  readonly plan?: unknown;
  readonly bound?: unknown;
}
type NumbersOf<H> = H extends { readonly numbers: infer N extends string } ? N : never;
type TypeOf<H, K extends string> = H extends { readonly [key in K]: infer T } ? T : undefined;

/** An input named "mask?" may be left out, as `NONE`; the op then sees null. */
type Needed<I extends string> = I extends `${string}?` ? never : I;
type Optional<I extends string> = I extends `${infer N}?` ? N : never;

/** An op's view of a call, from which a slot is recorded: the shape of each input, each number, the settings. */
export type Call<I extends string = never, H extends Has = object> = {
  readonly [key in Needed<I>]: Shape;
} & { readonly [key in Optional<I>]: Shape | null } & { readonly [key in NumbersOf<H>]: number } & {
  readonly set: TypeOf<H, "set">;
  /** The inputs given as a list. */
  readonly list: readonly Tensor[];
};

/** Forward's view of a slot: the output y, each input x with its gradient dx (null if it has none), each number. */
export type Run<I extends string = never, H extends Has = object> = {
  readonly [key in Needed<I>]: Floats;
} & { readonly [key in Optional<I>]: Floats | null } & {
  readonly [key in Needed<I> | Optional<I> as `d${key}`]: Floats | null;
} & { readonly [key in NumbersOf<H>]: number } & {
  readonly y: Floats;
  readonly dy: Floats | null;
  /** Numbers that forward saves for backward. */
  readonly saved: Floats;
  readonly set: TypeOf<H, "set">;
  readonly plan: TypeOf<H, "plan">;
  readonly bound: TypeOf<H, "bound">;
  readonly list: readonly Tensor[];
  readonly backend: Backend;
};
/** Backward's view of a slot. */
export type GradRun<I extends string = never, H extends Has = object> = Run<I, H> & {
  readonly dy: Floats;
};

export interface Op<I extends string = never, H extends Has = object> {
  readonly name: string;
  /** The names of the inputs, in the order of `apply`. They may not be names of `Run`; "mask?" may be left out. */
  readonly inputs: readonly I[];
  /** The names of up to two numbers. */
  readonly numbers?: readonly NumbersOf<H>[];
  /** Returns the output's shape; by default the first input's. Called, like `saves` and `plan`, at recording only. */
  shape?(call: Call<I, H>): Shape;
  /** Returns how many numbers forward saves for backward. */
  saves?(call: Call<I, H>, shape: Shape): number;
  /** Returns what forward and backward need beyond numbers: sizes, index maps. */
  plan?(call: Call<I, H>, shape: Shape): TypeOf<H, "plan">;
  /** Returns views of buffers, such as matrices, that forward and backward use; called last at recording. */
  bind?(run: Run<I, H>): TypeOf<H, "bound">;
  /** Returns the element of the first input's buffer at which the output begins: the output is a view of it. */
  view?(call: Call<I, H>): number;
  /** Writes y. */
  forward?(run: Run<I, H>): void;
  /** Adds ∂loss/∂x to dx of each input x that has one. Without it, no gradient passes. */
  backward?(run: GradRun<I, H>): void;
  /** Names the first of the ops that this one runs which is not finite, as `firstNotFinite` does. */
  notFiniteInside?(run: Run<I, H>): string | null;
}

/** An op with any names; only the op itself knows the types of its calls and runs. */
export interface AnyOp {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly numbers?: readonly string[];
  shape?(call: never): Shape;
  saves?(call: never, shape: Shape): number;
  plan?(call: never, shape: Shape): unknown;
  bind?(run: never): unknown;
  view?(call: never): number;
  forward?(run: never): void;
  backward?(run: never): void;
  notFiniteInside?(run: never): string | null;
}

/** The run of an op: `RunOf<typeof linearOp>`. */
export type RunOf<O extends AnyOp> = Parameters<NonNullable<O["forward"]>>[0];
