/**
 * A GPT's weights as named tensors: in this library's form, or in GPT-2's own, whose names differ and whose
 * matrices are [in, out] (the files published for GPT-2 have them with or without "transformer." in front).
 */
import { FormatError } from "../core/errors.ts";
import { numbersOf, type State } from "../core/state.ts";
import { sameShape, show } from "../core/tensor.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import type { Gpt } from "./gpt.ts";

const gpt2Parts: readonly (readonly [ours: string, theirs: string])[] = [
  ["attn.qkv", "attn.c_attn"],
  ["attn.proj", "attn.c_proj"],
  ["mlp.fc", "mlp.c_fc"],
  ["mlp.proj", "mlp.c_proj"],
  ["ln1", "ln_1"],
  ["ln2", "ln_2"],
  ["lnf", "ln_f"],
  ["head", "lm_head"],
];

/** What GPT-2 calls a parameter, and whether its matrix is turned. */
function gpt2Name(name: string): { theirs: string; turned: boolean } {
  for (const [ours, theirs] of gpt2Parts) {
    if (!name.includes(`${ours}.`)) continue;
    const turned = theirs.includes(".c_") && name.endsWith(".weight");
    return { theirs: name.replace(`${ours}.`, `${theirs}.`), turned };
  }
  return { theirs: name, turned: false };
}

/** The weights in GPT-2's form. */
export const gpt2Tensors = (gpt: Gpt): NamedTensor[] =>
  gpt.parameters.list.map(({ name, shape, data }) => {
    const { theirs, turned } = gpt2Name(name);
    if (!turned) return { name: theirs, shape, data };
    return {
      name: theirs,
      shape: [shape[1], shape[0]],
      data: transposed(data, shape[0], shape[1]),
    };
  });

/**
 * Writes weights of either form into the model, and returns what stays as it was because the file has nothing for it:
 * the value head where the file has none, and the rows of tokens beyond a smaller vocabulary. `others` are the
 * dtypes of tensors that are no floating-point numbers, for the message where one of them is needed. Throws
 * FormatError, and changes nothing, where anything else is missing or has another shape, where a number is not
 * finite, where the file has more blocks, and where a tied model would lose a head that differs from its embedding.
 * Other tensors that the model has no place for are left alone.
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
    const { tensor, turned } = find(name, tensors, others);
    const want = turned ? [shape[1], shape[0]] : shape;
    const [rows, ...rest] = tensor.shape;
    const fewer = isByToken(name) && rows < want[0] && sameShape(rest, want.slice(1));
    if (!fewer && !sameShape(tensor.shape, want))
      throw new FormatError(
        `gpt: expected ${tensor.name} of ${show(want)}, got ${show(tensor.shape)}`,
      );
    if (fewer) fresh.push(`${name} from row ${rows}`);
    checkFinite(tensor);
    return turned ? transposed(tensor.data, want[0], want[1]) : tensor.data;
  });
  if (gpt.options.tied) checkTied(tensors);
  for (const [i, { data }] of gpt.parameters.list.entries()) data.set(found[i] ?? []);
  return fresh;
}

/** `loadGpt` from a training's saved weights, which are lists by name without their shapes. */
export function loadGptState(gpt: Gpt, weights: State): readonly string[] {
  const tensors = new Map<string, NamedTensor>();
  for (const name of Object.keys((weights ?? {}) as object)) {
    const data = Float32Array.from(numbersOf(weights, name));
    const width = gpt.parameters.get(name)?.shape[1] ?? 0; // 0 also for vectors, and for names of no parameter
    const rows = data.length / width;
    const shape = Number.isInteger(rows) ? [rows, width] : [data.length];
    tensors.set(name, { name, shape, data });
  }
  return loadGpt(gpt, tensors);
}

const isByToken = (name: string): boolean => name === "wte.weight" || name === "head.weight";
const prefix = "transformer.";

/** A parameter's tensor under our name or GPT-2's; `turned` where its matrix is [in, out]. */
function find(
  name: string,
  tensors: ReadonlyMap<string, NamedTensor>,
  others: ReadonlyMap<string, string>,
): { readonly tensor: NamedTensor; readonly turned: boolean } {
  const { theirs, turned } = gpt2Name(name);
  const own = tensors.get(name);
  if (own !== undefined) return { tensor: own, turned: false };
  const tensor = tensors.get(theirs) ?? tensors.get(prefix + theirs);
  if (tensor !== undefined) return { tensor, turned };
  for (const known of [name, theirs, prefix + theirs]) {
    const dtype = others.get(known);
    if (dtype !== undefined)
      throw new FormatError(`gpt: expected ${known} as floating-point numbers, got ${dtype}`);
  }
  throw new FormatError(`gpt: no tensor "${name}", nor "${theirs}"`);
}

/** Throws FormatError for a file with more blocks than the model, which would silently lose some. */
function checkBlocks({ options }: Gpt, tensors: ReadonlyMap<string, NamedTensor>): void {
  for (const name of tensors.keys()) {
    const block = /^(?:transformer\.)?h\.(\d+)\./.exec(name)?.[1];
    if (Number(block) >= options.layers)
      throw new FormatError(
        `gpt: expected ${options.layers} layers, got tensor "${name}" of another`,
      );
  }
}

function checkFinite({ name, data }: NamedTensor): void {
  const at = data.findIndex((x) => !Number.isFinite(x));
  if (at >= 0)
    throw new FormatError(`gpt: expected finite numbers in ${name}, got ${data[at]} at ${at}`);
}

/** Files of tied models may repeat the embedding as a head. Throws FormatError where that is another one. */
function checkTied(tensors: ReadonlyMap<string, NamedTensor>): void {
  const named = (names: string[]): NamedTensor | undefined =>
    names.map((name) => tensors.get(name)).find((tensor) => tensor !== undefined);
  const head = named(["head.weight", "lm_head.weight", `${prefix}lm_head.weight`]);
  const embedding = named(["wte.weight", `${prefix}wte.weight`]);
  if (head === undefined || embedding === undefined) return;
  const same = head.data.length === embedding.data.length;
  if (!same || head.data.some((x, i) => x !== embedding.data[i]))
    throw new FormatError(
      `gpt: expected a model that is not tied, for ${head.name} is no wte.weight`,
    );
}

function transposed(x: ArrayLike<number>, rows: number, columns: number): Float32Array {
  const y = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) y[j * rows + i] = x[i * columns + j];
  return y;
}
