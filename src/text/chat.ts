/** Messages of a conversation as the text that a model reads. */
export interface Message {
  readonly role: string;
  readonly content: string;
}

/**
 * Writes messages as text; with `generate`, up to where the assistant's answer begins. Forms of published models also
 * read variables such as `tools`.
 */
export type Chat = (
  messages: readonly Message[],
  generate: boolean,
  variables?: Readonly<Record<string, unknown>>,
) => string;

/** The default: a line per message, such as "user: hi". */
export const plainChat: Chat = (messages, generate) =>
  messages.map(({ role, content }) => `${role}: ${content}\n`).join("") +
  (generate ? "assistant: " : "");
