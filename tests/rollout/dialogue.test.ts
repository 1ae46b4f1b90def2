/** Dialogues by hand: a model that always says the same, and an environment that answers by a script. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { Completer, type Completions } from "../../src/rollout/completions.ts";
import { countingGpt, logitsOf, logSoftmax, tinyGpt } from "../support/tiny-gpt.ts";

const gpt = tinyGpt();
const steps = 8;
const prompt = [1, 2];

/** What the model says greedily after a text. */
const says = (text: readonly number[]): number => {
  const logits = logitsOf(gpt, text).at(-1) as number[];
  return logits.indexOf(Math.max(...logits));
};
const first = says(prompt);
const second = says([...prompt, first]);

function talk(
  turnEnd: readonly number[],
  reply: (sample: number, batch: Completions) => readonly number[] | null,
  { stop = [] as number[], list = [prompt], topK = 0 } = {},
): Completions {
  const sampling = { greedy: true, topK };
  const completer = new Completer(gpt, { stop, sampling, dialogue: { turnEnd, reply } });
  const batch = completer.batch(list.length, steps);
  completer.complete(batch, list, new Random(1));
  return batch;
}

describe("a dialogue", () => {
  test("an answer follows the turn's end, is not the policy's, and is read by it", () => {
    let calls = 0;
    const answer = [5, 4, 5];
    const batch = talk([first], () => (calls++ === 0 ? answer : null));
    const own = [first];
    const text = [...prompt, first, ...answer];
    const tokens = [first, ...answer];
    const mask = [1, 0, 0, 0];
    while (tokens.length < steps) {
      const token = says(text);
      text.push(token);
      tokens.push(token);
      mask.push(1);
      own.push(token);
      if (token === first) break;
    }
    expect(batch.tokensOf(0)).toEqual(tokens);
    expect([...batch.mask.subarray(0, tokens.length)]).toEqual(mask);
    for (const [j, token] of tokens.entries()) {
      const logits = logitsOf(gpt, [...prompt, ...tokens.slice(0, j)]).at(-1) as number[];
      expect(batch.logProb[j]).toBeCloseTo(mask[j] === 1 ? logSoftmax(logits)[token] : 0, 9);
      expect(batch.entropy[j] > 0).toBe(mask[j] === 1);
    }
  });

  test("a reply of null ends the text; the turn's end is what ended it", () => {
    const batch = talk([first], () => null);
    expect([batch.tokensOf(0), batch.endLength[0]]).toEqual([[first], 1]);
    const two = talk([first, second], () => null);
    expect([two.tokensOf(0), two.endLength[0]]).toEqual([[first, second], 2]);
    expect(two.tokensOf(0, false)).toEqual([]);
  });

  test("an empty reply lets the policy go on", () => {
    const batch = talk([first], () => []);
    expect(batch.tokensOf(0).slice(0, 3)).toEqual([
      first,
      second,
      says([...prompt, first, second]),
    ]);
    expect([batch.length[0], batch.endLength[0]]).toEqual([steps, 0]);
  });

  test("the turn's end is all of its tokens, in their order, at the end, written by the policy", () => {
    const counting = countingGpt(); // 1, 2 → 3, 4, 5, 6, 0, 1, 2, 3
    const talkTo = (turnEnd: readonly number[], ...answers: (number[] | null)[]): number[] => {
      let calls = 0;
      const reply = (): number[] | null => answers[calls++] ?? null;
      const dialogue = { turnEnd, reply };
      const completer = new Completer(counting, { stop: [], sampling: { greedy: true }, dialogue });
      const batch = completer.batch(1, steps);
      completer.complete(batch, [prompt], new Random(1));
      return [...batch.tokensOf(0), batch.endLength[0]];
    };
    expect(talkTo([3, 4, 5])).toEqual([3, 4, 5, 3]);
    expect(talkTo([4])).toEqual([3, 4, 1]);
    const all = [3, 4, 5, 6, 0, 1, 2, 3, 0];
    expect(talkTo([4, 3])).toEqual(all); // in this order alone
    expect(talkTo([3, 5])).toEqual(all); // without a gap
    expect(talkTo([2, 3])).toEqual([...all.slice(0, -1), 2]); // the prompt's 2 is not of the turn, the last is
    // 1, 3 by the environment end no turn, nor does its 3 before the policy's 4
    expect(talkTo([4], [4])).toEqual([3, 4, 4, 5, 6, 0, 1, 2, 0]);
    expect(talkTo([3, 4], [3])).toEqual([3, 4, 3, 4, 5, 6, 0, 1, 0]);
    expect(talkTo([3, 4], [2])).toEqual([3, 4, 2, 3, 4, 2]);
  });

  test("an answer without room for a token after it cuts the text short before it", () => {
    for (const [n, fits] of [
      [steps - 2, true],
      [steps - 1, false],
    ] as const) {
      let calls = 0;
      const batch = talk([first], () => (calls++ === 0 ? new Array(n).fill(3) : null));
      expect(batch.length[0]).toBe(fits ? steps : 1);
      expect(batch.endLength[0]).toBe(fits && batch.token[steps - 1] === first ? 1 : 0);
      expect(batch.token[1]).toBe(fits ? 3 : 0);
    }
  });

  test("a stop token comes before the turn's end; each sample is asked by its number", () => {
    const batch = talk([first], () => [3], { stop: [first] });
    expect([batch.tokensOf(0), batch.endLength[0]]).toEqual([[first], 1]);
    const samples: number[] = [];
    const list = [prompt, prompt, prompt];
    talk([first], (sample) => (samples.push(sample) > 0 ? null : []), { list });
    expect(samples).toEqual([0, 1, 2]);
  });

  test("no token of an answer has a support", () => {
    let calls = 0;
    const batch = talk([first], () => (calls++ === 0 ? [5, 4] : null), { topK: 2 });
    const kept = Array.from({ length: batch.length[0] }, (_, j) =>
      (batch.support as Uint8Array).slice(j * 7, (j + 1) * 7).reduce((a, b) => a + b, 0),
    );
    expect(kept).toEqual(kept.map((_, j) => (batch.mask[j] === 1 ? 2 : 0)));
  });
});
