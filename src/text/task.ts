/** A problem of language: what is learned from, what is asked, and how an answer is judged. */
import type { Example, Sides } from "./corpus.ts";
import type { Judge } from "./own-reward.ts";
import type { Reward } from "./rewards.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface TextTask {
  readonly tokenizer: Tokenizer;
  /** The special token that begins and ends every text. Default "<end>". */
  readonly end?: string;
  /** For supervised learning. */
  readonly examples: Sides<Example>;
  /** For learning from rewards. */
  readonly prompts: Sides<string>;
  readonly reward: Reward;
  /** Rewards by name, in place of `reward`: their weighted sum is learned from. May answer later. */
  readonly judges?: readonly Judge[];
  /** The row of the data that a prompt came from; judges see it. */
  readonly rowOf?: (prompt: string) => Readonly<Record<string, unknown>>;
  /** What else is told of completions: means of these, by name. */
  readonly measures: Readonly<Record<string, Reward>>;
  /** Most tokens of a completion, its end token among them. */
  readonly completionLength: number;
  /** What the model sees of a prompt; all of it by default. */
  readonly visible?: (prompt: string) => string;
  /** In a dialogue: the text, of one token or more, that ends the policy's turn. */
  readonly turnEnd?: string;
  /** In a dialogue, with `turnEnd`: the answer to what was said so far, or null when it is over. */
  readonly reply?: (prompt: string, said: string) => string | null;
}

/** The usual `end`. */
export const endToken = "<end>";

/** The id of the token that begins and ends every text. */
export const endOf = ({ tokenizer, end = endToken }: Pick<TextTask, "tokenizer" | "end">): number =>
  tokenizer.special(end);

/** Tokens that end a text. */
export const stopTokens = (task: TextTask): number[] => [endOf(task)];

/** Tokens that end the policy's turn in a dialogue; none elsewhere. */
export const turnEndTokens = ({ tokenizer, turnEnd }: TextTask): number[] =>
  turnEnd === undefined ? [] : tokenizer.encode(turnEnd);

/** A prompt's tokens: the end of what was before, then what is seen of it. */
export const promptTokens = (task: TextTask, prompt: string): number[] => [
  endOf(task),
  ...task.tokenizer.encode(task.visible === undefined ? prompt : task.visible(prompt)),
];

/** An example's tokens, and how many of them are prompt. */
export function exampleTokens(
  task: Pick<TextTask, "tokenizer" | "end">,
  { prompt, completion }: Example,
): { readonly tokens: readonly number[]; readonly promptLength: number } {
  const end = endOf(task);
  const before = [end, ...task.tokenizer.encode(prompt)];
  const tokens = [...before, ...task.tokenizer.encode(completion), end];
  return { tokens, promptLength: before.length };
}
