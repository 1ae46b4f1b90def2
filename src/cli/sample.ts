/** pigrad sample RUN: prints completions by a trained language model. */
import { textOf } from "../algos/completion-scores.ts";
import { SettingError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { openRun } from "../node/run-folder.ts";
import type { Session } from "../tasks/session.ts";
import { type Completed, conversing } from "../tasks/text/completing.ts";
import type { LanguageSession } from "../tasks/text/session.ts";
import { begun, type TextTask } from "../text/task.ts";
import { only, wholeNumber } from "./args.ts";
import { loadRunFiles, ownOptions } from "./own.ts";
import { parseOptions } from "./parse.ts";
import { samplingOf, samplingOptions } from "./sampling-options.ts";
import { say, sayJson } from "./stdout.ts";

export const sampleHelp = `  pigrad sample RUN [--prompt TEXT] [-n N] [--seed N] [--greedy] [--temperature T]
               [--top-k K] [--top-p P] [--best] [--trust-data] [--json]
      completions by a run of a text task: of validation prompts, or of yours, which is a message where the
      task is made of messages`;

const options = {
  ...ownOptions,
  ...samplingOptions,
  prompt: { type: "string" },
  n: { type: "string", short: "n" },
  best: { type: "boolean" },
  "trust-data": { type: "boolean" },
  json: { type: "boolean" },
} as const;

export async function sampleCommand(args: string[]): Promise<void> {
  const { values, positionals } = parseOptions(args, options);
  const run = only("run folder", positionals);
  await loadRunFiles([run], values);
  const count = wholeNumber("n", values.n, 1) ?? 5;
  const random = new Random(wholeNumber("seed", values.seed, 0) ?? 1);
  const session = openLanguageRun(run, values);
  const { task } = session;
  const sampling = samplingOf(values);
  const said = values.prompt === undefined ? undefined : inForm(task, values.prompt);
  for (let i = 0; i < count; i++) {
    const prompts = task.prompts.validation;
    const prompt = values.prompt ?? prompts[random.below(prompts.length)];
    const seen = said ?? task.visible?.(prompt) ?? prompt;
    const before = begun(task, task.tokenizer.encode(seen));
    const show = values.json ? () => {} : say;
    show(seen);
    const asked = { prompt, before };
    const { tokens, slid } = stream(conversing(session, asked, random, sampling), show);
    show("\n");
    if (values.json) sayJson({ prompt, completion: task.tokenizer.decode(tokens), slid });
    if (slid > 0)
      process.stderr.write(`pigrad: the text outgrew the context; its first ${slid} tokens went\n`);
  }
}

/** Returns a person's prompt as the model reads it: in a task of messages, as one of them. */
export const inForm = ({ chat }: TextTask, content: string): string =>
  chat === undefined ? content : chat([{ role: "user", content }], true);

/** Shows each piece of a completion. Returns the completion. */
function stream(pieces: Generator<string, Completed>, show: (text: string) => void): Completed {
  for (;;) {
    const { done, value } = pieces.next();
    if (done) return value;
    show(value);
  }
}

/** Opens a run of a text, as `openRun`. Throws SettingError for a run of an environment. */
export function openLanguageRun(
  run: string,
  values: { readonly best?: boolean | undefined; readonly "trust-data"?: boolean | undefined },
): LanguageSession {
  const { best = false, "trust-data": trustData = false } = values;
  const session = openRun(run, { best, trustData });
  if (session.kind === "text") return session;
  throw new SettingError(`${run}: expected a run of a text task; this one plays (see pigrad eval)`);
}

/** Returns one sample of the last batch, another at each update, for the progress line; "" without samples. */
export function sampleLine(session: Session): string {
  if (session.kind !== "text" || session.training.batch === null) return "";
  const { completions, prompts } = session.training.batch;
  const i = session.training.update % completions.count;
  const text = `${prompts[i]} ${textOf(session.task, completions, i)}`;
  return JSON.stringify(text.slice(0, 60));
}
