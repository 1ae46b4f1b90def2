/** A conversation as the tokens that a language model continues. */
import type { LanguageSession } from "../tasks/text/session.ts";
import { endOf, type TextTask, turnEndTokens } from "../text/task.ts";

/** The default form of messages; see `chat` of a text task. */
const user = "user: ";
const assistant = "assistant: ";

/** Returns whether a task's prompts are messages that end where the assistant's answer begins. */
const hasMessages = ({ prompts: { train } }: TextTask): boolean =>
  train.length > 0 && train.every((prompt) => prompt.endsWith(`\n${assistant}`));

export class Conversation {
  private readonly task: TextTask;
  private readonly context: number;
  private readonly isChat: boolean;
  private readonly isDialogue: boolean;
  private readonly end: number;
  private longest = 0;
  /** The tokens of each line and each answer, in order. */
  private turns: number[][] = [];

  constructor({ task, gpt }: Pick<LanguageSession, "task" | "gpt">) {
    this.task = task;
    this.context = gpt.options.context;
    this.isChat = hasMessages(task);
    this.isDialogue = turnEndTokens(task).length > 0;
    this.end = endOf(task);
  }

  reset(): void {
    this.turns = [];
  }

  /** Adds a person's line. Throws FormatError for text without tokens, and stays as it was. */
  say(line: string): void {
    const text = this.isChat ? `${user}${line}\n${assistant}` : line;
    this.turns.push(this.task.tokenizer.encode(text));
  }

  /** Adds the model's answer. Messages and a dialogue's turns are one text; any other line begins a new one. */
  answer(tokens: readonly number[]): void {
    this.longest = Math.max(this.longest, tokens.length);
    const own = tokens.filter((token) => token !== this.end);
    this.turns.push([...own, ...this.between()]);
  }

  private between(): number[] {
    if (this.isChat) return this.task.tokenizer.encode("\n");
    return this.isDialogue ? [] : [this.end];
  }

  /** Returns the tokens to continue. Drops the oldest lines, with their answers, if an answer would not fit. */
  tokens(): number[] {
    // in a dialogue, the completion's length is that of all turns
    const answer = this.isDialogue ? this.longest : this.task.completionLength;
    const room = this.context - 1 - answer;
    const size = (): number => this.turns.reduce((sum, { length }) => sum + length, 0);
    while (this.turns.length > 2 && size() > room) this.turns.splice(0, 2);
    return [this.end, ...this.turns.flat()];
  }
}
