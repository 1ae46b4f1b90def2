/** Completions of a language model, text by text as its tokens come. */
import type { Random } from "../../core/random.ts";
import { type GenerateOptions, generate } from "../../nn/decode.ts";
import { stopTokens, turnEndTokens } from "../../text/task.ts";
import type { LanguageSession } from "./session.ts";

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
