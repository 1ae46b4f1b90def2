/**
 * Reverse-mode autodiff on a replayable tape. Ops run eagerly, each in a numbered slot; on the next
 * run the same op on the same inputs reuses its slot and buffers, so only the first run allocates.
 */
import type { Backend } from "./backend.ts";
import { UsageError } from "./errors.ts";
import type { AnyOp } from "./op.ts";
import { copy, same, sameList } from "./same.ts";
import { admit, inputsOf, record, type Slot } from "./slot.ts";
import { NONE, show, type Tensor } from "./tensor.ts";

const NO_TENSORS: readonly Tensor[] = [];
const runInside =
  "tape.run: expected no run inside a run of the same tape; give the inner body its own tape";
let active: Tape | null = null;

/**
 * Runs `op` now; its result goes into the next slot of the running tape. `op.inputs` names the tensors a, b, c and
 * `list`; `op.numbers` names p and q.
 */
export function apply(
  op: AnyOp,
  a: Tensor,
  b: Tensor = NONE,
  c: Tensor = NONE,
  p = 0,
  q = 0,
  set?: unknown,
  list: readonly Tensor[] = NO_TENSORS,
): Tensor {
  if (active === null) throw new UsageError(`${op.name}: call ops inside tape.run(() => …)`);
  return active.step(op, a, b, c, p, q, set, list);
}

export interface TapeOptions {
  /** Allocates gradients; false for acting and evaluation. Default true. */
  readonly grads?: boolean;
  /** Fills every slot with NaN before a run, so that stale reads show. Default false. */
  readonly poison?: boolean;
}

export class Tape {
  /** The number of slots ever recorded: constant in steady state, which a test checks. */
  recorded = 0;
  private readonly k: Backend;
  private readonly grads: boolean;
  private readonly poison: boolean;
  private readonly slots: Slot[] = [];
  private length = 0; // slots used by the last run
  private running = false;
  /** For each differentiated loss, the slots with a gradient that it depends on, last first. */
  private readonly paths = new Map<Slot, readonly Slot[]>();

  constructor(k: Backend, { grads = true, poison = false }: TapeOptions = {}) {
    this.k = k;
    this.grads = grads;
    this.poison = poison;
  }

  /** Runs `body`; the tensors made in it are valid until this tape's next run. */
  run<T>(body: () => T): T {
    if (this.running) throw new UsageError(runInside);
    if (this.poison) this.fillWithNaN();
    const outer = active;
    active = this;
    this.running = true;
    this.length = 0;
    try {
      const result = body();
      if (result instanceof Promise) throw new UsageError("tape.run: expected a synchronous body");
      return result;
    } finally {
      active = outer;
      this.running = false;
    }
  }

  /** Re-runs the recorded ops on their inputs' current values. Valid only if the body has no data-dependent branches. */
  replay(): void {
    if (this.poison) this.fillWithNaN();
    for (let i = 0; i < this.length; i++) this.slots[i].code.forward?.(this.slots[i].run);
  }

  /**
   * Adds ∂loss/∂w to the grad of each parameter w that `loss` depends on. Visits only slots on a path from
   * a parameter to the loss, so that values outside these paths cannot reach a gradient as 0·∞.
   */
  backward(loss: Tensor): void {
    if (!this.holds(loss))
      throw new UsageError("backward: expected a tensor of this tape's last run");
    if (loss.grad === null)
      throw new UsageError(
        "backward: expected a loss that depends on a parameter, got one that does not",
      );
    if (loss.grad.length !== 1) {
      throw new UsageError(
        `backward: expected a loss of one element, got shape ${show(loss.shape)}`,
      );
    }
    const path = this.paths.get(loss) ?? this.pathTo(loss);
    for (const { op, grad } of path) if (op.view === undefined) grad?.fill(0); // a view's gradient is its input's
    loss.grad[0] += 1; // a view of a parameter adds to its gradient
    for (const { grad, code, run } of path)
      if (grad?.length !== 1 || grad[0] !== 0) code.backward?.(run); // a number that nothing follows from passes nothing on
  }

  /** Returns whether this tape made `tensor` in its last run. */
  holds(tensor: Tensor): tensor is Slot {
    const { index } = tensor as Slot; // undefined for a tensor that no tape made
    return index < this.length && this.slots[index] === tensor;
  }

  /** Returns the slots with a gradient that `loss` depends on, last first. A slot's inputs never change. */
  private pathTo(loss: Slot): readonly Slot[] {
    const wanted = new Set<Tensor>([loss]);
    const path: Slot[] = [];
    for (let i = loss.index; i >= 0; i--) {
      const slot = this.slots[i];
      if (slot.grad === null || !wanted.has(slot)) continue;
      path.push(slot);
      for (const input of inputsOf(slot.called)) wanted.add(input);
    }
    this.paths.set(loss, path);
    return path;
  }

  /** Returns the slots of the last run, in their order. */
  lastRun(): Slot[] {
    return this.slots.slice(0, this.length);
  }

  /** @internal Runs an op in the next slot, which is recorded again unless it holds this op on these inputs. */
  step(
    op: AnyOp,
    a: Tensor,
    b: Tensor,
    c: Tensor,
    p: number,
    q: number,
    set: unknown,
    list: readonly Tensor[],
  ): Tensor {
    let slot = this.slots[this.length]; // undefined past the end
    const last = slot?.called;
    if (
      slot?.op !== op ||
      last.a !== a ||
      last.b !== b ||
      last.c !== c ||
      last.p !== p ||
      last.q !== q ||
      !same(last.set, set) ||
      !sameList(last.list, list)
    ) {
      const called = { a, b, c, p, q, set: copy(set), list: [...list] };
      for (const tensor of inputsOf(called)) admit(this, this.k, op, tensor);
      this.drop(this.length); // later slots may read the replaced one
      slot = record(this, this.k, this.length, op, called, this.grads);
      this.slots.push(slot);
      this.recorded++;
    }
    this.length++;
    slot.code.forward?.(slot.run);
    return slot;
  }

  /** Removes the slots from `from` on and frees their buffers. */
  drop(from = 0): void {
    for (const slot of this.slots.splice(from)) {
      this.paths.delete(slot);
      for (const buffer of slot.allocated) this.k.free(buffer);
    }
    this.length = Math.min(this.length, from);
  }

  private fillWithNaN(): void {
    for (const { op, data, saved } of this.slots) {
      if (op.view === undefined) data.fill(Number.NaN);
      saved.fill(Number.NaN);
    }
  }
}
