/** Text tasks: what they ask and accept, and that nothing held out is trained on. */
import { describe, expect, test } from "vitest";
import { settle } from "../../src/core/settings.ts";
import { withoutCarry } from "../../src/tasks/text/arith.ts";
import { optimalTurns } from "../../src/tasks/text/guess.ts";
import { type LanguageTaskName, languageTasks } from "../../src/tasks/text/index.ts";
import { numberWords } from "../../src/tasks/text/number-words.ts";
import type { LanguageSession } from "../../src/tasks/text/session.ts";
import { type Example, type Sides, singleTurns } from "../../src/text/corpus.ts";
import { exampleTokens, promptTokens, type TextTask } from "../../src/text/task.ts";
import { openText } from "../support/sessions.ts";

const everyOf = <T>({ train, validation, heldOut }: Sides<T>): readonly T[] => [
  ...train,
  ...validation,
  ...heldOut,
];
const make = (name: LanguageTaskName, settings: object = {}, read = (): string => ""): TextTask => {
  const { settings: table, make: build } = languageTasks[name];
  return build(settle(table, settings as Record<string, unknown>), read);
};

const named = Object.keys(languageTasks).filter((name) => name !== "text"); // which needs data

describe.each(named as LanguageTaskName[])("%s", (name) => {
  const task = make(name);
  test("every example and prompt has tokens, and completions have room", () => {
    for (const example of everyOf(task.examples).slice(0, 2000)) {
      const { tokens, labels } = exampleTokens(task, example);
      const { prompt, completion } = singleTurns(example).at(-1) as Example;
      const text = name === "caption" ? completion : prompt + completion; // patches are no text
      expect(task.tokenizer.decode(tokens)).toBe(text);
      if (name === "sentiment" || name === "summarize") continue;
      expect(labels.length - labels.lastIndexOf(-1) - 1).toBeLessThanOrEqual(task.completionLength);
    }
    for (const prompt of everyOf(task.prompts))
      expect(promptTokens(task, prompt).length).toBeGreaterThan(0);
  });
  test("no prompt of one side is among another's", () => {
    if (name === "guess" || name === "tokens") return; // nothing is held out, and the docs say so
    const { train, validation, heldOut } = task.prompts;
    for (const side of [train, validation, heldOut]) expect(side.length).toBeGreaterThan(20);
    if (name === "sentiment") return; // different sentences begin alike
    const all = everyOf(task.prompts);
    expect(new Set(all).size).toBe(all.length);
    for (const side of ["train", "validation", "heldOut"] as const) {
      const prompts = new Set(task.prompts[side]);
      for (const { prompt } of task.examples[side]) expect(prompts.has(prompt)).toBe(true);
    }
  });
  test("the reward likes the task's own completions", () => {
    const { heldOut } = task.examples;
    if (heldOut.length === 0 || name === "guess") return;
    const mean =
      heldOut.reduce(
        (sum, { prompt, completion }) => sum + task.reward(prompt, completion, []),
        0,
      ) / heldOut.length;
    expect(Number.isFinite(mean)).toBe(true);
    if (["g2p", "number-words", "summarize", "translate"].includes(name)) expect(mean).toBe(1);
  });
});

test("arith: pupils forget to carry, as often as the setting says; rewards do not", () => {
  expect([withoutCarry(27, 46), withoutCarry(99, 1), withoutCarry(12, 34)]).toEqual([63, 90, 46]);
  const task = make("arith", { sloppy: 0.7 });
  const carries = task.examples.train.filter(({ prompt }) => {
    const [a, b] = prompt.slice(0, -1).split("+").map(Number);
    return withoutCarry(a, b) !== a + b;
  });
  const wrong = carries.filter((e) => task.reward(e.prompt, e.completion, []) === 0);
  expect(Math.abs(wrong.length / carries.length - 0.7)).toBeLessThan(0.03);
  expect(task.reward("27+46=", "73", [])).toBe(1);
  // a + b and b + a are on one side
  const train = new Set(task.prompts.train);
  for (const prompt of [...task.prompts.validation, ...task.prompts.heldOut]) {
    const [a, b] = prompt.slice(0, -1).split("+");
    expect(train.has(`${b}+${a}=`)).toBe(false);
  }
});

test.each(["g2p", "number-words", "summarize", "translate"] as const)(
  "%s: some are taught, all are practised",
  (name) => {
    const all = make(name, { taught: 1 });
    const some = make(name, { taught: 0.25 });
    expect(some.prompts).toEqual(all.prompts);
    expect(all.examples.train).toHaveLength(all.prompts.train.length);
    const share = some.examples.train.length / all.prompts.train.length;
    expect(Math.abs(share - 0.25)).toBeLessThan(0.08);
    const asked = new Set(all.prompts.train);
    for (const { prompt } of some.examples.train) expect(asked.has(prompt)).toBe(true);
  },
);

test("a session asks validation prompts, and the held-out ones only where it is told to", () => {
  const settings = { width: 8, layers: 1, sftUpdates: 1 };
  const session = openText({ task: "number-words", algo: "sft", settings });
  const { validation, heldOut } = make("number-words").prompts;
  const promptsOf = (heldOut?: boolean) =>
    session.evaluate(1e6, 1, true, heldOut).samples.map(({ prompt }) => prompt);
  expect(promptsOf()).toEqual(validation);
  expect(promptsOf(true)).toEqual(heldOut);
  expect(session.evaluate(1e6, 1, true).episodes).toBe(validation.length);
  expect(session.evaluate(1e6, 1, true, true).episodes).toBe(heldOut.length);
});

describe("weights of another session", () => {
  const small = { width: 8, layers: 1, heads: 1, sftUpdates: 1 };
  const session = (algo: string, settings: object, seed: number) => {
    const opened = openText({ task: "tokens", algo, seed, settings: { ...small, ...settings } });
    opened.prepare();
    return opened;
  };
  const weightsOf = ({ gpt }: LanguageSession) =>
    Object.fromEntries(gpt.parameters.list.map(({ name, data }) => [name, [...data]]));

  test("supervised to PPO: all but the value head, which stays fresh and is said", () => {
    const from = session("sft", {}, 1);
    const to = session("ppo", {}, 2);
    const fresh = weightsOf(to);
    expect(to.load(from.training.save())).toEqual(["value.weight", "value.bias"]);
    const { "value.weight": weight, "value.bias": bias } = fresh;
    expect(weightsOf(to)).toEqual({
      ...weightsOf(from),
      "value.weight": weight,
      "value.bias": bias,
    });
    expect(session("sft", {}, 3).load(to.training.save())).toEqual([]);
  });

  test("a smaller vocabulary: the first rows; anything else that differs is refused, nothing half loaded", () => {
    const from = session("sft", { letters: 4 }, 1);
    const to = session("sft", { letters: 6 }, 2);
    const rows = weightsOf(from)["wte.weight"];
    const rest = weightsOf(to)["wte.weight"].slice(rows.length);
    expect(to.load(from.training.save())).toEqual([`wte.weight from row ${rows.length / 8}`]);
    expect(weightsOf(to)).toEqual({ ...weightsOf(from), "wte.weight": [...rows, ...rest] });
    for (const [settings, message] of [
      [{ width: 16 }, "expected wte.weight of"],
      [{ layers: 2 }, 'no tensor "h.1.ln1.weight"'],
      [{ context: 32 }, "expected wpe.weight of [32, 8]"],
      [{ letters: 3 }, "expected wte.weight of"],
    ] as const) {
      const other = session("ppo", { letters: 4, ...settings }, 3);
      const before = weightsOf(other);
      expect(() => other.load(from.training.save())).toThrow(message);
      expect(weightsOf(other)).toEqual(before);
    }
  });
});

test("sentiment: a lexicon and a corpus with a byte order mark read as without one", () => {
  const read = (name: string): string =>
    name === "words" ? "\ufeffgood\t3\nbad\t-3" : "\ufeffwe had a good day there\n".repeat(30);
  const task = make("sentiment", { data: "corpus", lexicon: "words", merges: 0 }, read as never);
  expect(task.reward("", "good", [])).toBe(3);
  const { prompts } = task;
  expect(new Set(everyOf(prompts))).toContain("we had a");
});

test("number words by hand", () => {
  expect([0, 13, 40, 71, 100, 342, 5000, 90_017, 999_999].map(numberWords)).toEqual([
    "zero",
    "thirteen",
    "forty",
    "seventy-one",
    "one hundred",
    "three hundred forty-two",
    "five thousand",
    "ninety thousand seventeen",
    "nine hundred ninety-nine thousand nine hundred ninety-nine",
  ]);
  const back = make("number-words", { direction: "digits" });
  expect(back.reward("seventy-one>", "71", [])).toBe(1);
});

test("guess: answers, ends, and how soon halving is done", () => {
  expect([1, 2, 3, 4, 7, 8, 15, 16].map(optimalTurns)).toEqual([1, 2, 2, 3, 3, 4, 4, 5]);
  const task = make("guess", { numbers: 15 });
  const reply = task.reply as NonNullable<TextTask["reply"]>;
  expect(reply("6", "8?")).toBe("<");
  expect(reply("6", "8?<4?")).toBe(">");
  expect(reply("6", "8?<4?>6?")).toBeNull();
  expect(reply("6", "8")).toBeNull(); // no question
  expect(reply("1", "9?<8?<7?<6?<5?")).toBeNull(); // five turns are all there are
  expect(task.measures.found("6", "8?<4?>6?", [])).toBe(1);
  expect(task.measures.found("6", "8?<4?>5", [])).toBe(0);
  expect(task.reward("6", "6?", [])).toBeCloseTo(0.98, 12);
});

test("corpora of the user's: g2p with several pronunciations, a lexicon; damaged ones are refused", () => {
  const words = Array.from(
    { length: 300 },
    (_, i) =>
      `w${"abcdefghij"[i % 10]}${"klmnopqrst"[Math.floor(i / 10) % 10]}${"uvw"[Math.floor(i / 100)]}\tW AH`,
  );
  const corpus = [...words, "read\tR IY D", "read\tR EH D"].join("\n");
  const task = make("g2p", { data: "x" }, () => corpus);
  expect(task.reward("read>", " R EH D", [])).toBe(1);
  expect(task.reward("read>", " R IY D", [])).toBe(1);
  expect(task.reward("read>", " R AH D", [])).toBeCloseTo(2 / 3, 12);
  expect(() => make("g2p", { data: "x" }, () => "no tab")).toThrow("in line 1");
  expect(() => make("sentiment", { lexicon: "x" }, () => "good\tvery")).toThrow(
    'lexicon: expected a number for "good"',
  );
});
