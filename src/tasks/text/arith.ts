/**
 * Addition: "27+46=" and the sum. The reward is exact match. Most supervised examples are wrong on purpose, written by
 * pupils who forget to carry ("27+46=63"), so that supervised learning stays as bad as they are and only learning from
 * the reward improves. A tenth of all sums is held out.
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

/** Returns a + b without carrying from digit to digit. */
export function withoutCarry(a: number, b: number): number {
  let sum = 0;
  for (let place = 1; place <= Math.max(a, b); place *= 10) {
    const digits = (Math.floor(a / place) % 10) + (Math.floor(b / place) % 10);
    sum += (digits % 10) * place;
  }
  return sum;
}

/** Returns the key that splits sums into train, validation and held out: the same for a + b and b + a. */
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
