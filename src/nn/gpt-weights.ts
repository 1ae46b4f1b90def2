/**
 * A GPT's weights as named tensors: in this library's form, or in GPT-2's own, whose names differ and whose
 * matrices are [in, out] (the files published for GPT-2 have them with or without "transformer." in front).
 */
import { FormatError } from "../core/errors.ts";
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
 * Writes weights of either form into the model. Throws FormatError, and changes nothing, where one is
 * missing or has another shape. Tensors that the model has no place for are left alone.
 */
export function loadGpt(gpt: Gpt, tensors: ReadonlyMap<string, NamedTensor>): void {
  const found = gpt.parameters.list.map(({ name, shape }) => {
    const { theirs, turned } = gpt2Name(name);
    const own = tensors.get(name);
    const isOurs = own !== undefined;
    const tensor = isOurs ? own : (tensors.get(theirs) ?? tensors.get(`transformer.${theirs}`));
    if (tensor === undefined) throw new FormatError(`gpt: no tensor "${name}", nor "${theirs}"`);
    const want = turned && !isOurs ? [shape[1], shape[0]] : shape;
    if (!sameShape(tensor.shape, want)) {
      throw new FormatError(`gpt: want ${tensor.name} of ${show(want)}, got ${show(tensor.shape)}`);
    }
    return turned && !isOurs ? transposed(tensor.data, want[0], want[1]) : tensor.data;
  });
  for (const [i, { data }] of gpt.parameters.list.entries()) data.set(found[i]);
}

function transposed(x: ArrayLike<number>, rows: number, columns: number): Float32Array {
  const y = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) y[j * rows + i] = x[i * columns + j];
  return y;
}
