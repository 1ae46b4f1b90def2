// @module-tag deep
/** GPTs as JavaScript modules, run by importing them, against the models and tokenizers they were made from. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { UsageError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { gptModule } from "../../src/export/gpt-js.ts";
import { generate } from "../../src/nn/decode.ts";
import { Gpt, type GptOptions } from "../../src/nn/gpt.ts";
import { bpe, trainBpe } from "../../src/text/bpe.ts";
import { symbols } from "../../src/text/symbols.ts";
import { bytes, characters, type Tokenizer } from "../../src/text/tokenizer.ts";

interface Options {
  readonly random?: () => number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly stop?: readonly number[];
  readonly most?: number;
}
interface Module {
  generate(tokens: readonly number[], options?: Options): Generator<number, void>;
  encode(text: string): number[];
  decode(ids: readonly number[]): string;
  complete(text: string, options?: Options): string;
}
const folder = mkdtempSync(join(tmpdir(), "pigrad-"));
afterAll(() => rmSync(folder, { recursive: true }));
let count = 0;
function load({ js }: { readonly js: string }): Promise<Module> {
  const file = join(folder, `gpt${count++}.mjs`);
  writeFileSync(file, js);
  return import(pathToFileURL(file).href);
}

const shape = { vocab: 11, context: 24, layers: 2, heads: 3, width: 12 };
function model(options: Partial<GptOptions> = {}): Gpt {
  const gpt = new Gpt(loops(), { ...shape, ...options }, new Random(1));
  const random = new Random(2);
  for (const { data } of gpt.parameters.list) {
    random.fillNormal(data); // so that nothing is 0 or 1 and tokens are decided
    for (let i = 0; i < data.length; i++) data[i] *= 0.7;
  }
  return gpt;
}

describe("a GPT as a module", () => {
  for (const options of [{}, { tied: false, valueHead: true }]) {
    test(`writes what the model does: ${JSON.stringify(options)}`, async () => {
      const gpt = model(options);
      const { generate: made } = await load(gptModule(gpt));
      const numbers = new Random(3);
      for (let trial = 0; trial < 300; trial++) {
        const prompt = Array.from({ length: 1 + numbers.below(20) }, () => numbers.below(11));
        const seed = numbers.below(1000);
        const drawn = trial % 2 === 1;
        const [ours, theirs] = [new Random(seed), new Random(seed)];
        const sampling = drawn ? { temperature: 0.8, topK: 4 } : { greedy: true };
        const want: number[] = [];
        for (const { token } of generate(gpt, prompt, ours, { ...sampling, stop: [5] })) {
          want.push(token);
          if (prompt.length + want.length === shape.context + 1) break;
        }
        const draw = { temperature: 0.8, topK: 4, random: () => theirs.uniform() };
        expect([...made(prompt, { ...(drawn ? draw : {}), stop: [5] })]).toEqual(want);
      }
    });
  }

  const ofTokens: Record<string, Tokenizer> = {
    symbols: symbols(["a", "ab", "b", "c", "é", "😀"], ["<end>"]),
    characters: characters("abcé😀", ["<end>"]),
    bytes: bytes(["<end>"]),
    bpe: trainBpe("abc abc abé 😀😀 bca\n\nabc's 12 12", 30, { specials: ["<end>"] }),
    "bpe, across words": trainBpe("ab ab ab ab  ab", 5, { split: "none", specials: ["<end>"] }),
    "bpe, uncut": trainBpe("abcabc aaaa aaa", 9, { split: "none", specials: ["<end>"] }),
  };
  for (const [name, tokenizer] of Object.entries(ofTokens)) {
    test(`reads and writes text as its tokenizer does: ${name}`, async () => {
      const module = await load(gptModule(model({ vocab: tokenizer.vocab }), { tokenizer }));
      const own = fc.array(fc.constantFrom("a", "b", "c", "é", "😀"), { maxLength: 30 });
      const free = fc.string({ unit: "grapheme" }).map((text) => [`${text} abc  abc's`]);
      const texts = name.startsWith("b") ? fc.oneof(own, free) : own;
      fc.assert(
        fc.property(texts, (parts) => {
          const text = parts.join("");
          const ids = tokenizer.encode(text);
          expect(module.encode(text)).toEqual(ids);
          expect(module.decode([...ids, tokenizer.special("<end>")])).toBe(text);
        }),
      );
    });
  }

  test("completes text up to a stop token, which it leaves out", async () => {
    const tokenizer = characters("0123456789", ["<end>"]);
    const gpt = model({ vocab: tokenizer.vocab });
    const end = tokenizer.special("<end>");
    const module = await load(gptModule(gpt, { tokenizer, begin: end, stop: [end, 3] }));
    const random = new Random(4);
    for (let i = 0; i < 20; i++) {
      const options = { random: () => random.uniform() };
      const text = module.complete("12", options);
      expect(text).toMatch(/^[012456789]*$/);
      expect(text.length).toBeLessThanOrEqual(shape.context - 2);
    }
    const all = [...module.generate([end, 1, 2], { stop: [] })];
    expect(all.length).toBe(shape.context - 2);
    expect(module.complete("12", { stop: [] })).toBe(tokenizer.decode(all));
    expect([...module.generate([end, 1, 2], { stop: [], most: 4 })]).toEqual(all.slice(0, 4));
    const short = await load(gptModule(gpt, { tokenizer, begin: end, most: 3 }));
    expect(short.complete("12")).toBe(tokenizer.decode(all.slice(0, 3)));
  });

  test("malformed bytes become U+FFFD; bad input is an error in words", async () => {
    const tokenizer = bytes(["<end>"]);
    const module = await load(gptModule(model({ vocab: 257 }), { tokenizer }));
    expect(module.decode([0x61, 0xff, 0x62])).toBe("a\ufffdb");
    expect(module.decode([0xe2, 0x82])).toContain("\ufffd");
    expect(() => [...module.generate([])]).toThrow("generate: expected 1 to 24 tokens, got 0");
    expect(() => [...module.generate([257])]).toThrow(
      "generate: expected tokens below 257, got 257",
    );
    const few = await load(gptModule(model(), { tokenizer: characters("abc") }));
    expect(() => few.encode("abd")).toThrow('encode: no token for "d"');
    const read: Tokenizer = { ...bpe([]), save: () => ({ kind: "file", text: "{}" }) };
    expect(() => gptModule(model(), { tokenizer: read })).toThrow(UsageError);
  });
});
