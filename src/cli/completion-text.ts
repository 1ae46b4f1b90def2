/** Completions of a language model, text by text as its tokens come. */
import type { Random } from "../core/random.ts";
import { type GenerateOptions, generate } from "../nn/decode.ts";
import type { LanguageSession } from "../tasks/text/session.ts";
import { stopTokens, turnEndTokens } from "../text/task.ts";
import { realNumber, wholeNumber } from "./args.ts";

/** Options of every command that samples. */
export const samplingOptions = {
  seed: { type: "string" },
  greedy: { type: "boolean" },
  temperature: { type: "string" },
  "top-k": { type: "string" },
  "top-p": { type: "string" },
} as const;
type SamplingValues = {
  readonly greedy?: boolean | undefined;
  readonly [name: string]: unknown;
} & { readonly [name in "temperature" | "top-k" | "top-p"]?: string | undefined };

/** Returns how to sample, as the command line says. */
export function samplingOf(values: SamplingValues): GenerateOptions {
  const given = {
    greedy: values.greedy,
    temperature: realNumber("temperature", values.temperature, 0),
    topK: wholeNumber("top-k", values["top-k"], 0),
    topP: realNumber("top-p", values["top-p"], 0),
  };
  return Object.fromEntries(Object.entries(given).filter(([, x]) => x !== undefined));
}

export interface Completed {
  readonly tokens: readonly number[];
  /** The number of tokens that the context lost from the start of the text. */
  readonly slid: number;
}

/**
 * Continues `before` up to the end of the text, of the turn in a dialogue, or to the task's length of a completion.
 * Yields text as it becomes complete: a character of several tokens waits for its last one.
 */
export function* completing(
  { task, gpt }: Pick<LanguageSession, "task" | "gpt">,
  before: readonly number[],
  random: Random,
  sampling: GenerateOptions,
): Generator<string, Completed> {
  const { tokenizer, completionLength } = task;
  const turnEnd = turnEndTokens(task);
  const options = { ...sampling, stop: stopTokens(task), tokens: tokenizer.vocab };
  const tokens: number[] = [];
  let [slid, shown] = [0, 0];
  for (const step of generate(gpt, before, random, options)) {
    tokens.push(step.token);
    slid = step.slid;
    const complete = tokenizer.decode(tokens).replace(/\ufffd+$/, "");
    if (complete.length > shown) yield complete.slice(shown);
    shown = Math.max(shown, complete.length);
    const turned =
      turnEnd.length > 0 && turnEnd.every((t, j) => tokens.at(j - turnEnd.length) === t);
    if (turned || tokens.length >= completionLength) break;
  }
  const rest = tokenizer.decode(tokens).slice(shown);
  if (rest !== "") yield rest;
  return { tokens, slid };
}
