/** Folders of small models in the layout of Hugging Face's hub, with random weights and a tokenizer of ours. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { saveModel } from "../../src/models/save.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { Llama } from "../../src/nn/llama.ts";
import { sentences } from "../../src/tasks/text/phrases.ts";
import { trainBpe } from "../../src/text/bpe.ts";
import { writeTokenizerJson } from "../../src/text/tokenizer-json.ts";

const tokenizer = trainBpe(sentences.join("\n"), 60, { specials: ["<|end|>"] });
const sizes = { vocab: tokenizer.vocab, context: 64, layers: 2, heads: 4, width: 16, tied: true };

export const modelKinds = {
  gpt2: () => new Gpt(loops(), sizes, new Random(1)),
  llama: () =>
    new Llama(
      loops(),
      {
        ...{ ...sizes, tied: false, valueHead: false, keyHeads: 2, headWidth: 4, inner: 24 },
        ...{ eps: 1e-5, rope: { theta: 1e4, scaling: { type: "default" } }, windows: [0, 0] },
        ...{ qkvBias: false, outBias: false, mlpBias: false, qkNorm: false },
      },
      new Random(1),
    ),
};

/** Writes a model's folder. */
export function writeModelFolder(path: string, kind: keyof typeof modelKinds): void {
  const end = tokenizer.special("<|end|>");
  const tokenizerJson = writeTokenizerJson(tokenizer);
  const files = saveModel(modelKinds[kind](), { begin: end, stop: [end], tokenizerJson });
  mkdirSync(path);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
}
