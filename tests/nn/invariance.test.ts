// @module-tag deep
/**
 * A text's bits do not depend on its neighbors: alone, in a batch, packed beside others, or token by token from the
 * key/value cache, a position has the same logits; and the log-probability recorded while sampling is the trainer's.
 */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import type { Backend } from "../../src/core/backend.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { free, input, NONE, type Tensor } from "../../src/core/tensor.ts";
import { Decoder, generate } from "../../src/nn/decode.ts";
import { Gpt, type GptOptions } from "../../src/nn/gpt.ts";
import { Llama, type LlamaOptions } from "../../src/nn/llama.ts";
import type { Sampling } from "../../src/nn/sampler.ts";
import type { LanguageModel } from "../../src/nn/transformer.ts";
import { valuesOf } from "../../src/nn/value.ts";
import { reshape } from "../../src/ops/layout.ts";
import { CompletionChunks } from "../../src/rollout/completion-chunks.ts";
import { Completer } from "../../src/rollout/completions.ts";
import { Pack } from "../../src/rollout/pack.ts";
import { bitsOf } from "../support/bits.ts";

const backends: Record<string, () => Backend> = { loops, simd: () => simd({ memory: 2 ** 26 }) };
const llama: LlamaOptions = {
  ...{ vocab: 37, context: 24, layers: 2, heads: 4, width: 12, tied: true, valueHead: false },
  ...{ keyHeads: 2, headWidth: 4, inner: 20, eps: 1e-5, windows: [0, 0] },
  rope: { theta: 100, scaling: { type: "default" } },
  ...{ qkvBias: false, outBias: false, mlpBias: false, qkNorm: false },
};
const models: Record<string, GptOptions | LlamaOptions> = {
  "Llama, two queries per key head": llama,
  "Llama with windows of 3 and 8, biases, norms of queries and keys, a value head": {
    ...llama,
    ...{ vocab: 130, heads: 3, keyHeads: 1, headWidth: 6, windows: [3, 8], valueHead: true },
    ...{ qkvBias: true, outBias: true, mlpBias: true, qkNorm: true, tied: false },
  },
  "one head of width 5": { vocab: 7, context: 13, layers: 1, heads: 1, width: 5 },
  "heads of width 3, vocabulary 5": { vocab: 5, context: 20, layers: 2, heads: 2, width: 6 },
  "heads of width 4": { vocab: 37, context: 24, layers: 2, heads: 3, width: 12, valueHead: true },
  "heads of width 8, untied": {
    ...{ vocab: 64, context: 33, layers: 3, heads: 2, width: 16, tied: false, valueHead: true },
  },
  "a layer deeper than a block": { vocab: 130, context: 40, layers: 1, heads: 4, width: 76 },
};

/** A model whose distributions are far from uniform. */
function sharp(k: Backend, options: GptOptions | LlamaOptions, seed: number): LanguageModel {
  const gpt =
    "rope" in options
      ? new Llama(k, options, new Random(seed))
      : new Gpt(k, options, new Random(seed));
  const random = new Random(seed + 1);
  for (const { data } of gpt.parameters.list)
    for (let i = 0; i < data.length; i++) data[i] += 0.2 * random.normal();
  return gpt;
}
const textOf = (random: Random, vocab: number, n: number): number[] =>
  Array.from({ length: n }, () => random.below(vocab));

interface Outputs {
  readonly logits: Float32Array;
  readonly value: Float32Array;
}

/** Logits and values at every position of tokens [rows, T], by the trainer's pass. */
function evaluate(
  gpt: LanguageModel,
  [tokens, positions, allowed]: readonly [Tensor, Tensor, Tensor?],
  grads = true,
): Outputs {
  const tape = new Tape(gpt.parameters.backend, { grads });
  const { valueHead, vocab } = gpt.options;
  let value: Tensor = NONE;
  const { data } = tape.run(() => {
    const hidden = reshape(gpt.hidden(tokens, positions, allowed), [-1, gpt.options.width]);
    if (valueHead) value = valuesOf(gpt, hidden);
    return gpt.logits(hidden);
  });
  const made = { logits: Float32Array.from(data), value: Float32Array.from(value.data) };
  expect(made.logits.length % vocab).toBe(0);
  tape.drop();
  return made;
}

/** Texts side by side, padded with token 0 to T positions. */
function padded(
  gpt: LanguageModel,
  texts: readonly (readonly number[])[],
  T: number,
  grads = true,
): Outputs {
  const k = gpt.parameters.backend;
  const each = (f: (text: readonly number[], i: number) => number): Tensor =>
    input(
      k,
      [texts.length, T],
      texts.flatMap((text) => Array.from({ length: T }, (_, i) => f(text, i))),
    );
  const made = [each((text, i) => text[i] ?? 0), each((_, i) => i)] as const;
  const outputs = evaluate(gpt, made, grads);
  free(...made);
  return outputs;
}

describe.each(Object.entries(backends))("%s", (_, make) => {
  describe.each(Object.entries(models))("%s", (_, options) => {
    const { vocab, context, valueHead = false } = options;

    test("whole texts: alone, in batches, in another order, padded, packed; with gradients or without", () => {
      const gpt = sharp(make(), options, 1);
      const random = new Random(2);
      const texts = [1, 2, 3, 5, 8, 12, 7, 4, 11, 6].map((n) => textOf(random, vocab, n));
      const alone = texts.map((text) => padded(gpt, [text], text.length));
      const expectText = (at: number, { logits, value }: Outputs, place: number, how: string) => {
        const n = texts[at].length;
        const label = `text ${at}, ${how}`;
        const same = logits.subarray(place * vocab, (place + n) * vocab);
        expect(bitsOf(same), label).toEqual(bitsOf(alone[at].logits));
        if (valueHead)
          expect(bitsOf(value.subarray(place, place + n)), label).toEqual(bitsOf(alone[at].value));
      };
      for (const T of [12, context]) {
        for (const [how, order] of [
          ["all", texts.map((_, i) => i)],
          ["the other way round", texts.map((_, i) => texts.length - 1 - i)],
          ["some", [3, 0, 7]],
        ] as const) {
          const chosen = order.map((i) => texts[i]);
          const outputs = padded(gpt, chosen, T, how !== "some");
          for (const [row, at] of order.entries()) expectText(at, outputs, row * T, `${how}, ${T}`);
        }
      }
      const pack = new Pack(gpt.parameters.backend, 9, context);
      const places = texts.map((text) => pack.add([...text, 0]));
      expect(new Set(places.map((place) => (place % context) % 4)).size).toBeGreaterThan(2);
      const outputs = evaluate(gpt, [pack.tokens, pack.positions, pack.allowed]);
      for (const [at, place] of places.entries()) expectText(at, outputs, place, "packed");
    });

    test("from the cache, in passes of any number of rows, as from the whole text", () => {
      const gpt = sharp(make(), options, 3);
      const random = new Random(4);
      const texts = [1, 9, 4, 2, 12].map((n) => textOf(random, vocab, n));
      for (const together of [texts.length, 2, 1]) {
        const decoder = new Decoder(gpt, together);
        for (let first = 0; first < texts.length; first += together) {
          decoder.clearAll();
          const some = texts.slice(first, first + together).map((text) => [...text]);
          for (const [t, text] of some.entries()) for (const token of text) decoder.push(t, token);
          for (let round = 0; round < context; round++) {
            decoder.run();
            for (const [t, text] of some.entries()) {
              if (round % 5 > 1 && text.length < context) continue;
              const whole = padded(gpt, [text], text.length).logits.slice(-vocab);
              const cached = decoder.logits.slice(t * vocab, (t + 1) * vocab);
              expect(bitsOf(cached), `text ${first + t} of ${together}`).toEqual(bitsOf(whole));
            }
            for (const [t, text] of some.entries()) {
              if (text.length === context || random.below(3) === 0) continue;
              text.push(random.below(vocab));
              decoder.push(t, text[text.length - 1]);
            }
          }
        }
        decoder.free();
      }
    });

    test("sampled log-probabilities are the trainer's, for every sampling, packing and number of rows", () => {
      const k = make();
      const samplings: Partial<Sampling>[] = [
        {},
        { temperature: 0.7 },
        { temperature: 1.3, topK: 4 },
        { topP: 0.8 },
        { temperature: 0.9, topP: 0.9, topPRule: "within" },
        { minP: 0.1 },
        { temperature: 1.7, topK: 5, topP: 0.95, minP: 0.02 },
        { greedy: true },
      ];
      let drawn = 0;
      for (const [s, sampling] of samplings.entries()) {
        const gpt = sharp(k, options, 10 + s);
        const random = new Random(20 + s);
        const tokens = s % 3 === 2 ? vocab - 2 : vocab;
        const rows = [1, 3, 6, 32][s % 4];
        const completer = new Completer(gpt, { rows, stop: [0], sampling, tokens });
        const steps = 2 + random.below(6);
        const prompts = Array.from({ length: 9 }, () =>
          textOf(random, vocab, 1 + random.below(context - steps)),
        );
        const batch = completer.batch(prompts.length, steps);
        completer.complete(batch, prompts, random);
        const longest = Math.max(...prompts.map((p, i) => p.length + batch.length[i] - 1));
        for (const [positions, packs, samples] of [
          [longest, 1, 1],
          [context, 2, 9],
          [context, 5, 4],
        ]) {
          const sizes = { rows: packs, positions, samples, steps, tokens };
          const chunks = new CompletionChunks(gpt, batch, sizes, sampling.temperature ?? 1);
          const order = Int32Array.from(prompts, (_, i) => i);
          random.shuffle(order);
          const found = new Float32Array(batch.logProb.length).fill(Number.NaN);
          const tape = new Tape(k);
          chunks.forEachChunk(order, 0, order.length, () => {
            const { logProb } = tape.run(() => chunks.evaluate({ entropy: false, value: false }));
            chunks.spill(logProb, found);
          });
          tape.drop();
          for (let i = 0; i < found.length; i++) {
            if (batch.mask[i] === 0) continue;
            expect(found[i], `${JSON.stringify(sampling)}, sample ${i}`).toBe(batch.logProb[i]);
            drawn++;
          }
        }
        completer.free();
      }
      expect(drawn).toBeGreaterThan(3 * 8 * 9);
    });

    test("`generate` says the log-probability of the trainer's pass", () => {
      const gpt = sharp(make(), options, 5);
      const text = [1, 2];
      const said: number[] = [];
      for (const { token, logProb } of generate(gpt, text, new Random(6), { temperature: 0.8 })) {
        said.push(logProb);
        text.push(token);
        if (text.length === context) break;
      }
      const completer = new Completer(gpt, { rows: 1, stop: [], sampling: { temperature: 0.8 } });
      const batch = completer.batch(1, said.length);
      completer.complete(batch, [[1, 2]], new Random(6));
      expect(batch.tokensOf(0)).toEqual(text.slice(2));
      expect([...batch.logProb]).toEqual(said);
      completer.free();
    });
  });
});
