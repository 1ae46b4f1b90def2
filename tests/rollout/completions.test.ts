/** Completions against the same texts written one at a time, by whole passes of the model. */
import { describe, expect, test } from "vitest";
import { simd } from "../../src/backends/simd.ts";
import { SettingError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { solo } from "../../src/core/team.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { Completer, type CompleterOptions, Completions } from "../../src/rollout/completions.ts";
import { modelKinds } from "../support/model-folder.ts";
import { entropyOf, logitsOf, logSoftmax, tiny, tinyGpt } from "../support/tiny-gpt.ts";

const gpt = tinyGpt();
const stop = [6];
const prompts = [[1], [2, 3], [4, 5, 1], [0, 0], [3]];
const steps = 8;

/** The completion of one prompt: u by u, the first token whose share of the probabilities passes u. */
function write(prompt: readonly number[], u: () => number, limit = steps, temperature = 1) {
  const tokens: number[] = [];
  const logProb: number[] = [];
  const entropy: number[] = [];
  while (tokens.length < limit && tokens.at(-1) !== stop[0]) {
    const logits = logitsOf(gpt, [...prompt, ...tokens]).at(-1) as number[];
    const lp = logSoftmax(logits, temperature);
    let left = u();
    let token = 0;
    while (left >= Math.exp(lp[token])) left -= Math.exp(lp[token++]);
    tokens.push(token);
    logProb.push(lp[token]);
    entropy.push(entropyOf(lp));
  }
  return { tokens, logProb, entropy, ended: Number(tokens.at(-1) === stop[0]) };
}
type Written = ReturnType<typeof write>;

/** The uniform numbers of sample i, after `before` others. */
function numbersFrom(seed: number, i: number, before = 0): () => number {
  const random = new Random(seed);
  for (let n = 0; n < before + i * steps; n++) random.uniform();
  return () => random.uniform();
}

function complete(
  options: Partial<CompleterOptions>,
  seed = 3,
  list = prompts,
  first = 0,
): Completions {
  const completer = new Completer(gpt, { stop, ...options });
  const batch = completer.batch(first + list.length, steps);
  completer.complete(batch, list, new Random(seed), first);
  completer.free();
  return batch;
}

function mustBe(batch: Completions, i: number, want: Written): void {
  const at = i * batch.steps;
  const n = want.tokens.length;
  const column = (x: { readonly [i: number]: number }): number[] =>
    Array.from({ length: batch.steps }, (_, j) => x[at + j]);
  const padded = (x: readonly number[]): number[] => [...x, ...new Array(batch.steps - n).fill(0)];
  expect(batch.length[i]).toBe(n);
  expect(column(batch.token)).toEqual(padded(want.tokens));
  expect(column(batch.mask)).toEqual(padded(want.tokens.map(() => 1)));
  for (const name of ["logProb", "entropy"] as const)
    for (const [j, x] of padded(want[name]).entries())
      expect(batch[name][at + j]).toBeCloseTo(x, 9);
  expect(batch.endLength[i]).toBe(want.ended);
}

describe("Completer", () => {
  test("token j of sample i is drawn by inverse CDF with the generator's number i·steps + j, in any rows", () => {
    for (const rows of [1, 2, 64]) {
      const batch = complete({ rows });
      const written = prompts.map((prompt, i) => write(prompt, numbersFrom(3, i)));
      for (const [i, want] of written.entries()) mustBe(batch, i, want);
      expect(batch.prompt).toEqual(prompts);
      expect(batch.support).toBeNull();
    }
  });

  test.each(["gpt2", "llama"] as const)(
    "%s: prompts of a group, read once, give the bits of one text at a time",
    (kind) => {
      const model = modelKinds[kind]();
      const groups = Array.from({ length: 7 }, (_, g) =>
        Array.from({ length: 2 + g }, (_, j) => (5 * g + 3 * j) % model.options.vocab),
      ).flatMap((prompt) => new Array<number[]>(6).fill(prompt).map((same) => [...same]));
      const often = { stop: Array.from({ length: 80 }, (_, i) => i) }; // most end soon
      const [alone, ...shared] = [1, 4, 9, 64].map((rows) => {
        const completer = new Completer(model, { ...often, rows });
        const batch = completer.batch(groups.length, steps);
        completer.complete(batch, groups, new Random(3));
        completer.free();
        return batch;
      });
      expect(new Set(alone.length).size).toBeGreaterThan(3);
      for (const batch of shared)
        for (const name of ["token", "logProb", "entropy", "length"] as const)
          expect(batch[name]).toEqual(alone[name]);
    },
  );

  test("the numbers of a second batch follow those of the first, also where a block was begun", () => {
    const completer = new Completer(gpt, { stop });
    const [first, second] = [0, 1].map(() => completer.batch(1, steps));
    const random = new Random(3);
    random.bits();
    completer.complete(first, [prompts[0]], random);
    completer.complete(second, [prompts[1]], random);
    const [one, two] = [0, 1].map((i) => numbersFrom(3, i, 1));
    mustBe(first, 0, write(prompts[0], one));
    mustBe(second, 0, write(prompts[1], two));
  });

  test("greedy texts do not depend on the rows, nor on the place in the batch", () => {
    const sampling = { greedy: true };
    const [one, many, behind] = [
      complete({ rows: 1, sampling }),
      complete({ rows: 64, sampling }),
      complete({ rows: 2, sampling }, 1, prompts, 2),
    ];
    for (const i of prompts.keys()) {
      expect(many.tokensOf(i)).toEqual(one.tokensOf(i));
      expect(behind.tokensOf(i + 2)).toEqual(one.tokensOf(i));
    }
    expect(behind.length.subarray(0, 2)).toEqual(new Int32Array(2));
  });

  test("a temperature is what is drawn from, and what logProb and entropy are of", () => {
    const batch = complete({ rows: 1, sampling: { temperature: 2 } }, 5);
    for (const [i, prompt] of prompts.entries())
      mustBe(batch, i, write(prompt, numbersFrom(5, i), steps, 2));
  });

  test("truncated sampling keeps the support of each token; ids beyond `tokens` are never drawn", () => {
    const batch = complete({ sampling: { topK: 2 } });
    for (const i of prompts.keys()) {
      for (let j = 0; j < batch.length[i]; j++) {
        const at = i * steps + j;
        const logits = logitsOf(gpt, [...prompts[i], ...batch.tokensOf(i).slice(0, j)]).at(
          -1,
        ) as number[];
        const least = [...logits].sort((a, b) => b - a)[1];
        const kept = logits.map((x) => Number(x >= least));
        expect([...(batch.support ?? []).slice(at * tiny.vocab, (at + 1) * tiny.vocab)]).toEqual(
          kept,
        );
        expect(batch.logProb[at]).toBeCloseTo(logSoftmax(logits, 1, kept)[batch.token[at]], 9);
      }
    }
    const few = complete({ tokens: 3, stop: [] });
    expect(Math.max(...few.token)).toBeLessThan(3);
    expect([...few.length]).toEqual(prompts.map(() => steps));
    expect([...few.endLength]).toEqual(prompts.map(() => 0));
  });

  test("a repetition penalty counts the row's own text, prompt and completion", () => {
    const sampling = { greedy: true, repetitionPenalty: 1000 };
    const batch = complete({ rows: 2, sampling, stop: [] });
    for (const [i, prompt] of prompts.entries()) {
      const text = [...prompt];
      for (const token of batch.tokensOf(i)) {
        const logits = (logitsOf(gpt, text).at(-1) as number[]).map((x, j) =>
          text.includes(j) ? (x > 0 ? x / 1000 : x * 1000) : x,
        );
        expect(token).toBe(logits.indexOf(Math.max(...logits)));
        text.push(token);
      }
    }
  });

  test("several stop tokens; a prompt that fills the context but for one; refusals", () => {
    const batch = complete({ stop: [6, 2, 4] });
    for (const i of prompts.keys()) {
      const tokens = batch.tokensOf(i);
      expect(tokens.slice(0, -1).every((t) => ![6, 2, 4].includes(t))).toBe(true);
      expect(batch.endLength[i]).toBe(Number([6, 2, 4].includes(tokens.at(-1) as number)));
      expect(batch.tokensOf(i, false)).toEqual(tokens.slice(0, tokens.length - batch.endLength[i]));
    }
    const long = [new Array(5).fill(1), [2]];
    const full = complete({ rows: 1, stop: [] }, 3, long); // 5 + 8 tokens, of which 12 are read
    const random = new Random(3);
    const endless = write(long[0], () => random.uniform());
    expect(full.tokensOf(0).slice(0, endless.tokens.length)).toEqual(endless.tokens);
    expect(() => complete({}, 3, [[1], new Array(6).fill(1)])).toThrow(SettingError);
    expect(() => complete({}, 3, [[1], []])).toThrow(/prompt 1 is empty/);
  });

  test("a member of a team claims samples of one prompt together, as many as it has rows", () => {
    const list = [...[[1], [2, 3], [4, 5, 1]].flatMap((prompt) => [prompt, prompt, prompt]), [3]];
    const alone = complete({}, 3, list);
    const runs = [0, 3, 6, 9, 10];
    const first = (member: number) => () => {
      let run = member - 2;
      return () => {
        run += 2;
        return run;
      };
    };
    for (const member of [0, 1]) {
      const own = complete({ team: { ...solo(), size: 2, claims: first(member) } }, 3, list);
      for (const i of list.keys()) {
        const isOwn = runs.findIndex((end) => i < end) % 2 !== member;
        expect(own.tokensOf(i)).toEqual(isOwn ? alone.tokensOf(i) : []);
      }
    }
    const few = complete({ team: { ...solo(), size: 5, claims: first(0) } }, 3, list);
    expect(Array.from(few.length, Number).map((n) => n > 0)).toEqual(
      [1, 1, 0, 1, 1, 0, 1, 1, 0, 1].map((n) => n === 1),
    );
  });

  test("a batch used again holds nothing of what it held", () => {
    const completer = new Completer(gpt, { stop });
    const batch = completer.batch(prompts.length, steps);
    completer.complete(batch, prompts, new Random(8));
    batch.reward.fill(5);
    completer.complete(batch, prompts, new Random(3));
    const fresh = complete({});
    for (const name of [
      "token",
      "mask",
      "logProb",
      "entropy",
      "length",
      "endLength",
      "reward",
    ] as const)
      expect(batch[name]).toEqual(fresh[name]);
    completer.free();
  });
});

test("free gives the decoder's buffers back", () => {
  const k = simd({ memory: 2 ** 22 });
  const model = new Gpt(k, tiny, new Random(1));
  const before = k.live();
  const completer = new Completer(model, { stop, rows: 3 });
  completer.complete(completer.batch(2, 4), [[1], [2]], new Random(1));
  expect(k.live()).toBeGreaterThan(before);
  completer.free();
  expect(k.live()).toBe(before);
});

test("copy makes a sample the same as another, and changes no third", () => {
  const batch = new Completions(3, 2, { supportSize: 2 });
  for (const name of ["token", "mask", "logProb", "entropy"] as const)
    for (let i = 0; i < 6; i++) batch[name][i] = 10 + i;
  for (const name of ["length", "endLength", "reward"] as const)
    for (let i = 0; i < 3; i++) batch[name][i] = i;
  batch.support?.set(Array.from({ length: 12 }, (_, i) => i));
  for (const i of [0, 1, 2]) batch.prompt[i] = [i];
  batch.copy(2, 1);
  for (const name of ["token", "mask", "logProb", "entropy"] as const)
    expect([...batch[name]]).toEqual([10, 11, 14, 15, 14, 15]);
  for (const name of ["length", "endLength", "reward"] as const)
    expect([...batch[name]]).toEqual([0, 2, 2]);
  expect([...(batch.support ?? [])]).toEqual([0, 1, 2, 3, 8, 9, 10, 11, 8, 9, 10, 11]);
  expect(batch.prompt).toEqual([[0], [2], [2]]);
  const plain = new Completions(2, 1);
  plain.token[1] = 5;
  plain.copy(1, 0);
  expect([...plain.token]).toEqual([5, 5]);
});
