/** Tensors that outlive a run: inputs that the caller fills, and parameters that an optimizer changes. */
import type { Backend, Floats } from "./backend.ts";
import { ShapeError } from "./errors.ts";
import { sameList } from "./same.ts";

export type Shape = readonly number[];

/** A row-major buffer with a shape. `grad` is null for a tensor without a gradient. */
export interface Tensor {
  readonly shape: Shape;
  readonly data: Floats;
  readonly grad: Floats | null;
  /** The backend of these buffers; null for `NONE` only. */
  readonly backend: Backend | null;
}

/** Stands for an input that is left out. */
export const NONE: Tensor = { shape: [0], data: new Float32Array(0), grad: null, backend: null };

/** Returns `[tensor]`, cached per tensor so that replaying an op allocates nothing. */
export function listOf(tensor: Tensor): readonly Tensor[] {
  const list = lists.get(tensor) ?? [tensor];
  lists.set(tensor, list);
  return list;
}
const lists = new WeakMap<Tensor, readonly Tensor[]>();

/** Returns the number of elements of a shape; 1 for a scalar's []. Throws ShapeError for a bad size. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const n of shape) {
    if (!Number.isInteger(n) || n < 0) {
      throw new ShapeError(`shape: expected non-negative integers, got ${show(shape)}`);
    }
    size *= n;
  }
  if (!Number.isSafeInteger(size)) {
    throw new ShapeError(`shape: expected fewer than 2^53 elements, got ${show(shape)}`);
  }
  return size;
}

/** Returns a persistent tensor without a gradient, zeroed or holding `values`. Fill `.data` before each run. */
export function input(k: Backend, shape: Shape, values?: ArrayLike<number>): Tensor {
  const data = k.alloc(sizeFor("input", shape, values));
  if (values !== undefined) data.set(values);
  return { shape: [...shape], data, grad: null, backend: k };
}

/** Returns several inputs at once: all of them, or none if memory runs out. */
export function inputs(k: Backend, shapes: readonly Shape[]): Tensor[] {
  const made: Tensor[] = [];
  try {
    for (const shape of shapes) made.push(input(k, shape));
  } catch (error) {
    free(...made);
    throw error;
  }
  return made;
}

/** Returns what `make` makes. If that throws, as where memory runs out, frees what these own. */
export function orFree<T>(owners: readonly { free(): void }[], make: () => T): T {
  try {
    return make();
  } catch (error) {
    for (const owner of owners) owner.free();
    throw error;
  }
}

/** Returns a single tensor with a gradient. Models hold theirs in `Parameters`. */
export function variable(k: Backend, shape: Shape, values?: ArrayLike<number>): Parameter {
  const tensor = input(k, shape, values);
  try {
    return { ...tensor, grad: k.alloc(tensor.data.length), name: "" };
  } catch (error) {
    free(tensor);
    throw error;
  }
}

/**
 * Frees the buffers of tensors made by `input` or `variable`. The tensors must not be used again. For tensors
 * that a tape made, call `tape.drop()`.
 */
export function free(...tensors: readonly Tensor[]): void {
  for (const { backend, data, grad } of tensors) {
    backend?.free(data);
    if (grad !== null) backend?.free(grad);
  }
}

/** A named tensor with a gradient. */
export interface Parameter extends Tensor {
  readonly name: string;
  readonly grad: Floats;
}

/** A contiguous run of parameter values and their gradients. */
export interface Region {
  readonly data: Floats;
  readonly grad: Floats;
  readonly backend: Backend;
}

/**
 * The parameters of a model, by name. They are contiguous in few large regions, so that clipping and
 * optimizers run over flat arrays; each parameter is a view into its region.
 */
export class Parameters {
  readonly backend: Backend;
  readonly list: Parameter[] = [];
  private readonly chunk: number;
  private readonly full: Region[] = [];
  private readonly byName = new Map<string, Parameter>();
  private room: Region | null = null;
  private readonly rooms: Region[] = []; // at their full allocated size
  private used = 0;

  /** `chunk` is the smallest size of a region, in elements. */
  constructor(backend: Backend, chunk = 65536) {
    this.backend = backend;
    this.chunk = chunk;
  }

  /** Adds a parameter, zeroed or holding `values`, under a new name. */
  add(name: string, shape: Shape, values?: ArrayLike<number>): Parameter {
    if (this.byName.has(name)) throw new ShapeError(`parameters: "${name}" exists already`);
    const size = sizeFor(name, shape, values);
    if (this.room === null || this.used + size > this.room.data.length) this.open(size);
    const { data, grad } = this.room as unknown as Region;
    const range = [this.used, this.used + size] as const;
    this.used += size;
    const parameter: Parameter = {
      name,
      shape: [...shape],
      data: data.subarray(...range),
      grad: grad.subarray(...range),
      backend: this.backend,
    };
    if (values !== undefined) parameter.data.set(values);
    this.list.push(parameter);
    this.byName.set(name, parameter);
    return parameter;
  }

  get(name: string): Parameter | undefined {
    return this.byName.get(name);
  }

  /** Returns the regions, cut to the part in use. */
  regions(): Region[] {
    const last = this.room === null ? [] : [cut(this.room, this.used)];
    return [...this.full, ...last];
  }

  private open(size: number): void {
    const length = Math.max(size, this.chunk);
    const { data, grad, backend } = variable(this.backend, [length]);
    if (this.room !== null) this.full.push(cut(this.room, this.used));
    this.room = { data, grad, backend: backend as Backend };
    this.rooms.push(this.room);
    this.used = 0;
  }

  /** Frees all buffers; the parameters must not be used again. */
  free(): void {
    for (const { data, grad, backend } of this.rooms.splice(0)) {
      backend.free(data);
      backend.free(grad);
    }
    this.full.length = 0;
    this.room = null;
  }
}

const cut = ({ data, grad, backend }: Region, end: number): Region => ({
  data: data.subarray(0, end),
  grad: grad.subarray(0, end),
  backend,
});

/** Returns the size of `shape`. Throws ShapeError if `values` are given and their number differs. */
function sizeFor(name: string, shape: Shape, values?: ArrayLike<number>): number {
  const size = sizeOf(shape);
  if (values !== undefined && values.length !== size) {
    throw new ShapeError(
      `${name}: expected ${size} values for ${show(shape)}, got ${values.length}`,
    );
  }
  return size;
}

export const sameShape: (a: Shape, b: Shape) => boolean = sameList;

/** Returns a shape as messages print it: "[2, 3]". */
export const show = (shape: Shape): string => `[${shape.join(", ")}]`;
