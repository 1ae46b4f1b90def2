/** A slot of a tape: one op's output with all that its forward and backward need, made once and run many times. */
import type { Backend, Compiled, Floats } from "./backend.ts";
import { UsageError } from "./errors.ts";
import type { AnyOp } from "./op.ts";
import { NONE, sizeOf, type Tensor } from "./tensor.ts";

/** What `apply` was called with. The op names these: a, b, c and `rest` by `inputs`, p and q by `numbers`. */
export interface Positions {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly c: Tensor;
  readonly p: number;
  readonly q: number;
  readonly settings: unknown;
  readonly rest: readonly Tensor[];
}

/** The tape that a slot belongs to. */
export interface SlotOwner {
  /** Returns whether `tensor` was made in the tape's last run. */
  holds(tensor: Tensor): boolean;
}

export interface Slot extends Tensor, Positions {
  readonly op: AnyOp;
  readonly tape: SlotOwner;
  /** Position on the tape. */
  readonly index: number;
  readonly saved: Floats;
  /** What forward and backward see: names bound to buffers. */
  readonly run: never;
  /** What runs: the op's own loops, or the backend's kernels. */
  readonly code: Compiled;
}

/** What an op sees of an input that was left out. */
const ABSENT = { shape: null, data: null, grad: null };

/** All inputs of a call, in the order in which ops name them. */
export const inputsOf = ({ a, b, c, rest }: Positions): readonly Tensor[] => [a, b, c, ...rest];

/** Makes a slot. If it throws, for example out of memory, the buffers it allocated are freed. */
export function record(
  tape: SlotOwner,
  k: Backend,
  index: number,
  op: AnyOp,
  called: Positions,
  grads: boolean,
): Slot {
  const allocated: Floats[] = [];
  const alloc = (size: number): Floats => {
    const buffer = k.alloc(size);
    allocated.push(buffer);
    return buffer;
  };
  try {
    return { op, tape, index, backend: k, ...called, ...bind(op, called, k, grads, alloc) };
  } catch (error) {
    for (const buffer of allocated) k.free(buffer);
    throw error;
  }
}

/** Allocates a slot's buffers, and binds the op's names to them. */
function bind(
  op: AnyOp,
  called: Positions,
  k: Backend,
  grads: boolean,
  alloc: (size: number) => Floats,
) {
  const { a, p, q, settings: set } = called;
  if (Number.isNaN(p) || Number.isNaN(q)) {
    throw new RangeError(`${op.name}: expected a number as argument, got NaN`);
  }
  const tensors = inputsOf(called);
  const list = tensors.slice(Math.max(3, op.inputs.length));
  const numbers = op.numbers?.map((name, i) => ({ [name]: i === 0 ? p : q })) ?? [];
  const named = (values: object, each: (name: string, input: Tensor | typeof ABSENT) => object) =>
    Object.assign(
      values,
      ...op.inputs.map((name, i) => {
        const tensor = tensors[i] ?? NONE;
        const leftOut = tensor === NONE && name.endsWith("?");
        return each(name.replace("?", ""), leftOut ? ABSENT : tensor);
      }),
      ...numbers,
    ) as never;

  const call = named({ set, list }, (x, { shape }) => ({ [x]: shape }));
  const shape = op.shape?.(call) ?? a.shape;
  const size = sizeOf(shape);
  const saves = op.saves?.(call, shape) ?? 0;
  const plan = op.plan?.(call, shape);
  const wantsGrad = grads && op.backward !== undefined && tensors.some((x) => x.grad !== null);
  if (op.view !== undefined) {
    const start = op.view(call);
    const cut = (buffer: Floats): Floats => buffer.subarray(start, start + size);
    const grad = wantsGrad && a.grad !== null ? cut(a.grad) : null;
    return { shape, data: cut(a.data), grad, saved: NONE.data, run: call, code: {} };
  }
  const saved = saves > 0 ? alloc(saves) : NONE.data;
  const dy = wantsGrad ? alloc(size) : null;
  const y = alloc(size);
  const own = { y, dy, saved, plan, set, list, backend: k, matrices: undefined as unknown };
  const run = named(own, (x, { data, grad }) => ({ [x]: data, [`d${x}`]: grad }));
  own.matrices = op.matrices?.(run);
  return { shape, data: y, grad: dy, saved, run, code: k.compile?.(op, run) ?? op };
}

/** Throws UsageError for an input that a tape cannot read: of another backend, another tape, or an earlier run. */
export function admit(tape: SlotOwner, k: Backend, op: AnyOp, tensor: Tensor): void {
  if (tensor === NONE) return;
  if (tensor.backend !== k) {
    const names = `${tensor.backend?.name ?? "none"}, the tape's is ${k.name}`;
    throw new UsageError(`${op.name}: an input is of another backend: ${names}`);
  }
  if (!("tape" in tensor)) return;
  if (tensor.tape !== tape) {
    throw new UsageError(`${op.name}: an input is of another tape; copy its data into an input`);
  }
  if (!tape.holds(tensor)) {
    throw new UsageError(
      `${op.name}: expected tensors made in this run, got one of an earlier run; copy its data into an input()`,
    );
  }
}
