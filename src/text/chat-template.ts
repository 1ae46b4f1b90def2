/**
 * Chat templates of published models: Jinja templates that write messages as the text that a model reads, with the
 * variables that Hugging Face's transformers gives them. A renderer is brought along, such as node/chat-template.ts has.
 */
import { FormatError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import { messageOf } from "../core/thrown.ts";
import type { Chat } from "./chat.ts";

/** A message; templates may use more fields, such as `tool_calls`. */
export interface ChatMessage {
  readonly role: string;
  readonly content?: unknown;
  readonly [field: string]: unknown;
}

/**
 * Variables of a template, under the names of transformers: `add_generation_prompt` (false if absent), `tools`, `documents`,
 * `enable_thinking`, and any other that a template knows.
 */
export type ChatVariables = Readonly<Record<string, unknown>>;

/** Makes a function that renders a template's text. */
export type Jinja = (source: string) => (variables: ChatVariables) => string;

/** A template's text, and where it comes from, for messages. */
export interface TemplateSource {
  readonly text: string;
  readonly where: string;
}

/** Text, and the parts of it that an assistant wrote, in UTF-16 units. */
export interface MarkedText {
  readonly text: string;
  readonly spans: readonly (readonly [start: number, end: number])[];
}

const generation = /\{%([-+]?)\s*(end)?generation\s*([-+]?)%\}/g;
/** Characters for private use that mark where a block of generation begins and ends. */
const [opening, closing] = ["\u{10fff0}", "\u{10fff1}"];

export class ChatTemplate {
  private readonly sources: ReadonlyMap<string, TemplateSource>;
  private readonly jinja: Jinja;
  private readonly tokens: ChatVariables;

  /** `sources` by name, `default` among them; `tokens` such as bos_token, by these names. */
  constructor(
    sources: ReadonlyMap<string, TemplateSource>,
    jinja: Jinja,
    tokens: Readonly<Record<string, string>> = {},
  ) {
    this.sources = sources;
    this.jinja = jinja;
    this.tokens = tokens;
  }

  /**
   * Returns the text of messages. Throws FormatError, which names the file, with the message of a template that throws. Where
   * `tools` are given, the template `tool_use` is used if there is one, else `default`.
   */
  render(messages: readonly ChatMessage[], variables: ChatVariables = {}): string {
    return this.written(this.sourceFor(variables), messages, variables);
  }

  /** Returns the template as a function of messages, with these variables and those of each call. */
  chat(variables: ChatVariables = {}): Chat {
    return (messages, generate, more) =>
      this.render(
        messages.map((message) => ({ ...message })),
        { ...variables, ...more, add_generation_prompt: generate },
      );
  }

  /**
   * Returns the text of messages and which parts an assistant wrote: what stands in `{% generation %}` blocks, or where the
   * template has none, what each of its messages adds after the prompt for it. Throws FormatError if the text up to a
   * message does not begin the whole text, as in templates that drop thoughts of earlier turns.
   */
  marked(messages: readonly ChatMessage[], variables: ChatVariables = {}): MarkedText {
    const source = this.sourceFor(variables);
    const text = this.written(source, messages, variables);
    if (source.text.search(generation) >= 0) {
      const written = this.written(withMarks(source), messages, variables);
      return { text, spans: spansOf(written, text, source.where) };
    }
    const spans = messages.flatMap(({ role }, i): MarkedText["spans"] => {
      if (role !== "assistant") return [];
      const prompt = { ...variables, add_generation_prompt: true };
      const before = this.written(source, messages.slice(0, i), prompt);
      const after = this.written(source, messages.slice(0, i + 1), variables);
      for (const [part, what] of [
        [before, "the prompt for it"],
        [after, "the messages up to it"],
      ])
        if (!text.startsWith(part))
          throw new FormatError(
            `${source.where}: message ${i + 1}: expected the text of ${what} to begin the whole text, which it does not`,
          );
      return [[before.length, after.length]];
    });
    return { text, spans };
  }

  private sourceFor({ tools }: ChatVariables): TemplateSource {
    const { sources } = this;
    const forTools = (tools ?? null) === null ? undefined : sources.get("tool_use");
    const source = forTools ?? sources.get("default");
    if (source !== undefined) return source;
    const names = [...sources.keys()].join(", ") || "none";
    throw new FormatError(`chat_template: expected a template "default", got ${brief(names)}`);
  }

  private written(
    { text, where }: TemplateSource,
    messages: readonly ChatMessage[],
    variables: ChatVariables,
  ): string {
    const usual = { tools: null, documents: null, add_generation_prompt: false };
    try {
      return this.jinja(text)({ ...this.tokens, ...usual, ...variables, messages });
    } catch (error) {
      throw new FormatError(`${where}: ${messageOf(error).split("\n")[0]}`);
    }
  }
}

/** Writes marks at the ends of the blocks; the tags keep what they say about the white space around them. */
const withMarks = ({ text, where }: TemplateSource): TemplateSource => ({
  where,
  text: text.replace(
    generation,
    (_, before, end, after) =>
      `{%${before} if true %}{{ "${end === undefined ? opening : closing}" }}{% endif ${after}%}`,
  ),
});

function spansOf(written: string, text: string, where: string): MarkedText["spans"] {
  const spans: [number, number][] = [];
  const plain: string[] = [];
  let [at, start] = [0, -1];
  for (const part of written.split(/([\u{10fff0}\u{10fff1}])/u)) {
    if (part === opening) start = at;
    else if (part === closing) {
      if (start >= 0) spans.push([start, at]);
      start = -1;
    } else {
      plain.push(part);
      at += part.length;
    }
  }
  if (plain.join("") === text && start < 0) return spans;
  throw new FormatError(`${where}: expected the text outside generation blocks to be the same`);
}
