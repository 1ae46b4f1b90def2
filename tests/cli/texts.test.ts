// @module-tag deep
/** pigrad sample and what a run of a text task tells: each option is the sampler's own. */
import { beforeAll, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { generate } from "../../src/nn/decode.ts";
import { openRun } from "../../src/node/run-folder.ts";
import type { LanguageSession } from "../../src/tasks/text/session.ts";
import { endToken, stopTokens } from "../../src/text/task.ts";
import { jsonLines, pigrad, temporary } from "../support/pigrad.ts";

const at = temporary();
const [run, talk, control] = [at("arith"), at("guess"), at("line")];
beforeAll(async () => {
  const small = ["width=8", "layers=1", "heads=1", "prompts=2", "groupSize=2"].flatMap((s) => [
    "--set",
    s,
  ]);
  for (const [task, out] of [
    ["arith", run],
    ["guess", talk],
  ])
    expect(
      (await pigrad("train", task, "--steps", "40", "--quiet", "--out", out, ...small)).stderr,
    ).toBe("");
  expect(
    (await pigrad("train", "line", "--steps", "400", "--quiet", "--out", control)).stderr,
  ).toBe("");
});

/** The same completions by the sampler itself. */
function sampled(prompt: string, count: number, seed: number, options: object): string[] {
  const { task, gpt } = openRun(run) as LanguageSession;
  const { tokenizer } = task;
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const made: number[] = [];
    const start = [tokenizer.special(endToken), ...tokenizer.encode(prompt)];
    const how = { ...options, stop: stopTokens(task), tokens: tokenizer.vocab };
    for (const { token } of generate(gpt, start, random, how)) {
      made.push(token);
      if (made.length >= task.completionLength) break;
    }
    return tokenizer.decode(made);
  });
}
const completions = async (...args: string[]): Promise<string[]> =>
  jsonLines((await pigrad("sample", run, "--prompt", "12+3=", "--json", ...args)).stdout).map(
    ({ completion }) => completion,
  );

test.each([
  [[], 5, 1, {}],
  [["-n", "3"], 3, 1, {}],
  [["--seed", "7"], 5, 7, {}],
  [["--greedy", "-n", "2"], 2, 1, { greedy: true }],
  [["--temperature", "0.3"], 5, 1, { temperature: 0.3 }],
  [["--top-k", "2"], 5, 1, { topK: 2 }],
  [["--top-p", "0.4"], 5, 1, { topP: 0.4 }],
] as const)("sample %j", async (args, count, seed, options) => {
  expect(await completions(...args)).toEqual(sampled("12+3=", count, seed, options));
});

test("options matter, and greedy completions are all the same", async () => {
  const all: unknown[] = [];
  for (const a of [[], ["--seed", "2"], ["--temperature", "3"], ["--top-k", "1"]])
    all.push(await completions(...a));
  expect(new Set(all.map(String)).size).toBe(4);
  expect(new Set(await completions("--greedy")).size).toBe(1);
  expect(await completions("--top-k", "1")).toEqual(await completions("--greedy"));
});

test("in words: the prompt, then what came; without one, validation prompts", async () => {
  const { stdout } = await pigrad("sample", run, "--prompt", "12+3=", "-n", "2");
  expect(stdout).toBe(
    sampled("12+3=", 2, 1, {})
      .map((text) => `12+3=${text}\n`)
      .join(""),
  );
  const own = jsonLines((await pigrad("sample", run, "-n", "20", "--json")).stdout);
  const { validation } = (openRun(run) as LanguageSession).task.prompts;
  const asked = own.map(({ prompt }) => prompt);
  for (const prompt of asked) expect(validation).toContain(prompt);
  expect(new Set(asked).size).toBeGreaterThan(5);
  expect(own.every(({ slid }) => slid === 0)).toBe(true);
});

test("a prompt longer than the context slides, and that is said once a text on stderr", async () => {
  const { stdout, stderr } = await pigrad(
    "sample",
    run,
    "--prompt",
    "1+".repeat(40),
    "-n",
    "2",
    "--json",
  );
  const [first] = jsonLines(stdout);
  expect(first.slid).toBeGreaterThan(0);
  expect(stderr).toBe(
    jsonLines(stdout)
      .map(({ slid }) => `pigrad: the text outgrew the context; its first ${slid} tokens went\n`)
      .join(""),
  );
});

test("the environment answers each turn of a dialogue", async () => {
  const { task } = openRun(talk) as LanguageSession;
  const said = jsonLines((await pigrad("sample", talk, "-n", "40", "--json")).stdout);
  let answered = 0;
  for (const { prompt, completion } of said) {
    // an answer may follow the last token that had room
    expect(task.tokenizer.encode(completion).length).toBeLessThanOrEqual(task.completionLength + 1);
    for (let end = completion.indexOf("?"); end >= 0; end = completion.indexOf("?", end + 1)) {
      const [before, after] = [completion.slice(0, end + 1), completion.slice(end + 1)];
      const answer = task.reply?.(prompt, before) ?? "";
      if (after === "") continue; // over, or without room
      expect(after.startsWith(answer)).toBe(true);
      answered += Number(answer !== "");
    }
  }
  expect(answered).toBeGreaterThan(0);
});

test("what cannot be sampled is said", async () => {
  expect((await pigrad("sample", control)).stderr).toBe(
    `pigrad: ${control}: expected a run of a text task; this one plays (see pigrad eval)\n`,
  );
  expect((await pigrad("report", control, run, "--out", at("r.html"))).status).toBe(0);
  for (const [flag, value] of [
    ["-n", "0"],
    ["--seed", "-1"],
    ["--temperature", "-1"],
    ["--top-k", "1.5"],
    ["--temperature", "0"],
    ["--temperature", "1001"],
    ["--top-p", "-0.1"],
    ["--top-p", "0"],
  ]) {
    const { status, stdout, stderr } = await pigrad("sample", run, flag, value);
    expect([status, stdout], flag).toEqual([2, ""]);
    expect(stderr).toMatch(new RegExp(`^pigrad: ${flag.replace("-n", "--n")}: expected .*got`));
  }
});

test("an evaluation's measures are told by name", async () => {
  const evaluation = jsonLines((await pigrad("eval", run, "--episodes", "7", "--json")).stdout)[0];
  expect(evaluation).toMatchObject({
    type: "evaluation",
    task: "arith",
    episodes: 7,
    greedy: true,
  });
  const words = (await pigrad("eval", run, "--episodes", "7")).stdout;
  expect(Object.keys(evaluation.measures).length).toBeGreaterThan(0);
  for (const [name, x] of Object.entries(evaluation.measures))
    expect(words).toContain(`, ${name} ${(x as number).toFixed(3)}`);
});
