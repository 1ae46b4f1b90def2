/** Conversations as tokens, with a mask of those that an assistant wrote, for training on them alone. */
import type { ChatMessage, ChatTemplate, ChatVariables } from "./chat-template.ts";
import type { HubTokenizer } from "./tokenizer-json.ts";

export interface ChatTokens {
  readonly ids: readonly number[];
  /** 1 for a token of an assistant's turn, else 0; [ids.length]. */
  readonly mask: Uint8Array;
}

/**
 * Returns the ids of the rendered messages. A turn's tokens are those after the tokens that the text before the turn shares
 * with the whole, up to those that the text with the turn shares. Throws FormatError as `ChatTemplate.marked` does.
 */
export function chatTokens(
  template: ChatTemplate,
  tokenizer: HubTokenizer,
  messages: readonly ChatMessage[],
  variables: ChatVariables = {},
): ChatTokens {
  const { text, spans } = template.marked(messages, variables);
  const encode = (part: string): number[] => tokenizer.encode(part, { special: true });
  const ids = encode(text);
  const tokensOf = (end: number): number => {
    const part = encode(text.slice(0, end));
    const differing = part.findIndex((id, i) => id !== ids[i]);
    return differing < 0 ? part.length : differing;
  };
  const mask = new Uint8Array(ids.length);
  for (const [start, end] of spans) mask.fill(1, tokensOf(start), tokensOf(end));
  return { ids, mask };
}
