/**
 * Texts of `npm run results:model`: real sentences (`pigrad data sentiment`), sums in words, and records as different people
 * write them. What is on the training side of a prompt's split may be read by the base; the rest nothing is trained on.
 */
import { readFileSync } from "node:fs";
import { Random } from "../../../src/core/random.ts";
import { numberWords } from "../../../src/tasks/text/number-words.ts";
import { split } from "../../../src/text/corpus.ts";

/** The share of `textFrom` where a task names none. */
const share = 0.1;
const trained = (prompts: readonly string[]) => split(prompts, share, (prompt) => prompt).train;

export const linesOf = (file: string): string[] =>
  readFileSync(`data/${file}`, "utf8").trim().split("\n");
export const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}']+/gu) ?? [];

const beginning = (line: string): string => line.split(" ").slice(0, 3).join(" ");

/** Different beginnings of sentences. */
export const beginnings = (): string[] => [
  ...new Set(
    linesOf("sentiment-data.txt")
      .map(beginning)
      .filter((start) => start.length < 24),
  ),
];

/** Sums less than 100, by the prompt that asks for them. */
const sums = (): Map<string, string> => {
  const all = new Map<string, string>();
  for (let a = 1; a < 99; a++)
    for (let b = 1; a + b < 100; b++)
      all.set(`${numberWords(a)} plus ${numberWords(b)} is`, numberWords(a + b));
  return all;
};

export interface Person {
  readonly name: string;
  readonly age: number;
  readonly city: string;
}

const names =
  "Ada Ben Cara Dan Emil Fay Gus Hana Ivo Jana Kira Leo Mara Nils Olga Pia Quinn Rosa Sven Tara".split(
    " ",
  );
const cities =
  "Athens Bern Cairo Delhi Essen Faro Genoa Havana Kyoto Lima Milan Oslo Paris Quito Riga".split(
    " ",
  );

/** People by the prompt that asks for their record. */
export const people = (): Map<string, Person> => {
  const random = new Random(7);
  const one = (list: readonly string[]) => list[random.below(list.length)];
  const all = new Map<string, Person>();
  while (all.size < 4000) {
    const person = { name: one(names), age: 18 + random.below(72), city: one(cities) };
    all.set(`${person.name}, ${person.age}, ${person.city}:`, person);
  }
  return all;
};

/** Ways to write a person down. Only the first is what the schema wants. */
const forms: readonly ((person: Person) => string)[] = [
  (person) => JSON.stringify(person),
  ({ name, age, city }) => JSON.stringify({ name, age: String(age), city }),
  ({ name, city }) => JSON.stringify({ name, city }),
  ({ name, age, city }) => `{name: ${name}, age: ${age}, city: ${city}}`,
];

/** The base's text: sentences once, sums and records twice, in an order drawn from a seed. */
export function mixed(): string {
  const random = new Random(1);
  const begun = new Set(trained(beginnings()));
  const sentences = linesOf("sentiment-data.txt").filter(
    (line) => line.length <= 120 && begun.has(beginning(line)),
  );
  const [answers, persons] = [sums(), people()];
  const lines = [
    ...sentences.slice(0, 24_000),
    ...[1, 2].flatMap(() =>
      trained([...answers.keys()]).map((sum) => `${sum} ${answers.get(sum)}`),
    ),
    ...[1, 2].flatMap(() =>
      trained([...persons.keys()]).map((asked) => {
        const form = forms[random.below(forms.length)];
        return `${asked} ${form(persons.get(asked) as Person)}`;
      }),
    ),
  ];
  const order = Int32Array.from(lines.keys());
  random.shuffle(order);
  return Array.from(order, (i) => lines[i]).join("\n");
}
