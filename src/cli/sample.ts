/** pigrad sample RUN: what a trained language model writes. */
import { textOf } from "../algos/completion-scores.ts";
import { SettingError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { generate } from "../nn/decode.ts";
import { openRun } from "../node/run-folder.ts";
import type { Session } from "../tasks/session.ts";
import { endOf, stopTokens, turnEndTokens } from "../text/task.ts";
import { only, realNumber, wholeNumber } from "./args.ts";
import { loadRunFiles, ownOptions } from "./own.ts";
import { parseOptions } from "./parse.ts";
import { say, sayJson } from "./stdout.ts";

export const sampleHelp = `  pigrad sample RUN [--prompt TEXT] [-n N] [--seed N] [--greedy] [--temperature T]
               [--top-k K] [--top-p P] [--trust-data] [--json]
      completions by a run of a text task: of validation prompts, or of yours`;

const options = {
  ...ownOptions,
  prompt: { type: "string" },
  n: { type: "string", short: "n" },
  seed: { type: "string" },
  greedy: { type: "boolean" },
  temperature: { type: "string" },
  "top-k": { type: "string" },
  "top-p": { type: "string" },
  "trust-data": { type: "boolean" },
  json: { type: "boolean" },
} as const;

export async function sampleCommand(args: string[]): Promise<void> {
  const { values, positionals } = parseOptions(args, options);
  const run = only("run folder", positionals);
  await loadRunFiles([run], values);
  const count = wholeNumber("n", values.n, 1) ?? 5;
  const seed = wholeNumber("seed", values.seed, 0) ?? 1;
  const session = openRun(run, { trustData: values["trust-data"] ?? false });
  if (session.kind !== "text")
    throw new SettingError(
      `${run}: expected a run of a text task; this one plays (see pigrad eval)`,
    );
  const { task, gpt } = session;
  const { tokenizer } = task;
  const given = {
    greedy: values.greedy,
    temperature: realNumber("temperature", values.temperature, 0),
    topK: wholeNumber("top-k", values["top-k"], 0),
    topP: realNumber("top-p", values["top-p"], 0),
  };
  const sampling = Object.fromEntries(Object.entries(given).filter(([, x]) => x !== undefined));
  const random = new Random(seed);
  const end = endOf(task);
  const turnEnd = turnEndTokens(task);
  for (let i = 0; i < count; i++) {
    const prompts = task.prompts.validation;
    const prompt = values.prompt ?? prompts[random.below(prompts.length)];
    const seen = values.prompt ?? task.visible?.(prompt) ?? prompt;
    const before = [end, ...tokenizer.encode(seen)];
    const made: number[] = [];
    let slid = 0;
    const options = { ...sampling, stop: stopTokens(task), tokens: tokenizer.vocab };
    for (const step of generate(gpt, before, random, options)) {
      made.push(step.token);
      slid = step.slid;
      const turned =
        turnEnd.length > 0 && turnEnd.every((t, j) => made.at(j - turnEnd.length) === t);
      if (turned || made.length >= task.completionLength) break;
    }
    const completion = tokenizer.decode(made);
    if (values.json) sayJson({ prompt, completion, slid });
    else say(`${seen}${completion}\n`);
    if (slid > 0)
      process.stderr.write(`pigrad: the text outgrew the context; its first ${slid} tokens went\n`);
  }
}

/** A changing sample of what a run learns from, for its progress line. */
export function sampleLine(session: Session): string {
  if (session.kind !== "text" || session.training.batch === null) return "";
  const { completions, prompts } = session.training.batch;
  const i = session.training.update % completions.count;
  const text = `${prompts[i]} ${textOf(session.task, completions, i)}`;
  return JSON.stringify(text.slice(0, 60));
}
