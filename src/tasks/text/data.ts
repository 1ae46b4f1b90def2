/** A text task out of a file of data: imitation, or learning from a reward in a file. */
import { SettingError } from "../../core/errors.ts";
import { choice, integer, real, text, type Values } from "../../core/settings.ts";
import { messageOf } from "../../core/thrown.ts";
import type { Chat } from "../../text/chat.ts";
import { tokenizerFrom } from "../../text/load.ts";
import { rowsOfFile } from "../../text/rows.ts";
import type { TextTask } from "../../text/task.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import type { ReadCorpus } from "../task.ts";
import { textFrom } from "./own-text.ts";

export const dataSettings = {
  data: text("", "file or folder: .jsonl, .json, .csv, pairs with a tab, or plain text"),
  by: choice("line", ["line", "paragraph"], "what is one text, in plain text"),
  tokenizer: text("auto", "auto, characters, bytes, bpe, or what a tokenizer's save gave, as JSON"),
  merges: integer(500, "pairs that bpe merges", { max: 100_000 }),
  splits: real(0.1, "share of the rows for validation, and as many held out", { min: 0, max: 0.4 }),
  completion: integer(64, "most tokens of a completion", { min: 1, max: 65_536 }),
};

export function dataTask(
  { data, by, tokenizer, merges, splits, completion }: Values<typeof dataSettings>,
  read: ReadCorpus,
  chat?: Chat,
): TextTask {
  if (data === "")
    throw new SettingError("text: expected a file or folder of data; say --set data=FILE");
  return textFrom(
    {
      examples: rowsOfFile(data, read(data), by),
      ...(tokenizer === "auto" ? {} : { tokenizer: tokenizerOf(tokenizer, merges) }),
      splits,
      completionLength: completion,
    },
    { values: {}, read, where: "text", chat },
  );
}

function tokenizerOf(
  name: string,
  merges: number,
): "characters" | "bytes" | { readonly merges: number } | Tokenizer {
  if (name === "characters" || name === "bytes") return name;
  if (name === "bpe") return { merges };
  try {
    return tokenizerFrom(JSON.parse(name));
  } catch (error) {
    throw new SettingError(
      `tokenizer: expected auto, characters, bytes, bpe or a saved tokenizer: ${messageOf(error)}`,
    );
  }
}
