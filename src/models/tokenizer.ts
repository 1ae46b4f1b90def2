/** The tokenizer of a model's folder: tokenizer.json, and what the files beside it say. */
import { FormatError } from "../core/errors.ts";
import { runLater, runNow, type Waiting } from "../core/waiting.ts";
import { type Json, parseJson } from "../io/json.ts";
import type { TemplateSource } from "../text/chat-template.ts";
import { besideNames, type HubTokenizer, readTokenizerJson } from "../text/tokenizer-json.ts";
import { Fields } from "./fields.ts";
import { type ModelFiles, readText } from "./files.ts";

export interface LoadedTokenizer extends TokenizerNotes {
  readonly tokenizer: HubTokenizer;
}

/** Special tokens and chat templates, which the files beside tokenizer.json name. */
export interface TokenizerNotes {
  /** Special tokens by their part, such as eos_token. */
  readonly tokens: Readonly<Record<string, string>>;
  /** Chat templates by name; empty for a folder without one. */
  readonly templates: ReadonlyMap<string, TemplateSource>;
}

const [configName, mapName, jinjaName, templateName] = besideNames;

/**
 * Loads a tokenizer whose files answer at once. Throws FormatError, which names the file and the field, for files that are
 * broken or not supported, and for a config.json whose vocab_size is too small for the tokens.
 */
export const loadTokenizer = (files: ModelFiles): LoadedTokenizer =>
  runNow(loading(files), "loadTokenizer");

/** Loads a tokenizer whose files answer with promises, such as those that a page's user picked. */
export const loadTokenizerLater = (files: ModelFiles): Promise<LoadedTokenizer> =>
  runLater(loading(files));

function* loading(files: ModelFiles): Waiting<LoadedTokenizer> {
  const text = yield* readText(files, "tokenizer.json");
  if (text === null) throw new FormatError("tokenizer.json: expected a file of this name");
  const beside: Record<string, string> = {};
  for (const name of besideNames) {
    const found = yield* readText(files, name);
    if (found !== null) beside[name] = found;
  }
  const notes = tokenizerNotes(beside);
  const tokenizer = readTokenizerJson(text, beside);
  const config = yield* readText(files, "config.json");
  if (config !== null)
    checkVocabulary(new Fields(parseJson(config, "config.json"), "config.json"), tokenizer);
  return { tokenizer, ...notes };
}

function checkVocabulary(config: Fields, { vocab }: HubTokenizer): void {
  if (config.get("vocab_size") !== null && config.whole("vocab_size") < vocab)
    throw config.wrong(
      "vocab_size",
      `of at least ${vocab}, since tokenizer.json has ids up to ${vocab - 1}`,
    );
}

const parts = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"].map((part) => `${part}_token`);

/** Reads the files beside a tokenizer.json, by name, such as a HubTokenizer's `beside`. */
export function tokenizerNotes(beside: Readonly<Record<string, string>>): TokenizerNotes {
  const fieldsOf = (name: string): Fields | null => {
    const text = beside[name];
    return text === undefined ? null : new Fields(parseJson(text, name), name);
  };
  const [config, map] = [configName, mapName].map(fieldsOf);
  const tokens: Record<string, string> = {};
  for (const part of parts) {
    const token = tokenOf(config, part) ?? tokenOf(map, part);
    if (token !== null) tokens[part] = token;
  }
  const jinja = beside[jinjaName];
  const json = fieldsOf(templateName) ?? config;
  const where = json === config ? configName : templateName;
  const templates =
    jinja === undefined
      ? templatesOf(json, `${where}: chat_template`)
      : new Map([["default", { text: jinja, where: jinjaName }]]);
  return { tokens, templates };
}

/** Reads a token: its text, or an object with its content. */
function tokenOf(fields: Fields | null, part: string): string | null {
  const value = fields?.get(part) ?? null;
  if (fields === null || value === null) return null;
  return value instanceof Map ? (fields.inside(part) as Fields).text("content") : fields.text(part);
}

/** Reads one template, or a list of them with names. */
function templatesOf(fields: Fields | null, where: string): Map<string, TemplateSource> {
  const value: Json = fields?.get("chat_template") ?? null;
  if (fields === null || value === null) return new Map();
  if (!Array.isArray(value))
    return new Map([["default", { text: fields.text("chat_template"), where }]]);
  return new Map(
    value.map((entry: Json, i) => {
      const named = new Fields(entry, `${where}[${i}]`);
      const name = named.text("name");
      return [name, { text: named.text("template"), where: `${where} ${name}` }];
    }),
  );
}
