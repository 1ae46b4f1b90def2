/** A conversation as the tokens that a language model continues. */
import { append } from "../core/append.ts";
import type { LanguageSession } from "../tasks/text/session.ts";
import type { Chat, Message } from "../text/chat.ts";
import { begun, endOf, stopTokens, type TextTask, turnEndTokens } from "../text/task.ts";

/** What was said, and by the model its tokens. */
interface Turn extends Message {
  readonly tokens: readonly number[];
}

export class Conversation {
  private readonly task: TextTask;
  private readonly context: number;
  private readonly isDialogue: boolean;
  private readonly end: number;
  private longest = 0;
  /** Each line and each answer, in order. */
  private turns: Turn[] = [];

  constructor({ task, gpt }: Pick<LanguageSession, "task" | "gpt">) {
    this.task = task;
    this.context = gpt.options.context;
    this.isDialogue = turnEndTokens(task).length > 0;
    this.end = endOf(task);
  }

  reset(): void {
    this.turns = [];
  }

  /** Adds a person's line. Throws FormatError for text without tokens, and stays as it was. */
  say(line: string): void {
    const { chat, tokenizer } = this.task;
    const tokens = chat === undefined ? tokenizer.encode(line) : []; // a form may change the line
    const turns = [...this.turns, { role: "user", content: line, tokens }];
    this.written(turns);
    this.turns = turns;
  }

  /** Adds the model's answer. Messages and a dialogue's turns are one text; any other line begins a new one. */
  answer(tokens: readonly number[]): void {
    this.longest = Math.max(this.longest, tokens.length);
    const stop = stopTokens(this.task);
    const own = tokens.filter((token) => !stop.includes(token));
    const content = this.task.tokenizer.decode(own);
    const isText = this.task.chat !== undefined || this.isDialogue;
    this.turns.push({ role: "assistant", content, tokens: isText ? own : [...own, this.end] });
  }

  /** Returns the tokens to continue. Drops the oldest lines, with their answers, if an answer would not fit. */
  tokens(): number[] {
    // in a dialogue, the completion's length is that of all turns
    const answer = this.isDialogue ? this.longest : this.task.completionLength;
    const room = this.context - 1 - answer;
    let written = this.written(this.turns);
    while (this.turns.length > 2 && written.length > room) {
      this.turns.splice(0, 2);
      written = this.written(this.turns);
    }
    return begun(this.task, written);
  }

  private written(turns: readonly Turn[]): number[] {
    const { chat } = this.task;
    return chat === undefined ? turns.flatMap(({ tokens }) => tokens) : this.inForm(turns, chat);
  }

  /** Returns the tokens of messages: those of the model's answers as it said them, between the rest of the text. */
  private inForm(turns: readonly Turn[], chat: Chat): number[] {
    const { tokenizer } = this.task;
    let tokens: number[] = [];
    let text = "";
    for (const [i, { role, content, tokens: own }] of turns.entries()) {
      if (role === "assistant") {
        append(tokens, own);
        text += content;
        continue;
      }
      const messages = turns
        .slice(0, i + 1)
        .map((turn) => ({ role: turn.role, content: turn.content }));
      const next = chat(messages, true);
      // a form that writes earlier messages otherwise is read as a whole
      if (next.startsWith(text)) append(tokens, tokenizer.encode(next.slice(text.length)));
      else tokens = tokenizer.encode(next);
      text = next;
    }
    return tokens;
  }
}
