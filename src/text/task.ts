/** A problem of language: what is learned from, what is asked, and how an answer is judged. */
import type { Example, Sides } from "./corpus.ts";
import type { Reward } from "./rewards.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface TextTask {
  /** Has the special token "<end>", which begins and ends every text. */
  readonly tokenizer: Tokenizer;
  /** For supervised learning. */
  readonly examples: Sides<Example>;
  /** For learning from rewards. */
  readonly prompts: Sides<string>;
  readonly reward: Reward;
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

export const endToken = "<end>";

/** Tokens that end a text. */
export const stopTokens = ({ tokenizer }: TextTask): number[] => [tokenizer.special(endToken)];

/** Tokens that end the policy's turn in a dialogue; none elsewhere. */
export const turnEndTokens = ({ tokenizer, turnEnd }: TextTask): number[] =>
  turnEnd === undefined ? [] : tokenizer.encode(turnEnd);

/** A prompt's tokens: the end of what was before, then what is seen of it. */
export const promptTokens = ({ tokenizer, visible }: TextTask, prompt: string): number[] => [
  tokenizer.special(endToken),
  ...tokenizer.encode(visible === undefined ? prompt : visible(prompt)),
];

/** An example's tokens, and how many of them are prompt. */
export function exampleTokens(
  task: Pick<TextTask, "tokenizer">,
  { prompt, completion }: Example,
): { readonly tokens: readonly number[]; readonly promptLength: number } {
  const end = task.tokenizer.special(endToken);
  const before = [end, ...task.tokenizer.encode(prompt)];
  const tokens = [...before, ...task.tokenizer.encode(completion), end];
  return { tokens, promptLength: before.length };
}
