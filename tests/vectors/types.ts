/** The schema of the vector files, and what an adapter makes of a case. */
export interface VectorTensor {
  shape: number[];
  data: (number | "inf" | "-inf" | "nan")[];
  dtype?: "int32" | "bool";
}

export interface VectorCase {
  name: string;
  op: string;
  inputs: Record<string, VectorTensor>;
  // biome-ignore lint/suspicious/noExplicitAny: attributes are whatever the file says
  attrs?: Record<string, any>;
  gradOut?: Record<string, VectorTensor>;
  // biome-ignore lint/suspicious/noExplicitAny: outputs are tensors, `grads` a record of tensors
  expected: Record<string, any>;
  tol: { rtol: number; atol: number };
  tags?: string[];
  note?: string;
  // biome-ignore lint/suspicious/noExplicitAny: another accepted answer, shaped like `expected`
  alt?: Record<string, any>;
}

/** The data that a file's cases share. */
export type Shared = Record<string, VectorTensor>;
export type Float = Float32ArrayConstructor | Float64ArrayConstructor;
export type Output = ArrayLike<number> | { shape: readonly number[]; data: ArrayLike<number> };

/** Output name → numbers; a gradient's name is `grads.` and its input. Computes in `float`. */
export type Adapter = (c: VectorCase, float: Float, shared: Shared) => Record<string, Output>;

/** Checks a case that is more than inputs and outputs; says what differs first, or null. */
export type WholeCase = (c: VectorCase, file: WholeFile) => string | null;

/** The folder and the cases around one that stands for more than itself. */
export interface WholeFile {
  readonly folder: string;
  readonly cases: readonly VectorCase[];
}

export interface ReferenceCase {
  name: string;
  group: string;
  // biome-ignore lint/suspicious/noExplicitAny: these cases have no common form
  inputs: any;
  // biome-ignore lint/suspicious/noExplicitAny: these cases have no common form
  expected: any;
  // biome-ignore lint/suspicious/noExplicitAny: these cases have no common form
  [key: string]: any;
}

// biome-ignore lint/suspicious/noExplicitAny: these cases have no common form
export type ReferenceAdapter = (c: ReferenceCase) => Record<string, any> | { skip: string };
