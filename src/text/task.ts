/** A language task: training examples, prompts and the reward. */
import type { Chat } from "./chat.ts";
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
  /** Of messages: writes them as text. Without it, lines are continued as they are. */
  readonly chat?: Chat;
  /** In a dialogue: the text that ends the policy's turn, of one or more tokens. */
  readonly turnEnd?: string;
  /** In a dialogue, with `turnEnd`: returns the answer to the text so far, or null to end the dialogue. */
  readonly reply?: (prompt: string, said: string) => string | null;
}

/** The usual `end`. */
export const endToken = "<end>";

/** Returns the id of the token that begins and ends every text. */
export const endOf = ({ tokenizer, end = endToken }: Pick<TextTask, "tokenizer" | "end">): number =>
  tokenizer.special(end);

/** Returns the tokens that end a text. */
export const stopTokens = (task: TextTask): number[] => [endOf(task)];

/** Returns the tokens that end the policy's turn in a dialogue; none for other tasks. */
export const turnEndTokens = ({ tokenizer, turnEnd }: TextTask): number[] =>
  turnEnd === undefined ? [] : tokenizer.encode(turnEnd);

/** Returns a prompt's tokens: the end token, then the visible part of the prompt. */
export const promptTokens = (task: TextTask, prompt: string): number[] => [
  endOf(task),
  ...task.tokenizer.encode(task.visible === undefined ? prompt : task.visible(prompt)),
];

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
  task: Pick<TextTask, "tokenizer" | "end">,
  { prompt, completion, turns = [] }: Example,
): LearnedText {
  const { tokenizer } = task;
  const end = endOf(task);
  const tokens = [end];
  const labels: number[] = [];
  for (const turn of [{ prompt, completion }, ...turns]) {
    const before = tokenizer.encode(turn.prompt);
    const answer = tokenizer.encode(turn.completion);
    // what follows a completion is labeled with its end, unless the next turn has no prompt
    const asked = labels.length === 0 ? before : before.slice(1);
    if (labels.length > 0 && before.length === 0) labels.pop();
    labels.push(...asked.map(() => noLabel), ...answer, end);
    tokens.push(...before, ...answer);
  }
  return { tokens: [...tokens, end], labels };
}
