/** Text tasks of corpora, and of tokens: what they take, ask and reward. */
import { describe, expect, test } from "vitest";
import { simd } from "../../src/backends/simd.ts";
import { Random } from "../../src/core/random.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { inventedWords } from "../../src/tasks/text/g2p.ts";
import { exactMeanReward } from "../../src/tasks/text/tokens.ts";
import { hash } from "../../src/text/corpus.ts";
import { everyOf, make, rewardOf } from "../support/text-tasks.ts";
import { logitsOf, logSoftmax, tinyGpt } from "../support/tiny-gpt.ts";

describe("g2p", () => {
  const corpus = (count: number, more = ""): string =>
    Array.from(
      { length: count },
      (_, i) => `w${[...String(i)].map((d) => "abcdefghij"[Number(d)]).join("")}\tW AH`,
    ).join("\n") + more;
  test("invented words: every syllable, and of two together those whose hash 60 divides", () => {
    const lines = inventedWords()
      .split("\n")
      .map((line) => line.split("\t"));
    const one = lines.slice(0, 546); // 26 onsets, 21 rhymes
    const spoken = new Map(one as [string, string][]);
    expect([spoken.size, spoken.get("quack"), spoken.get("blab")]).toEqual([
      546,
      "K W AE K",
      "B L AE B",
    ]);
    const two = one.flatMap(([a, x]) =>
      one.flatMap(([b, y]) => (hash(a + b) % 60 === 0 ? [[a + b, `${x} ${y}`]] : [])),
    );
    expect(lines.slice(546)).toEqual(two);
  });
  test("words of letters alone, no longer than asked, so many of them by hash, a tenth at most held out", () => {
    const rest = "\nx-ray\tEH K S\nCap\tK\nbeyondtenletters\tB\nit's\tIH T S\nit's\tIH Z";
    const all = everyOf(
      make("g2p", { data: "c", words: 1000, tests: 10 }, () => corpus(300, rest)).prompts,
    );
    expect(all.length).toBe(301);
    expect(all).toContain("it's>");
    expect(all.every((prompt) => /^[a-z']{1,10}>$/.test(prompt))).toBe(true);
    const words = all.map((prompt) => prompt.slice(0, -1)).sort((a, b) => hash(a) - hash(b));
    const fewer = make("g2p", { data: "c", words: 120, tests: 10 }, () =>
      corpus(300, rest),
    ).prompts;
    expect(
      everyOf(fewer)
        .map((prompt) => prompt.slice(0, -1))
        .sort(),
    ).toEqual(words.slice(0, 120).sort());
    const sides = (tests: number): number =>
      make("g2p", { data: "c", tests }, () => corpus(2000)).prompts.validation.length;
    expect(Math.abs(sides(20) - 20)).toBeLessThan(15);
    expect(Math.abs(sides(2000) - 200)).toBeLessThan(50);
    const short = everyOf(make("g2p", { data: "c", longest: 3 }, () => corpus(300)).prompts);
    expect(Math.max(...short.map((prompt) => prompt.length))).toBe(4);
  });
  test("reward: phonemes right of the nearest pronunciation; completions are the first's, with room for the longest", () => {
    const task = make("g2p", { data: "c" }, () => corpus(150, "\nread\tR IY D\nread\tR EH D Z"));
    expect(rewardOf(task, "read>", " R IY D")).toBe(1);
    expect(rewardOf(task, "read>", " R EH D Z", "exact")).toBe(1);
    expect(rewardOf(task, "read>", " R EH Z")).toBeCloseTo(1 - 1 / 4, 12);
    expect(rewardOf(task, "read>", " R", "per")).toBeCloseTo(2 / 3, 12);
    expect(everyOf(task.examples).find(({ prompt }) => prompt === "read>")?.completion).toBe(
      " R IY D",
    );
    expect(task.completionLength).toBe(4);
  });
});

describe("sentiment and summarize", () => {
  const sentences = [
    "we had a good day there",
    "it was bad",
    "a b c d e f",
    "one two three four",
    `${"long ".repeat(30)}end`,
  ];
  const corpus = Array.from({ length: 20 }, (_, i) =>
    sentences.map((s) => `${s} ${"xyz"[i % 3]}${i}`),
  )
    .flat()
    .join("\n");
  test("sentiment: sentences that fit and have words to come; their first words are asked", () => {
    for (const promptWords of [1, 3]) {
      const task = make(
        "sentiment",
        { data: "c", promptWords, longest: 40, merges: 3 },
        () => corpus,
      );
      const texts = everyOf(task.examples).map(({ completion }) => completion);
      const want = corpus
        .split("\n")
        .filter((s) => s.length <= 40 && s.split(" ").length > promptWords + 1);
      expect([...texts].sort()).toEqual([...want].sort());
      expect(task.prompts.train).toEqual(
        task.examples.train.map(({ completion }) =>
          completion.split(" ").slice(0, promptWords).join(" "),
        ),
      );
      expect(task.tokenizer.vocab).toBe(256 + 3 + 1);
    }
    const own = make("sentiment", { completion: 7 });
    expect([
      own.completionLength,
      rewardOf(own, "", "happy, sad"),
      rewardOf(own, "", "the", "valence"),
    ]).toEqual([7, 0.5, 0]);
    const lexicon = make("sentiment", { lexicon: "l" }, () => "happy\t-1\nsad\t0.5");
    expect(rewardOf(lexicon, "", "happy sad")).toBe(-0.25);
  });
  test("summarize: texts that fit, each behind a line end; ROUGE-L of words, case aside", () => {
    const lines = Array.from({ length: 30 }, (_, i) => `The cat ${i} sat on the mat\tCat ${i} sat`);
    const task = make("summarize", { data: "c", longest: 25, completion: 5, merges: 2 }, () =>
      [...lines, `${"x".repeat(26)}\tno`].join("\n"),
    );
    const prompts = everyOf(task.prompts);
    expect([...prompts].sort()).toEqual(
      lines
        .map((line) => `${line.split("\t")[0]}\n`)
        .filter((p) => p.length <= 26)
        .sort(),
    );
    expect(prompts).not.toContain(`${"x".repeat(26)}\n`);
    const prompt = "The cat 7 sat on the mat\n";
    expect(rewardOf(task, prompt, "CAT, 7 sat!")).toBe(1);
    expect(rewardOf(task, prompt, "cat sat", "rougeL")).toBeCloseTo(
      (2 * 1 * (2 / 3)) / (5 / 3),
      12,
    );
    expect([rewardOf(task, prompt, "dog"), rewardOf(task, "unknown", "cat")]).toEqual([0, 0]);
    expect([task.completionLength, task.tokenizer.vocab]).toEqual([5, 256 + 2 + 1]);
    expect(everyOf(task.examples).find((e) => e.prompt === prompt)?.completion).toBe("Cat 7 sat");
  });
});

test("translate: pairs that fit; of several translations the first is taught, each is right", () => {
  const lines = ["face\tGesicht", "face\tAntlitz", `${"long ".repeat(12)}x\tlang`, "rat\tRatte"];
  const task = make("translate", { data: "c", merges: 1, completion: 9 }, () => lines.join("\n"));
  expect([...everyOf(task.prompts)].sort()).toEqual(["face\n", "rat\n"]);
  const taught = everyOf(task.examples).map(({ completion }) => completion);
  expect(taught.sort()).toEqual(["Gesicht", "Ratte"]);
  expect(rewardOf(task, "face\n", "Antlitz")).toBe(1);
  expect(rewardOf(task, "face\n", "Antlitz", "exact")).toBe(1);
  expect(rewardOf(task, "face\n", "Ratte", "exact")).toBe(0);
  // orders 1 to 4: 4/4, 3/3, 2/2, 1/1 of "Ratt" are in "Ratte", which has 5, 4, 3, 2
  const recall = (4 / 5 + 3 / 4 + 2 / 3 + 1 / 2) / 4;
  expect(rewardOf(task, "rat\n", "Ratt")).toBeCloseTo((5 * recall) / (4 + recall), 12);
  expect([task.completionLength, task.tokenizer.vocab]).toEqual([9, 256 + 1 + 1]);
  const copying = make("translate", { data: "c", copies: true }, () => lines.join("\n")).examples;
  const repeated = copying.train.filter(({ prompt }) => prompt.startsWith("="));
  expect(repeated).toEqual(
    task.examples.train.flatMap(({ prompt, completion }) => [
      { prompt: `=${prompt}`, completion: prompt.trimEnd() },
      { prompt: `=${completion}\n`, completion },
    ]),
  );
  expect(repeated.length).toBeGreaterThan(0);
  expect(everyOf(copying)).toHaveLength(2 + repeated.length);
  const own = make("translate");
  expect(everyOf(own.examples)).toHaveLength(12 * 8 * 8 * 4);
  const prompt = "the tired woman sings at home\n";
  expect(rewardOf(own, prompt, "die müde Frau singt zu Hause", "exact")).toBe(1);
});

test("without corpora: every person does everything in every mood, in sentences and in stories", () => {
  const { examples, prompts } = make("sentiment", { promptWords: 1 });
  const sentences = everyOf(examples).map(({ completion }) => completion);
  expect(new Set(sentences).size).toBe(8 * 8 * 14);
  expect(sentences).toContain("my sister told a story in the rain.");
  expect(prompts.train.every((word) => ["the", "my", "a", "our"].includes(word))).toBe(true);
  const stories = everyOf(make("summarize").examples);
  expect(stories.length).toBe(8 * 8 * 14);
  const acts = new Set<string>();
  for (const { prompt, completion } of stories) {
    const [first, second, rest] = prompt.split(". ");
    expect(rest).toBeUndefined();
    const [name, ...act] = completion.split(" ");
    expect(first).toContain(` ${name} ${act.join(" ")} `);
    expect(sentences).toContain(`${first}.`);
    expect(sentences.some((s) => s.startsWith(second.slice(0, -2)))).toBe(true);
    acts.add(act.join(" "));
  }
  expect(acts.size).toBe(8);
});

describe("tokens", () => {
  test("goals by hand", () => {
    const of = (goal: string, said: string): number =>
      rewardOf(make("tokens", { goal, letters: 5 }), "a", said);
    expect(
      ["", "a", "ab", "abc", "acb", "abd", "cab", "ba"].map((said) => of("rising", said)),
    ).toEqual([0, 0, 1, 2, 0, 1, 1, 0]);
    expect(["a", "aa", "aba", "abb"].map((said) => of("same", said))).toEqual([0, 1, 1, 0]);
    expect(["", "a", "b", "bd", "bc", "bdb"].map((said) => of("parity", said))).toEqual([
      0, 0, 1, 0, 1, 1,
    ]);
    const task = make("tokens", { letters: 3, length: 2 });
    expect(task.prompts).toEqual({
      train: ["a", "b", "c"],
      validation: ["a", "b", "c"],
      heldOut: ["a", "b", "c"],
    });
    expect(task.examples.train).toEqual(["a", "b", "c"].map((c) => ({ prompt: c, completion: c })));
    expect([
      task.completionLength,
      task.tokenizer.vocab,
      rewardOf(task, "a", "ab", "reward"),
    ]).toEqual([3, 4, 1]);
  });
  test("the exact mean reward is that of all completions, listed", () => {
    const task = make("tokens", { letters: 2, length: 2, goal: "rising" });
    const gpt = tinyGpt({ vocab: 3, context: 8 });
    let mean = 0;
    for (const [p] of task.prompts.train.entries()) {
      const texts: number[][] = [[2], [0, 2], [1, 2]];
      for (const a of [0, 1])
        for (const b of [0, 1]) for (const c of [0, 1, 2]) texts.push([a, b, c]);
      for (const made of texts) {
        const all = logitsOf(gpt, [2, p, ...made.slice(0, -1)]).slice(1);
        const lnP = made.reduce((sum, token, i) => sum + logSoftmax(all[i])[token], 0);
        mean += (Math.exp(lnP) * task.reward("", task.tokenizer.decode(made), made)) / 2;
      }
    }
    expect(mean).toBeGreaterThan(0.01);
    expect(exactMeanReward(gpt, task)).toBeCloseTo(mean, 9);
    const k = simd({ memory: 2 ** 22 });
    const other = new Gpt(
      k,
      { vocab: 3, context: 8, layers: 1, heads: 1, width: 4 },
      new Random(1),
    );
    const before = k.live();
    exactMeanReward(other, task);
    expect(k.live()).toBe(before);
  });
});
