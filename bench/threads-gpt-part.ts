/** A thread of the threads bench: a GPT's loss on its texts. */
import { simd } from "../src/backends/simd.ts";
import { Random } from "../src/core/random.ts";
import { Tape } from "../src/core/tape.ts";
import { input } from "../src/core/tensor.ts";
import { Gpt } from "../src/nn/gpt.ts";
import type { Columns, Part } from "../src/node/team.ts";
import { mul } from "../src/ops/arithmetic.ts";
import { crossEntropy } from "../src/ops/loss.ts";
import type { GptSize } from "./gpt.ts";

/** `rows` of the batch per pass. */
export type GptPartSettings = GptSize & { readonly rows: number };

export function makePart(settings: unknown, columns: Columns): Part {
  const { rows, batch, ...size } = settings as GptPartSettings;
  const T = size.context;
  const k = simd();
  const gpt = new Gpt(k, { ...size, heads: 4 }, new Random(1));
  const [tokens, labels, positions] = [0, 1, 2].map(() => input(k, [rows, T]));
  for (let i = 0; i < rows * T; i++) positions.data[i] = i % T;
  const tape = new Tape(k);
  const share = rows / batch;
  const loss = () => mul(crossEntropy(gpt.logits(gpt.hidden(tokens, positions)), labels), share);
  const run = (first: number, end: number): number => {
    let total = 0;
    for (let row = first; row < end; row += rows) {
      tokens.data.set(columns.tokens.subarray(row * T, (row + rows) * T));
      labels.data.set(columns.labels.subarray(row * T, (row + rows) * T));
      const made = tape.run(loss);
      tape.backward(made);
      total += made.data[0];
    }
    return total;
  };
  return { parameters: gpt.parameters, run };
}
