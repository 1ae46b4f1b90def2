/** A batch of completions in chunks: every number as each text alone has it. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { SettingError, ShapeError } from "../../src/core/errors.ts";
import { Tape } from "../../src/core/tape.ts";
import { type ChunkSizes, CompletionChunks } from "../../src/rollout/completion-chunks.ts";
import { Completions } from "../../src/rollout/completions.ts";
import { Pack } from "../../src/rollout/pack.ts";
import { logitsOf, logSoftmax, tiny, tinyGpt } from "../support/tiny-gpt.ts";

describe("Pack", () => {
  const texts = [
    [1, 2, 3, 4],
    [5, 6, 1],
    [2, 3, 4, 5, 6],
    [6, 5],
    [4, 4, 4],
  ];
  test("by hand: texts go to the first row with room, each with its own positions, seeing its past alone", () => {
    const pack = new Pack(loops(), 2, 5);
    expect(texts.map((text) => pack.add(text))).toEqual([0, 3, 5, 9, -1]);
    expect([...pack.tokens.data]).toEqual([1, 2, 3, 5, 6, 2, 3, 4, 5, 6]);
    expect([...pack.positions.data]).toEqual([0, 1, 2, 0, 1, 0, 1, 2, 3, 0]);
    expect([...pack.following.data]).toEqual([2, 3, 4, 6, 1, 3, 4, 5, 6, 5]);
    const seen = (row: number): string[] =>
      Array.from({ length: 5 }, (_, i) =>
        pack.allowed.data.slice((row * 5 + i) * 5, (row * 5 + i + 1) * 5).join(""),
      );
    expect(seen(0)).toEqual(["10000", "11000", "11100", "00010", "00011"]);
    expect(seen(1)).toEqual(["10000", "11000", "11100", "11110", "00001"]);
  });
  test("cleared, it is as new: nothing but a position's sight of itself", () => {
    const pack = new Pack(loops(), 2, 3);
    const columns = () =>
      [pack.tokens, pack.positions, pack.following, pack.allowed].map(({ data }) => [...data]);
    const fresh = columns();
    expect(fresh[3]).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1]);
    for (const text of [
      [1, 2, 3, 4],
      [5, 6, 1, 2],
      [1, 2],
    ])
      pack.add(text);
    pack.clear();
    expect(columns()).toEqual(fresh);
    expect(pack.add([1, 2, 3, 4])).toBe(0);
  });
  test("a text has 2 tokens to one more than a row", () => {
    const pack = new Pack(loops(), 2, 3);
    expect(pack.add([1, 2])).toBe(0);
    expect(pack.add([1, 2, 3, 4])).toBe(3);
    for (const text of [[], [1], [1, 2, 3, 4, 5]]) expect(() => pack.add(text)).toThrow(ShapeError);
  });
});

const steps = 4;
const samples = [
  { prompt: [1, 2], tokens: [3, 4, 5] },
  { prompt: [6], tokens: [1] },
  { prompt: [2, 2, 3], tokens: [6, 5, 4, 3] },
  { prompt: [4, 1], tokens: [2, 2] },
  { prompt: [3], tokens: [5, 5, 1] },
  { prompt: [5, 6], tokens: [6] },
];
/** The samples as a batch; the second token of each is the environment's. */
function batchOf(supports: boolean): Completions {
  const batch = new Completions(samples.length, steps, { supportSize: supports ? tiny.vocab : 0 });
  for (const [i, { prompt, tokens }] of samples.entries()) {
    batch.start(i, prompt);
    batch.length[i] = tokens.length;
    for (const [j, token] of tokens.entries()) {
      const at = i * steps + j;
      batch.token[at] = token;
      batch.mask[at] = Number(j !== 1);
      if (j !== 1) batch.support?.set(supportOf(token), at * tiny.vocab);
    }
  }
  return batch;
}
/** Two tokens could be drawn: what was, and the one before. */
const supportOf = (token: number): number[] =>
  Array.from({ length: tiny.vocab }, (_, v) => Number(v === token || v === (token + 6) % 7));

function chunksOf(
  changes: Partial<ChunkSizes> = {},
  { supports = false, temperature = 1, gpt = tinyGpt() } = {},
) {
  const sizes = { rows: 2, positions: 7, samples: 3, steps, ...changes };
  return { gpt, chunks: new CompletionChunks(gpt, batchOf(supports), sizes, temperature) };
}
const order = [9, 4, 0, 2, 5, 1, 3, 9];
const [first, end] = [1, 7];
const noMore = { entropy: false, value: false };

/** ln π of all samples' tokens, through the chunks, and which samples each chunk held. */
function through({ gpt, chunks }: ReturnType<typeof chunksOf>) {
  const column = new Float64Array(samples.length * steps).fill(-99);
  const held: number[][] = [];
  chunks.forEachChunk(order, first, end, () => {
    const tape = new Tape(gpt.parameters.backend, { grads: false });
    const { logProb, entropy, value } = tape.run(() => chunks.evaluate(noMore));
    expect([entropy, value]).toEqual([null, null]);
    chunks.spill(logProb, column);
    held.push([...chunks.sample.subarray(0, chunks.count)]);
  });
  return { column, held };
}

function mustBe(
  column: Float64Array,
  gpt: ReturnType<typeof tinyGpt>,
  { temperature = 1, tokens = tiny.vocab, supports = false },
): void {
  for (const [i, sample] of samples.entries()) {
    const text = [...sample.prompt, ...sample.tokens];
    const all = logitsOf(gpt, text.slice(0, -1));
    for (const [j, token] of sample.tokens.entries()) {
      if (token >= tokens) continue;
      const allowed = Array.from({ length: tiny.vocab }, (_, v) => Number(v < tokens));
      const kept = supports && j !== 1 ? supportOf(token) : allowed;
      const want = logSoftmax(all[sample.prompt.length - 1 + j], temperature, kept)[token];
      expect(column[i * steps + j], `sample ${i}, token ${j}`).toBeCloseTo(want, 9);
    }
  }
}

describe("CompletionChunks", () => {
  for (const [name, { temperature, tokens, supports }] of Object.entries({
    "as they are": {},
    tempered: { temperature: 0.5 },
    "where the first ids alone can be drawn": { tokens: 6 },
    "where truncated sampling kept two tokens": { supports: true },
    "all of it": { temperature: 2, tokens: 6, supports: true },
  } as Record<string, { temperature?: number; tokens?: number; supports?: boolean }>)) {
    test(`ln π of every text is what it has alone: ${name}`, () => {
      const own = chunksOf(tokens === undefined ? {} : { tokens }, { supports, temperature });
      const { column, held } = through(own);
      expect(held.flat()).toEqual([4, 0, 2, 5, 1, 3]);
      expect(held.length).toBeGreaterThan(1);
      expect(Math.max(...held.map(({ length }) => length))).toBeLessThanOrEqual(3);
      mustBe(column, own.gpt, { temperature, tokens, supports });
      mustBe(through(own).column, own.gpt, { temperature, tokens, supports }); // nothing is left of the chunks before
    });
  }

  test("by hand: texts of 3, 4, 6, 2, 1 and 3 positions, by the rows' room and the most samples", () => {
    const held = (changes: Partial<ChunkSizes>): number[][] => through(chunksOf(changes)).held;
    expect(held({ positions: 8, samples: 6 })).toEqual([[4, 0, 2, 5, 1], [3]]);
    expect(held({ positions: 8, samples: 2 })).toEqual([
      [4, 0],
      [2, 5],
      [1, 3],
    ]);
    expect(held({ positions: 7, samples: 6 })).toEqual([
      [4, 0, 2],
      [5, 1, 3],
    ]);
    expect(held({ positions: 19, samples: 6, rows: 1 })).toEqual([[4, 0, 2, 5, 1, 3]]);
  });

  test("samples that must stay together are in one chunk, or refused", () => {
    const { held } = through(chunksOf({ together: 2, samples: 6, positions: 10 }));
    for (const part of held) expect(part.length % 2).toBe(0);
    expect(held.flat()).toEqual([4, 0, 2, 5, 1, 3]);
    const three = through(chunksOf({ together: 3, samples: 6 }));
    expect(three.held).toEqual([
      [4, 0, 2],
      [5, 1, 3],
    ]);
    expect(() => through(chunksOf({ together: 6, samples: 6 }))).toThrow(SettingError);
    expect(() => through(chunksOf({ together: 6, samples: 5, rows: 9 }))).toThrow(SettingError);
  });

  test("a column's numbers go to the part and back; 0 behind the last sample; no pass for no samples", () => {
    const { chunks } = chunksOf();
    const [tokens, each] = [new Float64Array(24), new Float64Array(6)].map((of) =>
      chunks.column(of),
    );
    expect([tokens.shape, each.shape]).toEqual([[3, 4], [3]]);
    const numbers = Float64Array.from({ length: 24 }, (_, i) => 100 + i);
    const back = new Float64Array(24);
    let passes = 0;
    chunks.forEachChunk([2, 5], 0, 2, () => {
      passes++;
      tokens.data.fill(7);
      each.data.fill(7);
      chunks.fill(tokens, numbers);
      chunks.fill(each, numbers);
      expect([...tokens.data]).toEqual([108, 109, 110, 111, 120, 121, 122, 123, 0, 0, 0, 0]);
      expect([...each.data]).toEqual([102, 105, 0]);
      tokens.data.fill(55, 8);
      chunks.spill(tokens, back);
    });
    expect([...back]).toEqual([...numbers].map((x, i) => (Math.floor(i / 4) % 3 === 2 ? x : 0)));
    chunks.forEachChunk([], 0, 0, () => passes++);
    expect(passes).toBe(1);
  });

  test("place says where each token is predicted, 0 behind a text's end", () => {
    const { chunks } = chunksOf();
    chunks.forEachChunk([0, 1], 0, 2, () => {
      expect([...chunks.place.data]).toEqual([1, 2, 3, 0, 4, 0, 0, 0, 0, 0, 0, 0]);
    });
    chunks.forEachChunk([1], 0, 1, () => {
      expect([...chunks.place.data]).toEqual(new Array(12).fill(0));
    });
  });

  test("entropies and values, of each token, where they are asked for", () => {
    const gpt = tinyGpt({ valueHead: true });
    const { chunks } = chunksOf({ tokens: 6 }, { temperature: 4, gpt });
    chunks.forEachChunk([0], 0, 1, () => {
      const tape = new Tape(gpt.parameters.backend, { grads: false });
      const { entropy, value } = tape.run(() => chunks.evaluate({ entropy: true, value: true }));
      expect([entropy?.shape, value?.shape]).toEqual([
        [3, 4],
        [3, 4],
      ]);
      const allowed = [1, 1, 1, 1, 1, 1, 0];
      for (const [j, logits] of logitsOf(gpt, [1, 2, 3, 4]).slice(1).entries()) {
        const logP = logSoftmax(logits, 4, allowed);
        const want = logP.reduce((sum, l, v) => (allowed[v] ? sum - Math.exp(l) * l : sum), 0);
        expect(entropy?.data[j]).toBeCloseTo(want, 9);
      }
    });
  });
});
