/** The tokenizer of a model's folder, and the files beside it. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { modelFiles } from "../../src/models/files.ts";
import { loadTokenizer, loadTokenizerLater, tokenizerNotes } from "../../src/models/tokenizer.ts";
import { modelFolder } from "../../src/node/model-folder.ts";
import { tokenizerFrom } from "../../src/text/load.ts";
import type { HubTokenizer } from "../../src/text/tokenizer-json.ts";

const folder = fileURLToPath(new URL("../vectors/data/models/models/chat", import.meta.url));
const text = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const tokenizer = { model: { type: "BPE", vocab: { a: 0, b: 6 }, merges: [] } };
const of = (files: Record<string, unknown>) =>
  modelFiles(
    Object.fromEntries(
      Object.entries({ "tokenizer.json": tokenizer, ...files }).map(([name, v]) => [name, text(v)]),
    ),
  );

test("a whole folder: tokens by their part, the template, the special tokens", () => {
  const loaded = loadTokenizer(modelFolder(folder));
  expect(loaded.tokens).toMatchObject({ bos_token: "<|begin_of_text|>", eos_token: "<|eot_id|>" });
  expect([...loaded.templates.keys()]).toEqual(["default"]);
  expect(loaded.tokenizer.specials.get("<|eot_id|>")).toBe(450);
  expect(loaded.tokenizer.encode("<|eot_id|>", { special: true })).toEqual([450]);
  expect(loaded.tokenizer.encode("<|eot_id|>")).not.toContain(450);
});

test("files that are picked in a page", async () => {
  const files = {
    "tokenizer.json": new Blob([JSON.stringify(tokenizer)]),
    "chat_template.jinja": new Blob(["x"]),
  };
  const { tokenizer: got, templates } = await loadTokenizerLater(modelFiles(files));
  expect(got.encode("ab")).toEqual([0, 6]);
  expect(templates.get("default")).toEqual({ text: "x", where: "chat_template.jinja" });
});

test("tokens are texts or objects, of the config before the map", () => {
  const { tokens } = tokenizerNotes({
    "tokenizer_config.json":
      '{"bos_token": {"content": "<b>", "lstrip": false}, "eos_token": null}',
    "special_tokens_map.json": '{"bos_token": "<x>", "eos_token": "<e>", "pad_token": "<p>"}',
  });
  expect(tokens).toEqual({ bos_token: "<b>", eos_token: "<e>", pad_token: "<p>" });
});

test("a template's own file comes before the config's; a list has names", () => {
  const list = [
    { name: "default", template: "d" },
    { name: "tool_use", template: "t" },
  ];
  const config = JSON.stringify({ chat_template: list });
  const textsOf = (beside: Record<string, string>) =>
    Array.from(tokenizerNotes(beside).templates, ([name, source]) => [name, source.text]);
  expect(textsOf({ "tokenizer_config.json": config })).toEqual([
    ["default", "d"],
    ["tool_use", "t"],
  ]);
  const json = { "tokenizer_config.json": config, "chat_template.json": '{"chat_template": "j"}' };
  expect(textsOf(json)).toEqual([["default", "j"]]);
  expect(textsOf({ ...json, "chat_template.jinja": "k" })).toEqual([["default", "k"]]);
  expect(textsOf({})).toEqual([]);
});

test.each<[string, Record<string, unknown>]>([
  [
    "config.json: expected vocab_size of at least 7, since tokenizer.json has ids up to 6, got 6",
    { "config.json": { vocab_size: 6 } },
  ],
  [
    "config.json: expected vocab_size as a whole number ≥ 1",
    { "config.json": { vocab_size: "6" } },
  ],
  ["tokenizer.json: not JSON", { "tokenizer.json": "{" }],
  [
    "tokenizer_config.json: expected chat_template as a text, got 5",
    { "tokenizer_config.json": { chat_template: 5 } },
  ],
  [
    "tokenizer_config.json: chat_template[0]: expected template as a text",
    { "tokenizer_config.json": { chat_template: [{ name: "default" }] } },
  ],
  [
    "tokenizer_config.json: expected eos_token as a text, got 5",
    { "tokenizer_config.json": { eos_token: 5 } },
  ],
  [
    "special_tokens_map.json: eos_token: expected content as a text",
    { "special_tokens_map.json": { eos_token: {} } },
  ],
])("%s", (message, files) => {
  expect(() => loadTokenizer(of(files))).toThrow(FormatError);
  expect(() => loadTokenizer(of(files))).toThrow(message);
});

test("a vocabulary that fits, a config that says nothing of it, and a folder without a tokenizer", () => {
  expect(loadTokenizer(of({ "config.json": { vocab_size: 7 } })).tokenizer.vocab).toBe(7);
  expect(loadTokenizer(of({ "config.json": {} })).tokenizer.vocab).toBe(7);
  expect(() => loadTokenizer(modelFiles({}))).toThrow(
    "tokenizer.json: expected a file of this name",
  );
});

test("what a tokenizer saves has the files beside it; files of other names are refused", () => {
  const loaded = loadTokenizer(modelFolder(folder)).tokenizer;
  const saved = JSON.parse(JSON.stringify(loaded.save()));
  const back = tokenizerFrom(saved) as HubTokenizer;
  expect(Object.keys(back.beside)).toEqual(["tokenizer_config.json", "special_tokens_map.json"]);
  expect(tokenizerNotes(back.beside).templates.size).toBe(1);
  for (const beside of [
    { [join("..", "x")]: "" },
    { "config.json": "" },
    { "chat_template.jinja": 5 },
    5,
  ])
    expect(() => tokenizerFrom({ ...saved, beside })).toThrow(
      "expected what a tokenizer's save gave",
    );
});
