/** Folders that are written load back equal, in every form that the vectors hold. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { UsageError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import type { HubModel } from "../../src/models/build.ts";
import { modelFiles } from "../../src/models/files.ts";
import { loadModel } from "../../src/models/load.ts";
import { saveModel } from "../../src/models/save.ts";
import { loadTokenizer } from "../../src/models/tokenizer.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { Llama, type LlamaOptions } from "../../src/nn/llama.ts";
import { modelFolder } from "../../src/node/model-folder.ts";
import { languageFolder } from "../../src/tasks/text/session.ts";
import type { TextTask } from "../../src/text/task.ts";
import { bitsOf } from "../support/bits.ts";

const folder = fileURLToPath(new URL("../vectors/data/models/models/", import.meta.url));
const asBytes = (files: Record<string, string | Uint8Array>): Record<string, Uint8Array> =>
  Object.fromEntries(
    Object.entries(files).map(([name, content]) => [
      name,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    ]),
  );
const again = (model: HubModel, options = {}) =>
  loadModel(loops(), modelFiles(asBytes(saveModel(model, options))));

function expectSame(got: HubModel, want: HubModel): void {
  expect(got.options).toEqual(want.options);
  expect(got.parameters.list.map(({ name }) => name)).toEqual(
    want.parameters.list.map(({ name }) => name),
  );
  for (const [i, { data }] of got.parameters.list.entries())
    expect(bitsOf(data)).toEqual(bitsOf(want.parameters.list[i].data));
}

test.each(readdirSync(folder))("%s: written and read, the same model and config", (name) => {
  const { model, config } = loadModel(loops(), modelFolder(join(folder, name)));
  const { begin, stop } = config;
  const back = again(model, { begin, stop });
  expectSame(back.model, model);
  expect(back.config).toEqual({ ...config, dtype: "float32" });
});

test("a GPT of ours: untied, its value head left out, its tokenizer beside it", () => {
  const options = { vocab: 9, context: 6, layers: 2, heads: 2, width: 4, tied: false };
  const gpt = new Gpt(loops(), options, new Random(1));
  expectSame(again(gpt).model, gpt);
  const valued = new Gpt(loops(), { ...options, valueHead: true }, new Random(1));
  expectSame(again(valued).model, gpt);
  const files = saveModel(gpt, { stop: [8], begin: 8, tokenizerJson: "{}" });
  expect(Object.keys(files)).toEqual([
    ...["config.json", "generation_config.json", "model.safetensors", "tokenizer.json"],
  ]);
  expect(JSON.parse(files["generation_config.json"] as string).eos_token_id).toBe(8);
});

test("a tokenizer that was read goes out with its text, its special tokens and its chat template", () => {
  const { tokenizer } = loadTokenizer(modelFolder(join(folder, "chat")));
  const options = { vocab: tokenizer.vocab, context: 4, layers: 1, heads: 1, width: 4 };
  const gpt = new Gpt(loops(), options, new Random(1));
  const task = { tokenizer, end: "<|eot_id|>" } as unknown as TextTask;
  const files = languageFolder({ merged: () => gpt, task });
  const back = loadTokenizer(modelFiles(asBytes(files)));
  const first = loadTokenizer(modelFolder(join(folder, "chat")));
  expect([back.templates, back.tokens]).toEqual([first.templates, first.tokens]);
  for (const text of ["Hello <|eot_id|>world", ""])
    for (const special of [false, true])
      expect(back.tokenizer.encode(text, { special, around: special })).toEqual(
        tokenizer.encode(text, { special, around: special }),
      );
});

const llama: LlamaOptions = {
  ...{ vocab: 9, context: 8, layers: 2, heads: 2, width: 4, tied: true, valueHead: false },
  ...{ keyHeads: 1, headWidth: 4, inner: 6, eps: 1e-5, windows: [0, 0] },
  rope: { theta: 100, scaling: { type: "linear", factor: 2 } },
  ...{ qkvBias: false, outBias: false, mlpBias: false, qkNorm: false },
};
test("choices of one family are written as it says them; a mixture is refused", () => {
  const made = (changes: Partial<LlamaOptions>): Llama =>
    new Llama(loops(), { ...llama, ...changes }, new Random(2));
  const rows: readonly (readonly [Partial<LlamaOptions>, string])[] = [
    [{}, "llama"],
    [{ windows: [3, 3] }, "mistral"],
    [{ windows: [3, 3], qkvBias: true }, "qwen2"],
    [{ windows: [0, 3], qkvBias: true }, "qwen2"],
    [{ windows: [3, 0], qkNorm: true, qkvBias: true, outBias: true }, "qwen3"],
  ];
  for (const [changes, family] of rows) {
    const model = made(changes);
    const back = again(model);
    expect(back.config.family).toBe(family);
    expectSame(back.model, model);
  }
  const mixed = made({ qkNorm: true, mlpBias: true });
  expect(() => saveModel(mixed)).toThrow(UsageError);
  expect(() => saveModel(made({ windows: [2, 3] }))).toThrow("got a model that mixes them");
});
