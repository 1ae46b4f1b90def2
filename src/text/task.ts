/** A language task: training examples, prompts and the reward. */

import { append } from "../core/append.ts";
import type { Floats } from "../core/backend.ts";
import type { Chat } from "./chat.ts";
import type { Example, Sides } from "./corpus.ts";
import type { Judge } from "./own-reward.ts";
import type { Reward } from "./rewards.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Patches of pictures, [count, pixels] row-major. */
export interface Patches {
  readonly pixels: number;
  readonly rows: Floats;
}

export interface TextTask {
  readonly tokenizer: Tokenizer;
  /** The special token that begins and ends every text. Default "<end>". */
  readonly end?: string;
  /** In place of `end`, for the tokens of a published model. */
  readonly marks?: Marks;
  /** For supervised learning. */
  readonly examples: Sides<Example>;
  /** For learning from rewards. */
  readonly prompts: Sides<string>;
  readonly reward: Reward;
  /** Named rewards in place of `reward`: the policy learns from their weighted sum. They may return promises. */
  readonly judges?: readonly Judge[];
  /** Returns the row of the data that a prompt came from; judges see it. */
  readonly rowOf?: (prompt: string) => Readonly<Record<string, unknown>>;
  /** Further metrics of completions, by name, reported as means. */
  readonly measures: Readonly<Record<string, Reward>>;
  /** The most tokens of a completion, including its end token. */
  readonly completionLength: number;
  /** Returns the part of a prompt that the model sees. Default: all of it. */
  readonly visible?: (prompt: string) => string;
  /** Patches that prompts have besides tokens, with ids from vocab + 1 on; vocab itself is the id of no text. */
  readonly pictures?: Patches;
  /** Of messages: writes them as text. Without it, lines are continued as they are. */
  readonly chat?: Chat;
  /** In a dialogue: the text that ends the policy's turn, of one or more tokens. */
  readonly turnEnd?: string;
  /** In a dialogue, with `turnEnd`: returns the answer to the text so far, or null to end the dialogue. */
  readonly reply?: (prompt: string, said: string) => string | null;
}

/** The usual `end`. */
export const endToken = "<end>";

/** Ids of the tokens that begin a text, and of those that each end one; completions are learned with the first. */
export interface Marks {
  readonly begin: readonly number[];
  readonly stop: readonly number[];
}

type Marked = Pick<TextTask, "tokenizer" | "end" | "marks">;

const marksOf = ({ tokenizer, end = endToken, marks }: Marked): Marks => {
  if (marks !== undefined) return marks;
  const id = tokenizer.special(end);
  return { begin: [id], stop: [id] };
};

/** Returns the id of the token that completions are learned to end with. */
export const endOf = (task: Marked): number => marksOf(task).stop[0];

/** Returns the tokens that end a text. */
export const stopTokens = (task: Marked): readonly number[] => marksOf(task).stop;

/**
 * Returns a text's tokens with those that begin a text, unless it has them already, as the form of messages of a
 * published model may write them. A text without any begins with the end token.
 */
export function begun(task: Marked, tokens: readonly number[]): number[] {
  const { begin, stop } = marksOf(task);
  const has = begin.length > 0 && begin.every((id, i) => tokens[i] === id);
  const whole = has ? [...tokens] : [...begin, ...tokens];
  return whole.length > 0 ? whole : [stop[0]];
}

/** Returns the tokens that end the policy's turn in a dialogue; none for other tasks. */
export const turnEndTokens = ({ tokenizer, turnEnd }: TextTask): number[] =>
  turnEnd === undefined ? [] : tokenizer.encode(turnEnd);

/** Returns the tokens of a prompt's visible part, from the beginning of a text. */
export const promptTokens = (task: TextTask, prompt: string): number[] =>
  begun(task, task.tokenizer.encode(task.visible === undefined ? prompt : task.visible(prompt)));

/** A label that carries no loss. */
export const noLabel = -1;

/** A text to learn. */
export interface LearnedText {
  readonly tokens: readonly number[];
  /** The token to predict after each but the last token; `noLabel` where none is learned. */
  readonly labels: readonly number[];
}

/**
 * Returns an example's tokens. Completions are learned with an end token after each, prompts are not. Within a
 * conversation the next turn follows a completion in place of its end token.
 */
export function exampleTokens(
  task: Marked,
  { prompt, completion, turns = [] }: Example,
): LearnedText {
  const { tokenizer } = task;
  const end = endOf(task);
  const tokens: number[] = [];
  const labels: number[] = [];
  for (const turn of [{ prompt, completion }, ...turns]) {
    const asked = tokenizer.encode(turn.prompt);
    const before = tokens.length === 0 ? begun(task, asked) : asked;
    const answer = tokenizer.encode(turn.completion);
    // what follows a completion is labeled with its end, unless the next turn has no prompt
    if (labels.length > 0 && before.length === 0) labels.pop();
    append(labels, before.slice(1).fill(noLabel));
    append(labels, answer);
    labels.push(end);
    append(tokens, before);
    append(tokens, answer);
  }
  return { tokens: [...tokens, end], labels };
}
