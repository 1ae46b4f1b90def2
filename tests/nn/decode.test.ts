import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import type { Backend } from "../../src/core/backend.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input } from "../../src/core/tensor.ts";
import { categoricalEntropy, categoricalLogProb } from "../../src/distributions/categorical.ts";
import { Decoder, generate } from "../../src/nn/decode.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { Sampler } from "../../src/nn/sampler.ts";
import { mul } from "../../src/ops/arithmetic.ts";
import { reshape } from "../../src/ops/layout.ts";

const options = { vocab: 19, context: 12, layers: 2, heads: 3, width: 24 };

/** A model whose distributions are far from uniform. */
function sharpModel(k: Backend, seed = 1): Gpt {
  const gpt = new Gpt(k, options, new Random(seed));
  const random = new Random(seed + 1);
  for (const { data } of gpt.parameters.list)
    for (let i = 0; i < data.length; i++) data[i] += 0.2 * random.normal();
  return gpt;
}

/** Logits of the whole text by the training path, [T, vocab]. */
function logitsOf(gpt: Gpt, text: readonly number[]): Float32Array {
  const k = gpt.parameters.backend;
  const tokens = input(k, [1, text.length], text);
  const positions = input(
    k,
    [1, text.length],
    text.map((_, i) => i),
  );
  const tape = new Tape(k, { grads: false });
  return Float32Array.from(tape.run(() => gpt.logits(gpt.hidden(tokens, positions))).data);
}

const backends = { loops, simd: () => simd({ memory: 2 ** 24 }) };
describe.each(Object.entries(backends))("Decoder on %s", (_, make) => {
  test("texts of different lengths, read and continued together, have the logits of the training path", () => {
    const gpt = sharpModel(make());
    const decoder = new Decoder(gpt, 5);
    const random = new Random(3);
    const texts: number[][] = [1, 7, 3, 12, 10].map((n) =>
      Array.from({ length: n }, () => random.below(options.vocab)),
    );
    for (const [t, text] of texts.entries()) for (const token of text) decoder.push(t, token);
    for (let round = 0; round < 3; round++) {
      decoder.run();
      for (const [t, text] of texts.entries()) {
        const want = logitsOf(gpt, text).slice(-options.vocab);
        for (let j = 0; j < options.vocab; j++)
          expect(decoder.logits[t * options.vocab + j]).toBeCloseTo(want[j], 4);
        if (text.length === options.context) continue;
        const token = random.below(options.vocab);
        text.push(token);
        decoder.push(t, token);
      }
    }
  });

  test("beyond the context the text slides: the logits are those of what is left, and it says so", () => {
    const gpt = sharpModel(make());
    const decoder = new Decoder(gpt, 1, 5);
    const text = Array.from({ length: 15 }, (_, i) => (7 * i) % options.vocab);
    for (const token of text) {
      decoder.push(0, token);
      decoder.run();
    }
    expect(decoder.slid[0]).toBe(5);
    const want = logitsOf(gpt, text.slice(5)).slice(-options.vocab);
    for (let j = 0; j < options.vocab; j++) expect(decoder.logits[j]).toBeCloseTo(want[j], 4);
  });

  test("recorded log-probabilities and entropies are the trainer's, under temperature and truncation", () => {
    const gpt = sharpModel(make());
    const k = gpt.parameters.backend;
    const sampler = new Sampler(options.vocab, {
      temperature: 0.7,
      topK: 9,
      topP: 0.9,
      minP: 0.02,
    });
    const decoder = new Decoder(gpt, 1);
    const random = new Random(9);
    const noise = new Float64Array(1);
    const text = [3, 4];
    const made: { token: number; logProb: number; entropy: number; support: number[] }[] = [];
    for (const token of text) decoder.push(0, token);
    for (let i = 0; i < 10; i++) {
      decoder.run();
      random.fillUniform(noise);
      sampler.choose(decoder.logits, 0, noise);
      const { token, logProb, entropy, support } = sampler;
      made.push({ token, logProb, entropy, support: Array.from(support) });
      text.push(token);
      if (text.length < options.context) decoder.push(0, token);
    }
    expect(made.some(({ support }) => support.includes(0))).toBe(true);
    const T = options.context;
    const tokens = input(k, [1, T], text.slice(0, T));
    const positions = input(
      k,
      [1, T],
      text.slice(0, T).map((_, i) => i),
    );
    const action = input(k, [T], [0, ...made.map(({ token }) => token), 0].slice(0, T));
    const everything = new Array(options.vocab).fill(1);
    const mask = input(
      k,
      [T, options.vocab],
      [everything, ...made.map(({ support }) => support), everything].slice(0, T).flat(),
    );
    const tape = new Tape(k, { grads: false });
    const [logProb, entropy] = tape.run(() => {
      const logits = mul(gpt.logits(gpt.hidden(tokens, positions)), 1 / 0.7);
      const rows = reshape(logits, [T, options.vocab]);
      return [categoricalLogProb(rows, action, mask), categoricalEntropy(rows, mask)];
    });
    for (const [i, m] of made.slice(0, T - 2).entries()) {
      expect(Math.abs(logProb.data[i + 1] - m.logProb)).toBeLessThan(1e-5);
      expect(Math.abs(entropy.data[i + 1] - m.entropy)).toBeLessThan(1e-5);
    }
  });
});

describe("generate", () => {
  test("same seed, same text; stops at a stop token, which it gives; counts what slid away", () => {
    const gpt = sharpModel(loops());
    const take = (n: number, seed: number) => {
      const made: number[] = [];
      const slid: number[] = [];
      for (const step of generate(gpt, [1, 2, 3], new Random(seed))) {
        made.push(step.token);
        slid.push(step.slid);
        if (made.length === n) break;
      }
      return { made, slid };
    };
    const first = take(20, 4);
    expect(take(20, 4)).toEqual(first);
    expect(take(20, 5).made).not.toEqual(first.made);
    expect(first.slid.slice(0, 10)).toEqual(new Array(10).fill(0)); // 3 + 9 tokens fill the context
    expect(first.slid[19]).toBe(10);
    const stop = first.made[5];
    const until = [...generate(gpt, [1, 2, 3], new Random(4), { stop: [stop] })].length;
    expect(until).toBe(first.made.indexOf(stop) + 1);
  });

  test("an empty prompt and a token that is none are refused", () => {
    const gpt = sharpModel(loops());
    expect(() => generate(gpt, [], new Random(1)).next()).toThrow("expected a prompt");
    expect(() => generate(gpt, [19], new Random(1)).next()).toThrow(
      "expected a token below 19, got 19",
    );
  });
});

describe("Sampler", () => {
  const probabilities = [0.4, 0.3, 0.15, 0.1, 0.05];
  const logits = Float32Array.from(probabilities, (p) => Math.log(p));
  const supportOf = (options: object): number[] => {
    const sampler = new Sampler(5, options);
    sampler.choose(logits, 0, [0.5]);
    return Array.from(sampler.support);
  };

  test("supports by hand", () => {
    expect(supportOf({ topK: 2 })).toEqual([1, 1, 0, 0, 0]);
    expect(supportOf({ topP: 0.69 })).toEqual([1, 1, 0, 0, 0]);
    expect(supportOf({ topP: 0.71 })).toEqual([1, 1, 1, 0, 0]);
    expect(supportOf({ minP: 0.3 })).toEqual([1, 1, 1, 0, 0]); // 0.3 of 0.4 is 0.12
    // of the three kept by top-k, 0.4/0.85 = 0.47 and 0.3/0.85 reach 0.82
    expect(supportOf({ topK: 3, topP: 0.8 })).toEqual([1, 1, 0, 0, 0]);
    expect(supportOf({})).toEqual([1, 1, 1, 1, 1]);
  });

  test("draws with the probabilities of the truncated distribution, and says them", () => {
    const sampler = new Sampler(5, { topK: 3 });
    const random = new Random(1);
    const counts = [0, 0, 0, 0, 0];
    const noise = new Float64Array(1);
    for (let i = 0; i < 20_000; i++) {
      random.fillUniform(noise);
      sampler.choose(logits, 0, noise);
      counts[sampler.token]++;
      expect(sampler.logProb).toBeCloseTo(Math.log(probabilities[sampler.token] / 0.85), 6);
    }
    for (let j = 0; j < 5; j++) {
      const p = j < 3 ? probabilities[j] / 0.85 : 0;
      expect(Math.abs(counts[j] / 20_000 - p)).toBeLessThan(
        4 * Math.sqrt((p * (1 - p)) / 20_000) + 1e-9,
      );
    }
  });

  test("temperature divides logits; greedy takes the first of the likeliest", () => {
    const cold = new Sampler(5, { temperature: 0.5 });
    cold.choose(logits, 0, [0]);
    const squares = probabilities.map((p) => p * p);
    const sum = squares.reduce((a, b) => a + b);
    expect(cold.logProb).toBeCloseTo(Math.log(squares[0] / sum), 6);
    const greedy = new Sampler(3, { greedy: true });
    greedy.choose(Float32Array.of(9, 1, 2, 2), 1, [0.99]);
    expect(greedy.token).toBe(1);
  });

  test("the repetition penalty divides positive logits of tokens seen and multiplies negative ones", () => {
    const sampler = new Sampler(4, { repetitionPenalty: 2, greedy: true });
    const x = Float32Array.of(3, 2, -1, -3);
    sampler.choose(x, 0, [0], [9, 0, 2, 0], 1, 4);
    const penalized = [1.5, 2, -2, -3];
    const sum = penalized.reduce((total, v) => total + Math.exp(v), 0);
    expect(sampler.token).toBe(1);
    expect(sampler.logProb).toBeCloseTo(2 - Math.log(sum), 6);
  });

  test("a setting out of range is refused", () => {
    expect(() => new Sampler(5, { topP: 0 })).toThrow("setting topP");
    expect(() => new Sampler(5, { temperature: 0 })).toThrow("setting temperature");
  });
});
