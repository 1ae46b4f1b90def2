/** A slot of a tape: one op's output and all that its forward and backward need, recorded once and run many times. */
import type { Backend, Compiled, Floats } from "./backend.ts";
import { UsageError } from "./errors.ts";
import type { AnyOp, RunOf } from "./op.ts";
import { NONE, sizeOf, type Tensor } from "./tensor.ts";

/** The arguments of `apply`. The op names these: a, b, c and `list` by `inputs`, p and q by `numbers`. */
export interface Positions {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly c: Tensor;
  readonly p: number;
  readonly q: number;
  readonly set: unknown;
  readonly list: readonly Tensor[];
}

/** The tape that a slot belongs to. */
export interface SlotOwner {
  /** Returns whether `tensor` was made in the tape's last run. */
  holds(tensor: Tensor): boolean;
}

export interface Slot extends Tensor {
  readonly op: AnyOp;
  readonly called: Positions;
  readonly tape: SlotOwner;
  /** Position on the tape. */
  readonly index: number;
  readonly saved: Floats;
  /** The buffers to free with the slot. */
  readonly allocated: readonly Floats[];
  /** The names of the op bound to buffers, for forward and backward. */
  readonly run: never;
  /** Forward and backward: the op's own loops, or the backend's kernels. */
  readonly code: Compiled;
}

/** Values under the names that an op gave them. */
type Names = Record<string, unknown>;

/** Returns all inputs of a call, in the order in which ops name them. */
export const inputsOf = ({ a, b, c, list }: Positions): readonly Tensor[] => [a, b, c, ...list];

/** Returns a call's shapes and numbers, and the buffers of its inputs, by the op's names. */
function namesOf(op: AnyOp, { p, q, set, list }: Positions, tensors: readonly Tensor[]) {
  const call: Names = { set, list };
  const buffers: Names = {};
  op.inputs.forEach((input, i) => {
    const name = input.replace("?", "");
    const tensor = tensors[i] ?? NONE;
    const leftOut = tensor === NONE && name !== input;
    call[name] = leftOut ? null : tensor.shape;
    buffers[name] = leftOut ? null : tensor.data;
    buffers[`d${name}`] = tensor.grad;
  });
  op.numbers?.forEach((name, i) => {
    call[name] = buffers[name] = i === 0 ? p : q;
  });
  return { call: call as never, buffers };
}

/** Makes a slot. If that throws, for example when memory is full, its buffers are freed. */
export function record(
  tape: SlotOwner,
  k: Backend,
  index: number,
  op: AnyOp,
  called: Positions,
  grads: boolean,
): Slot {
  const { a, p, q, set, list } = called;
  const inputs = inputsOf(called);
  if (Number.isNaN(p) || Number.isNaN(q)) {
    throw new RangeError(`${op.name}: expected a number as argument, got NaN`);
  }
  const { call, buffers } = namesOf(op, called, inputs);
  const shape = op.shape?.(call) ?? a.shape;
  const size = sizeOf(shape);
  const saves = op.saves?.(call, shape);
  const plan = op.plan?.(call, shape);
  const wantsGrad = grads && op.backward !== undefined && inputs.some((x) => x.grad);
  const allocated: Floats[] = [];
  const alloc = (length: number): Floats => allocated[allocated.push(k.alloc(length)) - 1];
  let { data, grad } = a;
  let saved = NONE.data;
  let run = call;
  let code: Compiled = op;
  try {
    if (op.view !== undefined) {
      const start = op.view(call);
      data = data.subarray(start, start + size);
      grad = wantsGrad && grad ? grad.subarray(start, start + size) : null;
    } else {
      if (saves) saved = alloc(saves);
      grad = wantsGrad ? alloc(size) : null;
      data = alloc(size);
      run = Object.assign(
        { y: data, dy: grad, saved, plan, set, list, backend: k },
        buffers,
      ) as never;
      Object.assign(run, { bound: op.bind?.(run) });
      code = k.compile?.(op, run) ?? op;
    }
  } catch (error) {
    for (const buffer of allocated) k.free(buffer);
    throw error;
  }
  allocated.push(...(code.buffers ?? []));
  // one literal of all fields: objects made by spreads are slower to read
  return { op, called, tape, index, backend: k, shape, data, grad, saved, allocated, run, code };
}

/** Throws UsageError for an input of another backend, of another tape, or of an earlier run. */
export function admit(tape: SlotOwner, k: Backend, op: AnyOp, tensor: Tensor): void {
  if (tensor === NONE) return;
  if (tensor.backend !== k) {
    const names = `${tensor.backend?.name ?? "none"}, the tape's is ${k.name}`;
    throw new UsageError(`${op.name}: an input is of another backend: ${names}`);
  }
  if (!("tape" in tensor) || tape.holds(tensor)) return;
  const from = tensor.tape === tape ? "an earlier run" : "another tape";
  throw new UsageError(`${op.name}: an input is of ${from}; copy its data into an input`);
}

/** Throws UsageError for a tensor whose tape has run again or dropped it; its buffer then holds other numbers. */
export function checkLive(where: string, tensor: Tensor): void {
  if ("tape" in tensor && !(tensor as Slot).tape.holds(tensor))
    throw new UsageError(`${where}: expected tensors of their tape's last run, got an earlier one`);
}

/** Returns the run of `op` that made `tensor`. Throws UsageError unless that was in the tape's last run. */
export function runOf<O extends AnyOp>(where: string, tensor: Tensor, op: O): RunOf<O> {
  checkLive(where, tensor);
  if ((tensor as Slot).op !== op) {
    throw new UsageError(`${where}: expected the result of ${op.name}`);
  }
  return (tensor as Slot).run;
}
