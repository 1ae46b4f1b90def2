/** Addition: "27+46=" and the sum, "37" for 73 as it is written from its last digit on. Every reward is exact; a part of all sums is never trained on. */
import { flag, integer, type Values } from "../../core/settings.ts";
import { type Example, split } from "../../text/corpus.ts";
import { exactMatch } from "../../text/rewards.ts";
import { endToken, type TextTask } from "../../text/task.ts";
import { characters } from "../../text/tokenizer.ts";

export const arithSettings = {
  digits: integer(2, "digits of each number", { min: 1, max: 3 }),
  lowFirst: flag(true, "the sum is written from its last digit on, as one adds by hand"),
};

/** a + b and b + a stand on the same side. */
const keyOf = (a: number, b: number): string => `${Math.min(a, b)}+${Math.max(a, b)}`;

export function arith({ digits, lowFirst }: Values<typeof arithSettings>): TextTask {
  const below = 10 ** digits;
  const written = (sum: number): string =>
    lowFirst ? [...String(sum)].reverse().join("") : String(sum);
  const sums: { readonly example: Example; readonly key: string }[] = [];
  for (let a = 0; a < below; a++) {
    for (let b = 0; b < below; b++)
      sums.push({
        example: { prompt: `${a}+${b}=`, completion: written(a + b) },
        key: keyOf(a, b),
      });
  }
  const { train, heldOut } = split(sums, 0.1, ({ key }) => key);
  const examples = {
    train: train.map(({ example }) => example),
    heldOut: heldOut.map(({ example }) => example),
  };
  const reward = exactMatch((prompt) => {
    const [a, b] = prompt.slice(0, -1).split("+").map(Number);
    return written(a + b);
  });
  return {
    tokenizer: characters("0123456789+=", [endToken]),
    examples,
    prompts: {
      train: examples.train.map(({ prompt }) => prompt),
      heldOut: examples.heldOut.map(({ prompt }) => prompt),
    },
    reward,
    measures: { exact: reward },
    completionLength: digits + 2,
  };
}
