/**
 * A GPT's weights as named tensors, in this library's form or in GPT-2's, whose names differ and whose matrices
 * are [in, out]. Names in GPT-2's published files may begin with "transformer.".
 */
import { FormatError } from "../core/errors.ts";
import { numbersOf, type State } from "../core/state.ts";
import { sameShape, show } from "../core/tensor.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import { gpt2Name } from "../models/gpt2-names.ts";
import type { Gpt } from "../nn/gpt.ts";

/** Returns the weights in GPT-2's form. */
export const gpt2Tensors = (gpt: Gpt): NamedTensor[] =>
  gpt.parameters.list.map(({ name, shape, data }) => {
    const { theirs, isTransposed } = gpt2Name(name);
    if (!isTransposed) return { name: theirs, shape, data };
    return {
      name: theirs,
      shape: [shape[1], shape[0]],
      data: transposed(data, shape[0], shape[1]),
    };
  });

/**
 * Loads weights of either form into the model. Returns what the file lacks and so stays unchanged: the value head,
 * and the rows of tokens beyond a smaller vocabulary. `others` are the dtypes of tensors that are not
 * floating-point, for the message if one of them is needed. Throws FormatError, and changes nothing, if anything
 * else is missing or has another shape, if a number is not finite, if the file has more blocks, or if a tied model
 * would lose a head that differs from its embedding. Ignores other tensors that the model does not have.
 */
export function loadGpt(
  gpt: Gpt,
  tensors: ReadonlyMap<string, NamedTensor>,
  others: ReadonlyMap<string, string> = new Map(),
): readonly string[] {
  checkBlocks(gpt, tensors);
  const hasValue = ["value.weight", "value.bias"].some(
    (name) => tensors.has(name) || others.has(name),
  );
  const fresh: string[] = [];
  const found = gpt.parameters.list.map((parameter) => {
    const { name, shape } = parameter;
    if (name.startsWith("value.") && !hasValue) {
      fresh.push(name);
      return null;
    }
    const { tensor, isTransposed } = find(name, tensors, others);
    const want = isTransposed ? [shape[1], shape[0]] : shape;
    const [rows, ...rest] = tensor.shape;
    const fewer = isByToken(name) && rows < want[0] && sameShape(rest, want.slice(1));
    if (!fewer && !sameShape(tensor.shape, want))
      throw new FormatError(
        `gpt: expected ${tensor.name} of ${show(want)}, got ${show(tensor.shape)}`,
      );
    if (fewer) fresh.push(`${name} from row ${rows}`);
    checkFinite(tensor);
    return isTransposed ? transposed(tensor.data, want[0], want[1]) : tensor.data;
  });
  if (gpt.options.tied) checkTied(tensors);
  for (const [i, { data }] of gpt.parameters.list.entries()) data.set(found[i] ?? []);
  return fresh;
}

/** Loads a training's saved weights, like `loadGpt`. They are lists by name, without shapes. */
export function loadGptState(gpt: Gpt, weights: State): readonly string[] {
  const tensors = new Map<string, NamedTensor>();
  const names = Object.keys((weights ?? {}) as object);
  const norm = "lnf.weight"; // as long as the saved model is wide
  const savedWidth = names.includes(norm) ? numbersOf(weights, norm).length : gpt.options.width;
  for (const name of names) {
    const data = Float32Array.from(numbersOf(weights, name));
    const columns = gpt.parameters.get(name)?.shape[1] ?? 0; // 0 also for vectors and unknown names
    const width = (columns / gpt.options.width) * savedWidth;
    const rows = data.length / width;
    const shape = Number.isInteger(rows) ? [rows, width] : [data.length];
    tensors.set(name, { name, shape, data });
  }
  return loadGpt(gpt, tensors);
}

const isByToken = (name: string): boolean => name === "wte.weight" || name === "head.weight";
const prefix = "transformer.";

/** Finds a parameter's tensor under our name or GPT-2's; `isTransposed` if its matrix is [in, out]. */
function find(
  name: string,
  tensors: ReadonlyMap<string, NamedTensor>,
  others: ReadonlyMap<string, string>,
): { readonly tensor: NamedTensor; readonly isTransposed: boolean } {
  const { theirs, isTransposed } = gpt2Name(name);
  const own = tensors.get(name);
  if (own !== undefined) return { tensor: own, isTransposed: false };
  const tensor = tensors.get(theirs) ?? tensors.get(prefix + theirs);
  if (tensor !== undefined) return { tensor, isTransposed };
  for (const known of [name, theirs, prefix + theirs]) {
    const dtype = others.get(known);
    if (dtype !== undefined)
      throw new FormatError(`gpt: expected ${known} as floating-point numbers, got ${dtype}`);
  }
  throw new FormatError(`gpt: no tensor "${name}"${theirs === name ? "" : `, nor "${theirs}"`}`);
}

/** Throws FormatError for a file with more blocks than the model. */
function checkBlocks({ options }: Gpt, tensors: ReadonlyMap<string, NamedTensor>): void {
  for (const name of tensors.keys()) {
    const block = /^(?:transformer\.)?h\.(\d+)\./.exec(name)?.[1];
    if (Number(block) >= options.layers)
      throw new FormatError(
        `gpt: expected ${options.layers} layers, got tensor "${name}" of a further one`,
      );
  }
}

function checkFinite({ name, data }: NamedTensor): void {
  const at = data.findIndex((x) => !Number.isFinite(x));
  if (at >= 0)
    throw new FormatError(`gpt: expected finite numbers in ${name}, got ${data[at]} at ${at}`);
}

/** Checks the head in a tied model's file, which may repeat the embedding. Throws FormatError if it differs. */
function checkTied(tensors: ReadonlyMap<string, NamedTensor>): void {
  const named = (names: string[]): NamedTensor | undefined =>
    names.map((name) => tensors.get(name)).find((tensor) => tensor !== undefined);
  const head = named(["head.weight", "lm_head.weight", `${prefix}lm_head.weight`]);
  const embedding = named(["wte.weight", `${prefix}wte.weight`]);
  if (head === undefined || embedding === undefined) return;
  const same = head.data.length === embedding.data.length;
  if (!same || head.data.some((x, i) => x !== embedding.data[i]))
    throw new FormatError(
      `gpt: expected a model that is not tied, because ${head.name} differs from wte.weight`,
    );
}

function transposed(x: ArrayLike<number>, rows: number, columns: number): Float32Array {
  const y = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) y[j * rows + i] = x[i * columns + j];
  return y;
}
