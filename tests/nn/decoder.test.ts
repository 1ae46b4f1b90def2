/** The decoder and `generate` against whole passes over what is in sight. */
import { describe, expect, test } from "vitest";
import { simd } from "../../src/backends/simd.ts";
import { SettingError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Decoder, type GenerateOptions, generate } from "../../src/nn/decode.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { entropyOf, logitsOf, logSoftmax, tiny, tinyGpt } from "../support/tiny-gpt.ts";

const gpt = tinyGpt();
const { context, vocab } = tiny;

/** What is left of a text that grew token by token, losing `slide` tokens whenever it was full. */
function inSight(text: readonly number[], slide: number): { left: number[]; slid: number } {
  const left: number[] = [];
  let slid = 0;
  for (const token of text) {
    if (left.length === context) {
      left.splice(0, slide);
      slid += slide;
    }
    left.push(token);
  }
  return { left, slid };
}
const near = (got: ArrayLike<number>, want: readonly number[], at = 0): void => {
  for (const [j, x] of want.entries()) expect(got[at + j]).toBeCloseTo(x, 8);
};
const last = (text: readonly number[]): number[] => logitsOf(gpt, text).at(-1) as number[];

describe("Decoder", () => {
  for (const slide of [1, 4, context]) {
    test(`three texts that slide by ${slide}: tokens, lengths, logits at each step`, () => {
      const decoder = new Decoder(gpt, 3, slide);
      const random = new Random(2);
      const texts: number[][] = [[], [], []];
      for (let step = 0; step < 12; step++) {
        for (const [t, text] of texts.entries())
          for (let n = 1 + ((step + t) % 3); n > 0; n--) {
            text.push(random.below(vocab));
            decoder.push(t, text.at(-1) as number);
          }
        decoder.run();
        for (const [t, text] of texts.entries()) {
          const { left, slid } = inSight(text, slide);
          expect([decoder.length[t], decoder.slid[t]]).toEqual([left.length, slid]);
          expect([...decoder.text.subarray(t * context, t * context + left.length)]).toEqual(left);
          near(decoder.logits, last(left), t * vocab);
        }
      }
    });
  }

  test("more pending tokens than one pass takes: 10 texts of up to 12 at once", () => {
    const decoder = new Decoder(gpt, 10);
    const random = new Random(2);
    const texts = Array.from({ length: 10 }, (_, t) =>
      Array.from({ length: 12 - (t % 4) }, () => random.below(vocab)),
    );
    for (const [t, text] of texts.entries()) for (const token of text) decoder.push(t, token);
    decoder.run();
    for (const [t, text] of texts.entries()) near(decoder.logits, last(text), t * vocab);
  });

  test("a run without pending tokens changes nothing; a cleared text begins anew, others stay", () => {
    const decoder = new Decoder(gpt, 2);
    for (const token of [1, 2, 3]) for (const t of [0, 1]) decoder.push(t, token + t);
    decoder.run();
    const before = [...decoder.logits];
    decoder.run();
    expect([...decoder.logits]).toEqual(before);
    decoder.clear(0);
    expect([...decoder.length]).toEqual([0, 3]);
    decoder.push(0, 5);
    decoder.push(1, 6);
    decoder.run();
    near(decoder.logits, last([5]), 0);
    near(decoder.logits, last([2, 3, 4, 6]), vocab);
    for (let i = 0; i < context; i++) decoder.push(0, 1);
    decoder.clear(0);
    expect([...decoder.slid]).toEqual([0, 0]);
  });

  test("clearAll forgets what was computed under other weights", () => {
    const model = tinyGpt({}, 5);
    const decoder = new Decoder(model, 1);
    const read = (): void => {
      for (const token of [1, 2, 3]) decoder.push(0, token);
      decoder.run();
    };
    read();
    for (const { data } of model.parameters.list)
      for (let i = 0; i < data.length; i++) data[i] *= 1.1;
    decoder.clearAll();
    read();
    near(decoder.logits, logitsOf(model, [1, 2, 3])[2]);
  });

  test("refuses tokens, texts and slides that are none", () => {
    for (const token of [-1, vocab, 0.5, Number.NaN])
      expect(() => new Decoder(gpt, 1).push(0, token)).toThrow(RangeError);
    for (const [texts, slide] of [
      [0, 1],
      [1, 0],
      [1, context + 1],
    ])
      expect(() => new Decoder(gpt, texts, slide)).toThrow(RangeError);
  });

  test("free and the end of `generate` give every byte back, also after a break", () => {
    const k = simd({ memory: 2 ** 22 });
    const model = new Gpt(k, tiny, new Random(1));
    const before = k.live();
    const decoder = new Decoder(model, 2);
    for (const n of [1, 3, 9]) {
      for (let i = 0; i < n; i++) decoder.push(0, 1);
      decoder.run();
    }
    decoder.free();
    expect(k.live()).toBe(before);
    for (const _ of generate(model, [1], new Random(1))) break;
    expect(k.live()).toBe(before);
    expect([...generate(model, [1], new Random(1), { stop: [0, 1, 2, 3, 4, 5, 6] })].length).toBe(
      1,
    );
    expect(k.live()).toBe(before);
  });
});

describe("generate", () => {
  /** Token by token, from all that is in sight. */
  function naive(prompt: readonly number[], n: number, seed: number, o: GenerateOptions) {
    const random = new Random(seed);
    const { slide = 1, temperature = 1, stop = [], tokens = vocab, repetitionPenalty: by = 1 } = o;
    const lost = Math.max(0, prompt.length - context);
    const text = prompt.slice(lost);
    const made = [];
    while (made.length < n) {
      const { left, slid } = inSight(text, slide);
      const logits = last(left).map((x, j) => (left.includes(j) ? (x > 0 ? x / by : x * by) : x));
      const lp = logSoftmax(
        logits,
        temperature,
        logits.map((_, j) => Number(j < tokens)),
      );
      let rest = random.uniform();
      let token = 0;
      while (rest >= Math.exp(lp[token])) rest -= Math.exp(lp[token++]);
      text.push(token);
      made.push({ token, logProb: lp[token], entropy: entropyOf(lp), slid: slid + lost });
      if (stop.includes(token)) break;
    }
    return made;
  }
  const long = Array.from({ length: context + 3 }, (_, i) => (3 * i) % vocab);
  test.each([
    ["a short prompt, far beyond the context", [1, 2], {}],
    ["slides of 5", [1, 2], { slide: 5 }],
    ["a prompt longer than the context: its last tokens", long, {}],
    ["a temperature", [4], { temperature: 0.5 }],
    ["the first ids alone", [4], { tokens: 3 }],
    ["a penalty on what is in sight alone", [4], { repetitionPenalty: 1.7, slide: 3 }],
    ["up to a stop token, which is given", [1, 2], { stop: [0, 3] }],
  ] as [string, number[], GenerateOptions][])("%s", (_, prompt, options) => {
    const want = naive(prompt, 30, 4, options);
    const got = [];
    for (const step of generate(gpt, prompt, new Random(4), options)) {
      got.push({ ...step });
      if (got.length === 30) break;
    }
    expect(got.map(({ token }) => token)).toEqual(want.map(({ token }) => token));
    expect(got.map(({ slid }) => slid)).toEqual(want.map(({ slid }) => slid));
    near(
      got.map(({ logProb }) => logProb),
      want.map(({ logProb }) => logProb),
    );
    near(
      got.map(({ entropy }) => entropy),
      want.map(({ entropy }) => entropy),
    );
    if (options.stop !== undefined) expect(got.length).toBeLessThan(30);
    if (options.tokens !== undefined)
      expect(Math.max(...got.map(({ token }) => token))).toBeLessThan(3);
  });
  test("an empty prompt is refused", () => {
    expect(() => generate(gpt, [], new Random(1)).next()).toThrow(SettingError);
  });
});
