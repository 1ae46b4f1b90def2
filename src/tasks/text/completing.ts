/** Completions of a language model, text by text as its tokens come. */
import { append } from "../../core/append.ts";
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
    if (endsWith(tokens, turnEnd) || tokens.length >= completionLength) break;
  }
  const rest = tokenizer.decode(tokens).slice(shown);
  if (rest !== "") yield rest;
  return { tokens, slid };
}

const endsWith = (tokens: readonly number[], end: readonly number[]): boolean =>
  end.length > 0 && end.every((token, j) => tokens.at(j - end.length) === token);

/** `completing` of a prompt whose environment answers: a whole dialogue, with the answers. */
export function* conversing(
  session: Pick<LanguageSession, "task" | "gpt">,
  { prompt, before }: { readonly prompt: string; readonly before: readonly number[] },
  random: Random,
  sampling: GenerateOptions,
): Generator<string, Completed> {
  const { tokenizer, reply, completionLength } = session.task;
  const turnEnd = turnEndTokens(session.task);
  const tokens: number[] = [];
  for (;;) {
    const turn = yield* completing(session, [...before, ...tokens], random, sampling);
    append(tokens, turn.tokens);
    const asks = endsWith(turn.tokens, turnEnd) && tokens.length < completionLength;
    const answer = asks ? (reply?.(prompt, tokenizer.decode(tokens)) ?? null) : null;
    if (answer === null) return { tokens, slid: turn.slid };
    yield answer;
    append(tokens, tokenizer.encode(answer));
  }
}
