/**
 * Reverse-mode autodiff on a replayable tape. Ops run eagerly, each in a numbered slot; on the next
 * run the same op on the same inputs reuses its slot and buffers, so only a first pass allocates.
 */
import type { Backend, Compiled, Floats } from "./backend.ts";
import { UsageError } from "./errors.ts";
import { copy, same, sameList } from "./same.ts";
import { NONE, type Shape, show, sizeOf, type Tensor } from "./tensor.ts";

/** What an op was called on: up to three inputs, two numbers, further settings, further inputs. */
export interface Call<S = unknown> {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly c: Tensor;
  readonly p: number;
  readonly q: number;
  readonly settings: S;
  readonly rest: readonly Tensor[];
}

/** A tensor that an op made, with all its forward and backward need. */
export interface Slot<S = unknown, P = unknown> extends Tensor, Call<S> {
  readonly op: Op;
  readonly tape: Tape;
  /** Position on the tape. */
  readonly index: number;
  readonly k: Backend;
  /** What the op worked out once, when the slot was recorded. */
  readonly plan: P;
  /** Numbers that forward saves for backward. */
  readonly scratch: Floats;
  /** What runs: the op's own loops, or what the backend has for them. */
  readonly code: Compiled;
}
export type GradSlot<S = unknown, P = unknown> = Slot<S, P> & { readonly grad: Floats };

/** A differentiable operation: what it makes, how it runs, and its vector-Jacobian product. */
export interface Op<S = unknown, P = unknown> {
  readonly name: string;
  /** Output shape. This, `plan` and `scratch` are called, and free to throw, only at recording. */
  shape(call: Call<S>): Shape;
  plan?(call: Call<S>, shape: Shape): P;
  /** Elements to save for backward. */
  scratch?(call: Call<S>, shape: Shape): number;
  /** The output is the input's own buffer from this element on: nothing to compute, nothing to add. */
  view?(call: Call<S>): number;
  /** Writes slot.data. */
  forward?(slot: Slot<S, P>): void;
  /** Given slot.grad = ∂loss/∂data, adds ∂loss/∂input to the grad of each input that has one. */
  backward?(slot: GradSlot<S, P>): void;
}

const NOTHING: Floats = new Float32Array(0);
const NO_SETTINGS = Object.freeze({});
const NO_TENSORS: readonly Tensor[] = Object.freeze([]);
let active: Tape | null = null;

/** Runs `op` now; its result goes into the next slot of the tape that is running. */
export function apply(
  op: Op,
  a: Tensor,
  b: Tensor = NONE,
  c: Tensor = NONE,
  p = 0,
  q = 0,
  settings: unknown = NO_SETTINGS,
  rest: readonly Tensor[] = NO_TENSORS,
): Tensor {
  if (active === null) throw new UsageError(`${op.name}: call ops inside tape.run(() => …)`);
  return active.step(op, a, b, c, p, q, settings, rest);
}

/** Throws UsageError for a tensor whose tape has run on or dropped it: its numbers are another's. */
export function checkLive(where: string, tensor: Tensor): void {
  if ("tape" in tensor && !(tensor as Slot).tape.holds(tensor))
    throw new UsageError(`${where}: expected tensors of their tape's last run, got an earlier one`);
}

export interface TapeOptions {
  /** false: no gradients, for acting and evaluation. Default true. */
  readonly grads?: boolean;
  /** true: fill every slot with NaN before a run, so that a stale read shows. Default false. */
  readonly poison?: boolean;
}

export class Tape {
  /** Slots ever made: flat in steady state, and a test holds it to that. */
  recorded = 0;
  private readonly k: Backend;
  private readonly grads: boolean;
  private readonly poison: boolean;
  private readonly slots: Slot[] = [];
  private length = 0; // slots used by the last run
  private running = false;
  /** For each loss that was differentiated, the slots with a gradient that it depends on, last first. */
  private readonly paths = new Map<Slot, readonly GradSlot[]>();

  constructor(k: Backend, { grads = true, poison = false }: TapeOptions = {}) {
    this.k = k;
    this.grads = grads;
    this.poison = poison;
  }

  /** Runs `body`; the tensors made in it are valid until this tape's next run. */
  run<T>(body: () => T): T {
    if (this.running) {
      throw new UsageError(
        "tape.run: expected no run inside a run of the same tape; give the inner body its own tape",
      );
    }
    if (this.poison) this.fillWithNaN();
    const outer = active;
    active = this;
    this.running = true;
    this.length = 0;
    try {
      const result = body();
      if (result instanceof Promise) throw new UsageError("tape.run: want a synchronous body");
      return result;
    } finally {
      active = outer;
      this.running = false;
    }
  }

  /** Does the ops of the last run again, on what their inputs hold now: for a body that never decides. */
  replay(): void {
    if (this.poison) this.fillWithNaN();
    for (let i = 0; i < this.length; i++) this.slots[i].code.forward?.(this.slots[i]);
  }

  /**
   * Adds ∂loss/∂w to the grad of each parameter w that `loss` depends on. Visits only slots on a path from
   * a parameter to the loss, so that a value that does not count cannot reach a gradient as 0·∞.
   */
  backward(loss: Tensor): void {
    if (!this.holds(loss)) throw new UsageError("backward: want a tensor of this tape's last run");
    if (loss.grad === null) throw new UsageError("backward: no parameter is behind this loss");
    if (loss.grad.length !== 1) {
      throw new UsageError(`backward: want a loss of one element, got shape ${show(loss.shape)}`);
    }
    const path = this.paths.get(loss) ?? this.pathTo(loss);
    for (const { op, grad } of path) if (op.view === undefined) grad.fill(0); // a view's is its input's
    loss.grad[0] += 1; // a view of a parameter adds to what is there
    for (const slot of path) slot.code.backward?.(slot);
  }

  /** Whether `tensor` was made by this tape in its last run. */
  holds(tensor: Tensor): tensor is Slot {
    if (!("tape" in tensor)) return false;
    const { index } = tensor as Slot;
    return index < this.length && this.slots[index] === tensor;
  }

  /** The slots with a gradient that `loss` depends on, last first. A slot's inputs never change. */
  private pathTo(loss: Slot): readonly GradSlot[] {
    const wanted = new Set<Tensor>([loss]);
    const path: GradSlot[] = [];
    for (let i = loss.index; i >= 0; i--) {
      const slot = this.slots[i];
      if (slot.grad === null || !wanted.has(slot)) continue;
      path.push(slot as GradSlot);
      for (const input of [slot.a, slot.b, slot.c, ...slot.rest]) wanted.add(input);
    }
    this.paths.set(loss, path);
    return path;
  }

  /**
   * Where the last run, or its backward, first met NaN or Infinity: an op's input, result or gradient, in
   * words; null where all is finite. Looks at everything: for the message of an error.
   */
  firstNotFinite(): string | null {
    const bad = (x: Floats | null): boolean => x?.some((v) => !Number.isFinite(v)) ?? false;
    const slots = this.slots.slice(0, this.length);
    for (const { op, data, a, b, c, rest, shape } of slots) {
      const given = [a, b, c, ...rest].find((x) => !("op" in x) && bad(x.data));
      if (given !== undefined) return `an input ${show(given.shape)} of ${op.name} is not finite`;
      if (bad(data)) return `${op.name} made a number that is not finite, in ${show(shape)}`;
    }
    const from = slots.reverse().find(({ grad }) => bad(grad));
    return from === undefined ? null : `the gradient at ${from.op.name} is not finite`;
  }

  /** @internal One op: in the slot at hand if it holds this very op on these very inputs. */
  step(
    op: Op,
    a: Tensor,
    b: Tensor,
    c: Tensor,
    p: number,
    q: number,
    settings: unknown,
    rest: readonly Tensor[],
  ): Tensor {
    let s = this.slots[this.length]; // undefined past the end
    if (
      s?.op !== op ||
      s.a !== a ||
      s.b !== b ||
      s.c !== c ||
      s.p !== p ||
      s.q !== q ||
      !same(s.settings, settings) ||
      !sameList(s.rest, rest)
    ) {
      const call = { a, b, c, p, q, settings: copy(settings), rest: [...rest] };
      for (const tensor of [a, b, c, ...call.rest]) this.admit(op, tensor);
      this.drop(this.length); // later slots may read the one replaced
      s = this.record(op, call);
      this.slots.push(s);
      this.recorded++;
    }
    this.length++;
    s.code.forward?.(s);
    return s;
  }

  /** Forgets the slots from `from` on and gives their buffers back. */
  drop(from = 0): void {
    for (const slot of this.slots.splice(from)) {
      const { op, data, grad, scratch, code } = slot;
      this.paths.delete(slot);
      for (const buffer of code.buffers ?? []) this.k.free(buffer);
      if (scratch.length > 0) this.k.free(scratch);
      if (op.view !== undefined) continue;
      this.k.free(data);
      if (grad !== null) this.k.free(grad);
    }
    this.length = Math.min(this.length, from);
  }

  /** Makes the next slot. Where memory runs out, what was taken for it is given back. */
  private record(op: Op, call: Call): Slot {
    const taken: Floats[] = [];
    const take = (size: number): Floats => {
      const buffer = this.k.alloc(size);
      taken.push(buffer);
      return buffer;
    };
    try {
      return this.recordWith(take, op, call);
    } catch (error) {
      for (const buffer of taken) this.k.free(buffer);
      throw error;
    }
  }

  private recordWith(take: (size: number) => Floats, op: Op, call: Call): Slot {
    const inputs = [call.a, call.b, call.c, ...call.rest];
    if (Number.isNaN(call.p) || Number.isNaN(call.q)) {
      throw new RangeError(`${op.name}: expected a number as argument, got NaN`);
    }
    const shape = op.shape(call);
    const size = sizeOf(shape);
    const wantsGrad =
      this.grads && op.backward !== undefined && inputs.some((x) => x.grad !== null);
    const scratch = op.scratch?.(call, shape) ?? 0;
    const plan = op.plan?.(call, shape);
    const { length: index, k } = this;
    const saved = scratch > 0 ? take(scratch) : NOTHING;
    const shared = { op, tape: this, index, k, backend: k, shape, ...call, plan, scratch: saved };
    if (op.view !== undefined) {
      const { data, grad } = call.a;
      const start = op.view(call);
      const cut = (buffer: Floats): Floats => buffer.subarray(start, start + size);
      const viewGrad = wantsGrad && grad !== null ? cut(grad) : null;
      return { ...shared, data: cut(data), grad: viewGrad, code: op };
    }
    const grad = wantsGrad ? take(size) : null;
    const slot = { ...shared, data: take(size), grad, code: op };
    return Object.assign(slot, { code: k.compile?.(slot) ?? op });
  }

  private admit(op: Op, tensor: Tensor): void {
    if (tensor === NONE) return;
    if (tensor.backend !== this.k) {
      const names = `${tensor.backend?.name ?? "none"}, the tape's is ${this.k.name}`;
      throw new UsageError(`${op.name}: an input is of another backend: ${names}`);
    }
    if (!("tape" in tensor)) return;
    if (tensor.tape !== this) {
      throw new UsageError(`${op.name}: an input is of another tape; copy its data into an input`);
    }
    if (!this.holds(tensor)) {
      throw new UsageError(
        `${op.name}: expected tensors made in this run, got one of an earlier run; copy its data into an input()`,
      );
    }
  }

  private fillWithNaN(): void {
    for (const { op, data, scratch } of this.slots) {
      if (op.view === undefined) data.fill(Number.NaN);
      scratch.fill(Number.NaN);
    }
  }
}
