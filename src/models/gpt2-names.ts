/** GPT-2's names of this library's parameters. Its files keep matrices as [in, out], except for embeddings. */

const parts: readonly (readonly [ours: string, theirs: string])[] = [
  ["attn.qkv", "attn.c_attn"],
  ["attn.proj", "attn.c_proj"],
  ["mlp.fc", "mlp.c_fc"],
  ["mlp.proj", "mlp.c_proj"],
  ["ln1", "ln_1"],
  ["ln2", "ln_2"],
  ["lnf", "ln_f"],
  ["head", "lm_head"],
];

/** Returns GPT-2's name of a parameter, and whether its matrix is transposed. */
export function gpt2Name(name: string): { theirs: string; isTransposed: boolean } {
  for (const [ours, theirs] of parts) {
    if (!name.includes(`${ours}.`)) continue;
    const isTransposed = theirs.includes(".c_") && name.endsWith(".weight");
    return { theirs: name.replace(`${ours}.`, `${theirs}.`), isTransposed };
  }
  return { theirs: name, isTransposed: false };
}
