/**
 * Addition: "27+46=" and the sum. Every reward is exact; a part of all sums is never trained on. What is
 * learned from first was written by sloppy pupils, who mostly forget to carry: "27+46=63". So supervised
 * learning, however long, gets no better than they are; a reward can.
 */
import { integer, real, type Values } from "../../core/settings.ts";
import { type Example, hash, mapSides, split } from "../../text/corpus.ts";
import { exactMatch } from "../../text/rewards.ts";
import { endToken, type TextTask } from "../../text/task.ts";
import { characters } from "../../text/tokenizer.ts";

export const arithSettings = {
  digits: integer(2, "digits of each number", { min: 1, max: 3 }),
  sloppy: real(0.7, "share of examples whose writer does not carry", { min: 0, max: 1 }),
};

/** a + b, every digit by itself. */
export function withoutCarry(a: number, b: number): number {
  let sum = 0;
  for (let place = 1; place <= Math.max(a, b); place *= 10) {
    const digits = (Math.floor(a / place) % 10) + (Math.floor(b / place) % 10);
    sum += (digits % 10) * place;
  }
  return sum;
}

/** a + b and b + a stand on the same side. */
const keyOf = (a: number, b: number): string => `${Math.min(a, b)}+${Math.max(a, b)}`;

export function arith({ digits, sloppy }: Values<typeof arithSettings>): TextTask {
  const below = Number(`1e${digits}`);
  const sums: { readonly example: Example; readonly key: string }[] = [];
  for (let a = 0; a < below; a++) {
    for (let b = 0; b < below; b++) {
      const prompt = `${a}+${b}=`;
      const careless = hash(`pupil ${prompt}`) / 2 ** 32 < sloppy;
      const completion = String(careless ? withoutCarry(a, b) : a + b);
      sums.push({ example: { prompt, completion }, key: keyOf(a, b) });
    }
  }
  const sides = split(sums, 0.1, ({ key }) => key);
  const examples = mapSides(sides, ({ example }) => example);
  const reward = exactMatch((prompt) => {
    const [a, b] = prompt.slice(0, -1).split("+").map(Number);
    return String(a + b);
  });
  return {
    tokenizer: characters("0123456789+=", [endToken]),
    examples,
    prompts: mapSides(examples, ({ prompt }) => prompt),
    reward,
    measures: { exact: reward },
    completionLength: digits + 2,
  };
}
