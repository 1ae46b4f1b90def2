/** The user's own texts as tasks: examples, prompts and rewards in the usual data formats. */
import {
  aFunction,
  anObject,
  anything,
  aWord,
  checkFields,
  functions,
  type Kind,
  type Kinds,
  shown,
  wholeFrom,
} from "../../core/definition.ts";
import { SettingError } from "../../core/errors.ts";
import { brief } from "../../core/printable.ts";
import { trainBpe } from "../../text/bpe.ts";
import { type Chat, type Message, plainChat } from "../../text/chat.ts";
import { type Example, type Sides, singleTurns, split, texts } from "../../text/corpus.ts";
import {
  type Judge,
  judgesFrom,
  type RewardFunction,
  type RewardSource,
} from "../../text/own-reward.ts";
import type { Reward } from "../../text/rewards.ts";
import { endToken, type TextTask } from "../../text/task.ts";
import { bytes, characters, type Tokenizer } from "../../text/tokenizer.ts";
import { guarded } from "../own-environment.ts";
import type { ReadCorpus } from "../task.ts";

/** A row of data: a whole text, prompt and completion, or messages. Further fields reach rewards as `row`. */
export type Row =
  | string
  | {
      readonly prompt?: string;
      readonly completion?: string;
      readonly text?: string;
      readonly messages?: readonly Message[];
      readonly [field: string]: unknown;
    };

/** Data, or a function that returns it from the values of the settings. */
type Given<T> = T | ((values: never, read: ReadCorpus) => T);

export interface TextDefinition {
  /** Rows to imitate: whole texts, prompts with completions, or messages, of which the assistant's turns are learned. */
  readonly examples?: Given<readonly Row[]>;
  /** Plain text to imitate, line by line. */
  readonly corpus?: Given<string>;
  /** Prompts to complete for rewards. Without them: the prompts of the examples, or the beginnings of whole texts. */
  readonly prompts?: Given<readonly Row[]>;
  readonly reward?: RewardSource;
  /** Metrics that evaluations report besides the reward: means over completions, by name. */
  readonly measures?: Readonly<Record<string, RewardFunction>>;
  /** Default: characters, or bytes where the texts have more than 128 different characters. */
  readonly tokenizer?: Given<"characters" | "bytes" | { readonly merges: number } | Tokenizer>;
  /** Name of the token that begins and ends every text. Default "<end>". */
  readonly end?: string;
  /** Writes messages as text, here and in `pigrad chat`. Default: a line per message, "user: …". */
  readonly chat?: Chat;
  /** Share of the rows for validation, and as many held out for the end. Default 0.1. */
  readonly splits?: number;
  /** Most tokens per completion, its end token among them. Default 32. */
  readonly completionLength?: number;
  readonly visible?: TextTask["visible"];
  readonly turnEnd?: string;
  readonly reply?: TextTask["reply"];
}

const share: Kind = {
  words: "a number from 0 to below 0.5",
  fits: (x) => typeof x === "number" && x >= 0 && x < 0.5,
};
/** The fields of a definition, each with its kind; data and rewards are checked as they are read. */
export const ownTextFields: Kinds = {
  ...{ examples: anything, corpus: anything, prompts: anything, reward: anything },
  ...{ measures: functions, tokenizer: anything, end: aWord, chat: aFunction, splits: share },
  ...{ completionLength: wholeFrom(1), visible: aFunction, turnEnd: aWord, reply: aFunction },
};

interface Context {
  readonly values: unknown;
  readonly read: ReadCorpus;
  readonly where: string;
  /** Writes messages unless the definition does. Default: a line per message. */
  readonly chat?: Chat | undefined;
}

/** Returns the text task of a definition. Throws SettingError and OwnCodeError that begin with `where`. */
export function textFrom(
  definition: TextDefinition,
  { values, read, where, chat: usualChat = plainChat }: Context,
): TextTask {
  const given = <T>(name: string, value: Given<T>): T =>
    typeof value === "function"
      ? guarded(`${where}: ${name}`, () =>
          (value as (v: unknown, r: ReadCorpus) => T)(values, read),
        )
      : value;
  const own = Object.entries(definition).filter(([name]) => Object.hasOwn(ownTextFields, name));
  checkFields(Object.fromEntries(own), ownTextFields, where);
  const { end = endToken, splits = 0.1, completionLength = 32 } = definition;
  const chat = checkedChat(definition.chat ?? usualChat, where);
  const rows = rowsOf(given("examples", definition.examples ?? []), `${where}: examples`);
  const lines =
    definition.corpus === undefined
      ? []
      : linesOf(given("corpus", definition.corpus), `${where}: corpus`);
  const examples = [
    ...rows.flatMap((row, i) => examplesOf(row, chat, `examples: row ${i + 1}`)),
    ...lines,
  ];
  const asked = rowsOf(given("prompts", definition.prompts ?? rows), `${where}: prompts`);
  const byPrompt = new Map<string, Readonly<Record<string, unknown>>>();
  for (const row of asked) {
    const prompt = promptOf(row, chat, definition.prompts !== undefined);
    if (prompt !== null)
      byPrompt.set(prompt, typeof row === "string" ? { prompt } : { ...row, prompt });
  }
  if (byPrompt.size === 0)
    for (const { completion } of examples)
      byPrompt.set(beginningOf(completion), { text: completion });
  const prompts = [...byPrompt.keys()];
  if (examples.length === 0 && prompts.length === 0)
    throw new SettingError(`${where}: expected examples, a corpus or prompts, got none`);
  const sides = sidesOf(examples, splits, (example) => {
    const { prompt, completion } = wholeOf(example);
    return prompt === "" ? completion : prompt; // a row's prompt and its example are on one side
  });
  const judges: readonly Judge[] =
    definition.reward === undefined ? [] : judgesFrom(definition.reward, where);
  const rowOf = (prompt: string) => byPrompt.get(prompt) ?? { prompt };
  return {
    tokenizer: tokenizerOf(given("tokenizer", definition.tokenizer), examples, prompts, end, where),
    end,
    examples: sides,
    prompts: sidesOf(prompts, splits, (prompt) => prompt),
    judges,
    rowOf,
    reward: () => Number.NaN,
    measures: measuresOf(definition.measures, rowOf, where),
    completionLength,
    ...(definition.chat !== undefined || (asked.length > 0 && asked.every(isOfMessages))
      ? { chat }
      : {}),
    ...(definition.visible === undefined ? {} : { visible: definition.visible }),
    ...(definition.turnEnd === undefined ? {} : { turnEnd: definition.turnEnd }),
    ...(definition.reply === undefined ? {} : { reply: definition.reply }),
  };
}

function linesOf(corpus: unknown, where: string): Example[] {
  if (typeof corpus === "string") return texts(corpus);
  throw new SettingError(`${where}: expected a text, got ${brief(corpus)}`);
}

function measuresOf(
  given: TextDefinition["measures"],
  rowOf: NonNullable<TextTask["rowOf"]>,
  where: string,
): Readonly<Record<string, Reward>> {
  return Object.fromEntries(
    Object.entries(given ?? {}).map(([name, f]) => [
      name,
      (prompt: string, completion: string, tokens: ArrayLike<number>) =>
        guarded(`${where}: measure ${name}`, () => {
          const value: unknown = f(prompt, completion, { tokens, row: rowOf(prompt) });
          if (typeof value === "boolean") return Number(value);
          if (typeof value === "number" && Math.abs(value) !== Infinity) return value;
          throw new SettingError(`expected a finite number, or NaN, got ${shown(value)}`);
        }),
    ]),
  );
}

/** Returns the form of messages whose errors begin with `where`. */
function checkedChat(chat: Chat, where: string): Chat {
  if (typeof chat !== "function")
    throw new SettingError(`${where}: expected chat as a function, got ${brief(chat)}`);
  return (messages, generate, variables) => {
    const text: unknown = guarded(`${where}: chat`, () => chat(messages, generate, variables));
    if (typeof text === "string") return text;
    throw new SettingError(`${where}: chat: expected a text, got ${brief(text)}`);
  };
}

const isOfMessages = (row: Row): boolean => typeof row !== "string" && row.messages !== undefined;

function rowsOf(rows: unknown, where: string): readonly Row[] {
  if (!Array.isArray(rows)) throw new SettingError(`${where}: expected a list, got ${shown(rows)}`);
  for (const [i, row] of rows.entries()) {
    if (typeof row === "string") continue;
    const wrong = faultOf(row);
    if (wrong !== null) throw new SettingError(`${where}: row ${i + 1}: expected ${wrong}`);
  }
  return rows;
}

/** Returns what was expected of a row and what came; null for a row that fits. */
function faultOf(row: unknown): string | null {
  if (typeof row !== "object" || row === null || Array.isArray(row))
    return `a text or an object, got ${brief(row)}`;
  const { messages, ...fields } = row as Record<string, unknown>;
  const texts = ["prompt", "completion", "text"];
  const wrong = texts.find((field) => !["string", "undefined"].includes(typeof fields[field]));
  if (wrong !== undefined) return `${wrong} as a text, got ${brief(fields[wrong])}`;
  const names = Object.keys(fields);
  if (messages === undefined)
    return texts.some((field) => fields[field] !== undefined)
      ? null
      : `prompt, completion, text or messages, got ${names.length > 0 ? brief(names.join(", ")) : "no field"}`;
  if (!Array.isArray(messages) || messages.length === 0)
    return `messages as a list of one message or more, got ${Array.isArray(messages) ? "none" : brief(messages)}`;
  const odd = messages.findIndex((message) => !isMessage(message));
  return odd < 0 ? null : `role and content as texts in message ${odd + 1}`;
}

/** Templates also take a list as content, and none beside calls of tools. */
function isMessage(message: unknown): boolean {
  const { role, content } = (message ?? {}) as Record<string, unknown>;
  const isContent = typeof content === "string" || Array.isArray(content) || content == null;
  return typeof role === "string" && isContent;
}

/** Returns the texts to imitate: prompt and completion, or messages, of which the assistant's turns are learned. */
function examplesOf(row: Row, chat: Chat, where: string): Example[] {
  if (typeof row === "string") return [{ prompt: "", completion: row }];
  const { prompt = "", completion = row.text, messages } = row;
  if (messages !== undefined) return conversationOf(messages, withVariables(row, chat), where);
  return completion === undefined ? [] : [{ prompt, completion }];
}

/**
 * Returns a conversation as one example. In a form that writes earlier messages otherwise, such as without their
 * thoughts, a turn that does not continue the text so far begins an example of its own.
 */
function conversationOf(messages: readonly Message[], chat: Chat, where: string): Example[] {
  const conversations: Example[][] = [];
  let text = "";
  for (const [i, { role, content: completion }] of messages.entries()) {
    if (role !== "assistant") continue;
    if (typeof completion !== "string")
      throw new SettingError(
        `${where}: expected content as a text in an assistant's message, got ${brief(completion)}`,
      );
    const before = chat(messages.slice(0, i), true);
    const continues = text !== "" && before.length > text.length && before.startsWith(text);
    if (continues) conversations.at(-1)?.push({ prompt: before.slice(text.length), completion });
    else conversations.push([{ prompt: before, completion }]);
    text = before + completion;
  }
  return conversations.map(([first, ...turns]) => (turns.length > 0 ? { ...first, turns } : first));
}

/** Returns an example's last turn, with all that was said before as its prompt. */
const wholeOf = (example: Example): Example => singleTurns(example).at(-1) as Example;

/** The prompt of a row; null where it has none. A bare text is a prompt only in a list of prompts. */
function promptOf(row: Row, chat: Chat, isPrompt: boolean): string | null {
  if (typeof row === "string") return isPrompt ? row : null;
  if (row.messages === undefined) return row.prompt ?? (isPrompt ? (row.text ?? null) : null);
  const isAnswer = row.messages.at(-1)?.role === "assistant";
  const asked = isAnswer ? row.messages.slice(0, -1) : row.messages;
  return asked.length === 0 ? null : withVariables(row, chat)(asked, true);
}

/** Returns a form with what a row says to it: its tools, and variables under the name that transformers has. */
function withVariables(
  { tools, chat_template_kwargs: more }: Exclude<Row, string>,
  chat: Chat,
): Chat {
  if (tools === undefined && more === undefined) return chat;
  const variables = { ...(tools !== undefined && { tools }), ...(more as object) };
  return (messages, generate) => chat(messages, generate, variables);
}

/** Returns the first third of a text's words, as a prompt. */
function beginningOf(text: string): string {
  const words = text.match(/\S+\s*/g) ?? [];
  return words.slice(0, Math.max(1, Math.ceil(words.length / 3))).join("");
}

const fewItems = 20;

/** Sides of items; of fewer than 20, all three sides have all. */
export function sidesOf<T>(items: readonly T[], share: number, key: (item: T) => string): Sides<T> {
  if (items.length < fewItems || share === 0)
    return { train: items, validation: items, heldOut: items };
  const sides = split(items, share, key);
  const or = (side: readonly T[]): readonly T[] => (side.length > 0 ? side : sides.train);
  return { train: sides.train, validation: or(sides.validation), heldOut: or(sides.heldOut) };
}

const mostCharacters = 128;

function tokenizerOf(
  given: "characters" | "bytes" | { readonly merges: number } | Tokenizer | undefined,
  examples: readonly Example[],
  prompts: readonly string[],
  end: string,
  where: string,
): Tokenizer {
  if (!isTokenizer(given))
    throw new SettingError(
      `${where}: expected tokenizer as "characters", "bytes", { merges } or a tokenizer, got ${brief(given)}`,
    );
  if (typeof given === "object" && "encode" in given) {
    guarded(`${where}: tokenizer`, () => given.special(end));
    return given;
  }
  const all = [
    ...examples.map(wholeOf).map(({ prompt, completion }) => prompt + completion),
    ...prompts,
  ];
  if (typeof given === "object") return trainBpe(all.join("\n"), given.merges, { specials: [end] });
  const known = [...new Set(all.join(""))].sort().join("");
  const kind = given ?? ([...known].length <= mostCharacters ? "characters" : "bytes");
  if (kind === "bytes") return bytes([end]);
  return characters(known, [end]);
}

const tokenizerMethods = ["encode", "decode", "special", "save"];
/** Returns whether a definition may have it as its tokenizer. */
function isTokenizer(given: unknown): boolean {
  if (given === undefined || given === "characters" || given === "bytes") return true;
  if (!anObject.fits(given)) return false;
  const { merges, ...rest } = given as { readonly [name: string]: unknown };
  return merges === undefined
    ? tokenizerMethods.every((name) => typeof rest[name] === "function")
    : wholeFrom(0).fits(merges) && Object.keys(rest).length === 0;
}
