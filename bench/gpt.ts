/** Measures a GPT's training step and cached generation, in tokens per second. */
import { loops } from "../src/backends/loops.ts";
import { simd } from "../src/backends/simd.ts";
import type { Backend } from "../src/core/backend.ts";
import { Random } from "../src/core/random.ts";
import { Tape } from "../src/core/tape.ts";
import { input } from "../src/core/tensor.ts";
import { Decoder } from "../src/nn/decode.ts";
import { Gpt } from "../src/nn/gpt.ts";
import { Sampler } from "../src/nn/sampler.ts";
import { crossEntropy } from "../src/ops/loss.ts";
import { AdamW } from "../src/optim/adam.ts";
import type { BenchCase, Suite } from "./harness.ts";

export interface GptSize {
  readonly vocab: number;
  readonly width: number;
  readonly layers: number;
  readonly context: number;
  readonly batch: number;
}
export const gptSizes: Readonly<Record<string, GptSize>> = {
  "vocab 64 C 64 L 2 T 32": { vocab: 64, width: 64, layers: 2, context: 32, batch: 16 },
  "vocab 256 C 128 L 4 T 64": { vocab: 256, width: 128, layers: 4, context: 64, batch: 8 },
};
const heads = 4;

/** Returns a training step (forward, cross-entropy, backward, AdamW) on one batch of random tokens, and its model. */
export function gptStep(k: Backend, { batch: B, ...size }: GptSize) {
  const T = size.context;
  const random = new Random(1);
  const gpt = new Gpt(k, { ...size, heads }, random);
  const [tokens, labels, positions] = [0, 1, 2].map(() => input(k, [B, T]));
  for (let i = 0; i < B * T; i++) {
    tokens.data[i] = random.below(size.vocab);
    labels.data[i] = random.below(size.vocab);
    positions.data[i] = i % T;
  }
  const adam = new AdamW(gpt.parameters, { learningRate: 3e-4, weightDecay: 0.1 });
  const tape = new Tape(k);
  const loss = () => crossEntropy(gpt.logits(gpt.hidden(tokens, positions)), labels);
  return {
    gpt,
    tokens,
    labels,
    step(): number {
      const made = tape.run(loss);
      tape.backward(made);
      adam.step();
      return made.data[0];
    },
  };
}

/** Returns a function that generates one text, token by token, until the context is full. */
export function gptGeneration(k: Backend, { vocab, width, layers, context }: GptSize): () => void {
  const random = new Random(1);
  const gpt = new Gpt(k, { vocab, width, layers, context, heads }, random);
  const decoder = new Decoder(gpt, 1);
  const sampler = new Sampler(vocab);
  const noise = new Float64Array(1);
  return () => {
    decoder.clear(0);
    decoder.push(0, 1);
    for (let t = 1; t < context; t++) {
      decoder.run();
      random.fillUniform(noise);
      sampler.choose(decoder.logits, 0, noise);
      decoder.push(0, sampler.token);
    }
  };
}

export const gpt: Suite = {
  about: "a GPT with 4 heads: training steps, and generating one text with a key/value cache",
  make() {
    const cases: BenchCase[] = [];
    for (const [name, size] of Object.entries(gptSizes)) {
      const { batch, context } = size;
      const train = (by: string, k: Backend, against?: string): BenchCase => ({
        name: `${by} train, ${name}`,
        amount: batch * context,
        unit: "tokens",
        run: gptStep(k, size).step,
        ...(against === undefined ? {} : { against }),
      });
      cases.push(train("simd", simd()));
      if (batch === 16) cases.push(train("loops", loops(), `simd train, ${name}`));
      const run = gptGeneration(simd(), size);
      cases.push({ name: `simd generate, ${name}`, amount: context - 1, unit: "tokens", run });
    }
    return cases;
  },
};
