/** A small language model with distributions far from uniform, and its logits one text at a time. */
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Parameter } from "../../src/core/tensor.ts";
import { Gpt, type GptOptions } from "../../src/nn/gpt.ts";

export const tiny = { vocab: 7, context: 12, layers: 2, heads: 2, width: 8 };

export function tinyGpt(changes: Partial<GptOptions> = {}, seed = 1): Gpt {
  const gpt = new Gpt(loops(Float64Array), { ...tiny, ...changes }, new Random(seed));
  const random = new Random(seed + 1);
  for (const { data } of gpt.parameters.list)
    for (let i = 0; i < data.length; i++) data[i] += 0.4 * random.normal();
  return gpt;
}

/** The logits after each token of a text, by one pass over the whole of it. */
export function logitsOf(gpt: Gpt, text: readonly number[]): number[][] {
  const k = gpt.parameters.backend;
  const { vocab } = gpt.options;
  const tokens = input(k, [1, text.length], text);
  const positions = input(
    k,
    [1, text.length],
    text.map((_, i) => i),
  );
  const tape = new Tape(k, { grads: false });
  const all = Array.from(tape.run(() => gpt.logits(gpt.hidden(tokens, positions))).data);
  tape.drop();
  return text.map((_, i) => all.slice(i * vocab, (i + 1) * vocab));
}

/** ln of the softmax of logits over a temperature; −∞ where `allowed` is 0. */
export function logSoftmax(
  logits: readonly number[],
  temperature = 1,
  allowed: ArrayLike<number> | null = null,
): number[] {
  const x = logits.map((l, j) =>
    allowed === null || allowed[j] !== 0 ? l / temperature : -Infinity,
  );
  const max = Math.max(...x);
  const sum = x.reduce((total, v) => total + Math.exp(v - max), 0);
  return x.map((v) => v - max - Math.log(sum));
}

export const entropyOf = (logProbs: readonly number[]): number =>
  -logProbs.reduce((sum, l) => sum + (l === -Infinity ? 0 : Math.exp(l) * l), 0);

/** A model that counts: after token t it says t + 1, modulo the vocabulary. */
export function countingGpt(): Gpt {
  const gpt = tinyGpt({ tied: false });
  for (const { name, data } of gpt.parameters.list) if (!name.endsWith("ln1.weight")) data.fill(0);
  gpt.parameters.get("lnf.weight")?.data.fill(1);
  const [wte, head] = ["wte.weight", "head.weight"].map((name) => gpt.parameters.get(name));
  for (let t = 0; t < tiny.vocab; t++) {
    (wte as Parameter).data[t * tiny.width + t] = 1;
    (head as Parameter).data[((t + 1) % tiny.vocab) * tiny.width + t] = 30;
  }
  return gpt;
}
