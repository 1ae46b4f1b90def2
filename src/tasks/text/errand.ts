/**
 * A dialogue with tools: "12: 7 pear=" asks what 7 pears cost on day 12. The model may ask for a price ("12 pear?"), which
 * is another each day, and for a product ("23*7?"); the environment answers each question ("23.", "161.") and what stands
 * after the last answer is the model's own. Some questions are products alone ("23*7="). Examples are of people of whom
 * most guess, so that supervised learning guesses too, and only the reward teaches to ask.
 */
import { flag, integer, real, type Values } from "../../core/settings.ts";
import { type Example, hash, mapSides, split } from "../../text/corpus.ts";
import type { Reward } from "../../text/rewards.ts";
import { endToken, type TextTask } from "../../text/task.ts";
import { characters } from "../../text/tokenizer.ts";

export const errandSettings = {
  tools: flag(true, "questions are answered; without, every answer is a guess"),
  questions: integer(4000, "questions in all", { min: 40, max: 100_000 }),
  sloppy: real(0.7, "share of examples whose writer guesses", { min: 0, max: 1 }),
};

const goods = ["pear", "lime", "fig", "plum", "kiwi", "date"];
const askedGood = /^(\d+): (\d+) ([a-z]+)=$/;
const askedProduct = /^(\d+)\*(\d+)=$/;

/** The price of a good on a day, from 11 to 99. */
export const priceOf = (day: string, good: string): number => 11 + (hash(`${day} ${good}`) % 89);

/** Answers a question to the tools; "!" to one that they do not know. */
function answerOf(question: string): string {
  const [, day, good] = /^(\d+) ([a-z]+)$/.exec(question) ?? [];
  if (goods.includes(good)) return String(priceOf(day, good));
  const [, a, b] = /^(\d{1,3})\*(\d{1,3})$/.exec(question) ?? [];
  return a === undefined ? "!" : String(Number(a) * Number(b));
}

/** The questions that lead to the answer of a prompt, and the answer. */
function solved(prompt: string): {
  readonly questions: readonly string[];
  readonly answer: number;
} {
  const [, day, count, good] = askedGood.exec(prompt) ?? [];
  if (good === undefined) {
    const [, a, b] = askedProduct.exec(prompt) as RegExpExecArray;
    return { questions: [`${a}*${b}`], answer: Number(a) * Number(b) };
  }
  const price = priceOf(day, good);
  return { questions: [`${day} ${good}`, `${price}*${count}`], answer: price * Number(count) };
}

/** What a person writes to a prompt: questions and the answer, or a guess near it. */
function exampleOf(prompt: string, guesses: boolean): Example {
  const { questions, answer } = solved(prompt);
  if (guesses) {
    const off = 1 + (hash(`guess ${prompt}`) % 9);
    return { prompt, completion: String(Math.max(1, answer + (off % 2 === 0 ? 10 * off : -off))) };
  }
  const [first, ...rest] = questions;
  const turns = [...rest.map((question) => `${question}?`), String(answer)].map(
    (completion, i) => ({ prompt: `${answerOf(questions[i])}.`, completion }),
  );
  return { prompt, completion: `${first}?`, turns };
}

function promptOf(i: number): string {
  const draw = (what: string, below: number): number => hash(`${what} of question ${i}`) % below;
  const [a, b] = [11 + draw("factor", 89), 2 + draw("count", 8)];
  if (draw("kind", 2) === 0) return `${a}*${11 + draw("other factor", 89)}=`;
  return `${1 + draw("day", 99)}: ${b} ${goods[draw("good", goods.length)]}=`;
}

export function errand({ tools, questions, sloppy }: Values<typeof errandSettings>): TextTask {
  const prompts = [...new Set(Array.from({ length: questions }, (_, i) => promptOf(i)))];
  const sides = split(prompts, 0.1, (prompt) => prompt);
  const exact: Reward = (prompt, said) =>
    Number(said.slice(said.lastIndexOf(".") + 1) === String(solved(prompt).answer));
  const asked: Reward = (_, said) => said.split("?").length - 1;
  const reply = (_: string, said: string): string => {
    const question = said.slice(said.lastIndexOf(".") + 1, -1);
    return `${tools ? answerOf(question) : "!"}.`;
  };
  const guesses = (prompt: string): boolean => hash(`writer of ${prompt}`) / 2 ** 32 < sloppy;
  return {
    tokenizer: characters(`0123456789:*=?.! ${goods.join("")}`, [endToken]),
    examples: mapSides(sides, (prompt) => exampleOf(prompt, guesses(prompt))),
    prompts: sides,
    turnEnd: "?",
    reply,
    reward: exact,
    measures: { exact, asked },
    completionLength: 28,
  };
}
