/** The prompts and rewards of each text task, worked out a second time. */
import { describe, expect, test } from "vitest";
import { withoutCarry } from "../../src/tasks/text/arith.ts";
import { optimalTurns } from "../../src/tasks/text/guess.ts";
import { numberWords } from "../../src/tasks/text/number-words.ts";
import { hash } from "../../src/text/corpus.ts";
import { stopTokens, type TextTask, turnEndTokens } from "../../src/text/task.ts";
import { everyOf, make, rewardOf } from "../support/text-tasks.ts";

describe("arith", () => {
  test("without carrying: the last digit of each column's sum", () => {
    for (let a = 0; a < 120; a += 7)
      for (let b = 0; b < 1200; b += 13) {
        const width = String(Math.max(a, b)).length;
        const [x, y] = [a, b].map((n) => String(n).padStart(width, "0"));
        const digits = [...x].map((d, i) => (Number(d) + Number(y[i])) % 10).join("");
        expect(withoutCarry(a, b)).toBe(Number(digits));
      }
  });
  test.each([1, 2])("all sums of numbers of %i digits, once each", (digits) => {
    const task = make("arith", { digits, sloppy: 0.5 });
    const below = 10 ** digits;
    const prompts = everyOf(task.prompts);
    expect(new Set(prompts).size).toBe(below * below);
    expect(prompts.length).toBe(below * below);
    expect(task.completionLength).toBe(digits + 2); // the sum, one digit longer, and the end
    for (const { prompt, completion } of everyOf(task.examples)) {
      const [, a, b] = (/^(\d+)\+(\d+)=$/.exec(prompt) ?? []).map(Number);
      const careless = hash(`pupil ${prompt}`) / 2 ** 32 < 0.5;
      expect(completion).toBe(String(careless ? withoutCarry(a, b) : a + b));
      expect([
        rewardOf(task, prompt, String(a + b)),
        rewardOf(task, prompt, `${a + b + 1}`),
      ]).toEqual([1, 0]);
    }
    expect(task.examples.train.map(({ prompt }) => prompt)).toEqual(task.prompts.train);
    expect(rewardOf(task, "7+5=", "12", "exact")).toBe(1);
  });
  test("nobody is sloppy, or everybody", () => {
    const right = (sloppy: number): number => {
      const task = make("arith", { digits: 1, sloppy });
      return everyOf(task.examples).filter((e) => rewardOf(task, e.prompt, e.completion) === 1)
        .length;
    };
    expect([right(0), right(1)]).toEqual([100, 55]); // 55 sums stay below 10
  });
});

describe("number words", () => {
  const values: Record<string, number> = Object.fromEntries(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
      .split(" ")
      .map((word, i) => [word, i + 1]),
  );
  "twenty thirty forty fifty sixty seventy eighty ninety".split(" ").forEach((word, i) => {
    values[word] = 20 + 10 * i;
  });
  const parse = (words: string): number => {
    let [total, part] = [0, 0];
    for (const word of words.split(/[ -]/)) {
      if (word === "hundred") part *= 100;
      else if (word === "thousand") [total, part] = [1000 * part, 0];
      else part += values[word];
    }
    return total + part;
  };
  test("read back, they are the number; hyphens join tens and ones alone", () => {
    expect(numberWords(0)).toBe("zero");
    for (let n = 1; n < 1_000_000; n += n < 2100 ? 1 : 397) {
      const words = numberWords(n);
      expect(parse(words)).toBe(n);
      expect(words).toMatch(/^[a-z]+(?:ty-[a-z]+)?(?: [a-z]+(?:ty-[a-z]+)?)*$/);
      expect(words).not.toContain("zero");
    }
  });
  test("numbers evenly below the bound, as many as asked for; words for digits, or digits for words", () => {
    for (const [below, share, count] of [
      [50, 1500, 50],
      [1000, 40, 40],
    ] as const)
      for (const direction of ["words", "digits"]) {
        const task = make("number-words", { below, share, direction });
        const pairs = Array.from({ length: count }, (_, i) => Math.floor((i * below) / count)).map(
          (n) => [String(n), numberWords(n)],
        );
        const want = pairs.map(([digits, words]) =>
          direction === "words" ? [`${digits}>`, words] : [`${words}>`, digits],
        );
        expect(
          everyOf(task.examples)
            .map(({ prompt, completion }) => [prompt, completion])
            .sort(),
        ).toEqual(want.sort());
        expect(task.completionLength).toBe(
          1 + Math.max(...want.map(([, completion]) => completion.length)),
        );
        const held = task.prompts.validation.length + task.prompts.heldOut.length;
        expect(Math.abs(held / count - 0.4)).toBeLessThan(0.25);
      }
  });
  test("the reward is half for all of it, half for nearness: 1 less the edits a letter", () => {
    const task = make("number-words");
    expect(rewardOf(task, "7>", "seven")).toBe(1);
    expect(rewardOf(task, "7>", "sevon")).toBeCloseTo(0.5 * (1 - 1 / 5), 12);
    expect(rewardOf(task, "7>", "seven hundred")).toBeCloseTo(0.5 * (1 - 8 / 13), 12);
    expect(rewardOf(task, "7>", "")).toBe(0);
    expect([rewardOf(task, "7>", "sevon", "near"), rewardOf(task, "7>", "sevon", "exact")]).toEqual(
      [0.8, 0],
    );
  });
});

describe("guess", () => {
  test("halving needs as many questions as twos in the numbers, and one more", () => {
    for (let n = 1; n < 100; n++) expect(optimalTurns(n)).toBe(Math.floor(Math.log2(n)) + 1);
  });
  test.each([2, 15, 30])(
    "%i numbers: every game asks what is still possible, until it is found or turns are over",
    (numbers) => {
      const task = make("guess", { numbers, games: 200 });
      const turns = Math.floor(Math.log2(numbers)) + 2;
      const hiddens = new Set<number>();
      let lost = 0;
      for (const { prompt, completion } of everyOf(task.examples)) {
        expect(prompt).toBe("");
        const moves = [...completion.matchAll(/(\d+)\?([<>]?)/g)].map(
          ([, n, answer]) => [Number(n), answer] as const,
        );
        expect(moves.map(([n, answer]) => `${n}?${answer}`).join("")).toBe(completion);
        let [low, high] = [1, numbers];
        for (const [i, [n, answer]] of moves.entries()) {
          expect(n >= low && n <= high).toBe(true);
          expect(answer === "").toBe(i === moves.length - 1);
          if (answer === "<") high = n - 1;
          if (answer === ">") low = n + 1;
        }
        const [last] = moves.at(-1) as readonly [number, string];
        if (moves.length < turns) hiddens.add(last);
        else lost++;
        expect(moves.length).toBeLessThanOrEqual(turns);
      }
      expect(hiddens.size).toBe(numbers);
      if (numbers === 30) expect(lost).toBeGreaterThan(0);
      expect(task.prompts.train).toEqual(Array.from({ length: numbers }, (_, i) => String(i + 1)));
      expect([task.prompts.validation, task.prompts.heldOut]).toEqual([
        task.prompts.train,
        task.prompts.train,
      ]);
      expect(everyOf(task.examples).length).toBe(200);
      expect([task.completionLength, task.visible?.("7"), task.turnEnd]).toEqual([
        3 * turns,
        "",
        "?",
      ]);
      expect(turnEndTokens(task)).toEqual([numbers]);
      expect(stopTokens(task)).toEqual([numbers + 3]);
    },
  );
  test("answers and rewards by hand, of 15 numbers in 5 turns", () => {
    const task = make("guess");
    const reply = task.reply as NonNullable<TextTask["reply"]>;
    expect([reply("6", "8?"), reply("9", "8?"), reply("8", "8?")]).toEqual(["<", ">", null]);
    expect([reply("6", "1?"), reply("6", "1?>2?>3?>4?"), reply("6", "1?>2?>3?>4?>5?")]).toEqual([
      ">",
      ">",
      null,
    ]);
    expect([reply("6", ""), reply("6", "?"), reply("6", "8<")]).toEqual([null, null, null]);
    expect(rewardOf(task, "6", "8?<6?")).toBeCloseTo(1 - 0.1 * (2 / 5), 12);
    expect([rewardOf(task, "6", "8?<4?"), rewardOf(task, "6", "")]).toEqual([0, 0]);
    expect([rewardOf(task, "6", "8?<6?", "asked"), rewardOf(task, "6", "", "asked")]).toEqual([
      2, 0,
    ]);
  });
});

describe("errand", () => {
  test("tools answer what they know; a chain of them is the answer; guesses are near it", () => {
    const task = make("errand", { questions: 400, sloppy: 0.5 });
    const price = (day: string, good: string) =>
      Number(task.reply?.("", `${day} ${good}?`)?.slice(0, -1));
    expect(task.reply?.("", "3*4?12.12*12?")).toBe("144.");
    for (const wrong of ["pear?", "1 apple?", "3+4?", "?", "1 pear.?", "1000*2?", "a*2?"])
      expect(task.reply?.("", wrong)).toBe("!.");
    let [guesses, chains] = [0, 0];
    for (const { prompt, completion, turns = [] } of everyOf(task.examples)) {
      const [, day, count, good] = /^(\d+): (\d+) (\w+)=$/.exec(prompt) ?? [];
      const [a, b] =
        day === undefined
          ? prompt.slice(0, -1).split("*").map(Number)
          : [price(day, good), Number(count)];
      const asks = [...(day === undefined ? [] : [`${day} ${good}?`]), `${a}*${b}?`, String(a * b)];
      if (turns.length === 0) {
        guesses++;
        expect(Number(completion)).not.toBe(a * b);
        expect(Math.abs(Number(completion) - a * b)).toBeLessThanOrEqual(90);
        expect(rewardOf(task, prompt, completion)).toBe(0);
        continue;
      }
      chains++;
      expect([completion, ...turns.map((turn) => turn.completion)]).toEqual(asks);
      let said = completion;
      for (const turn of turns) {
        expect(turn.prompt).toBe(task.reply?.(prompt, said));
        said += turn.prompt + turn.completion;
      }
      expect([rewardOf(task, prompt, said), rewardOf(task, prompt, `${said}0`)]).toEqual([1, 0]);
      expect(rewardOf(task, prompt, said, "asked")).toBe(asks.length - 1);
      expect(rewardOf(task, prompt, String(a * b))).toBe(1);
    }
    expect(guesses / (guesses + chains)).toBeCloseTo(0.5, 1);
    expect(
      new Set(Array.from({ length: 99 }, (_, day) => price(String(day + 1), "fig"))).size,
    ).toBeGreaterThan(40);
  });
  test("without tools nothing is answered", () => {
    const task = make("errand", { tools: false });
    expect(task.reply?.("2*3=", "2*3?")).toBe("!.");
    expect(everyOf(task.prompts).length).toBeGreaterThan(3000);
  });
});
