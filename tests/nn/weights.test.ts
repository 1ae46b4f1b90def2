/** Reading a GPT's weights: what is taken, what stays fresh, and what is refused with nothing changed. */
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { gptModule } from "../../src/export/gpt-js.ts";
import { gpt2Tensors, loadGpt, loadGptState } from "../../src/export/gpt-weights.ts";
import type { NamedTensor } from "../../src/io/safetensors.ts";
import type { Gpt, GptOptions } from "../../src/nn/gpt.ts";
import { bpe } from "../../src/text/bpe.ts";
import { tinyGpt } from "../support/tiny-gpt.ts";

type Tensors = Map<string, NamedTensor>;
const ours = (gpt: Gpt): Tensors =>
  new Map(
    gpt.parameters.list.map(({ name, shape, data }) => [
      name,
      { name, shape, data: Float32Array.from(data) },
    ]),
  );
const theirs = (gpt: Gpt, prefix = ""): Tensors =>
  new Map(
    gpt2Tensors(gpt).map((tensor) => {
      const name = tensor.name.startsWith("value.") ? tensor.name : prefix + tensor.name;
      return [name, { ...tensor, name, data: Float32Array.from(tensor.data) }];
    }),
  );
const state = (gpt: Gpt): Record<string, number[]> =>
  Object.fromEntries(gpt.parameters.list.map(({ name, data }) => [name, Array.from(data)]));
const weights = (gpt: Gpt): number[] =>
  gpt.parameters.list.flatMap(({ data }) => Array.from(data, Math.fround));
const other = (changes: Partial<GptOptions> = {}): Gpt => tinyGpt(changes, 9);

/** The message of what is refused; the model is as it was. */
function refusal(gpt: Gpt, load: () => unknown): string {
  const before = weights(gpt);
  try {
    load();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    expect(weights(gpt)).toEqual(before);
    return error.message;
  }
  return "let through";
}

describe.each([{ tied: true }, { tied: false }, { valueHead: true }])("%o", (changes) => {
  const gpt = tinyGpt(changes);
  test.each([
    ["our names", (to: Gpt) => loadGpt(to, ours(gpt))],
    ["GPT-2's", (to: Gpt) => loadGpt(to, theirs(gpt))],
    ["GPT-2's behind transformer.", (to: Gpt) => loadGpt(to, theirs(gpt, "transformer."))],
    ["a training's state", (to: Gpt) => loadGptState(to, state(gpt))],
  ])("every weight comes back from %s, and none is fresh", (_, load) => {
    const to = other(changes);
    expect(load(to)).toEqual([]);
    expect(weights(to)).toEqual(weights(gpt));
  });
});

test("GPT-2's names and shapes, all of them", () => {
  const gpt = tinyGpt({ layers: 1, tied: false, valueHead: true });
  expect(gpt2Tensors(gpt).map(({ name, shape }) => `${name} ${shape}`)).toEqual([
    "wte.weight 7,8",
    "wpe.weight 12,8",
    "h.0.ln_1.weight 8",
    "h.0.ln_1.bias 8",
    "h.0.attn.c_attn.weight 8,24",
    "h.0.attn.c_attn.bias 24",
    "h.0.attn.c_proj.weight 8,8",
    "h.0.attn.c_proj.bias 8",
    "h.0.ln_2.weight 8",
    "h.0.ln_2.bias 8",
    "h.0.mlp.c_fc.weight 8,32",
    "h.0.mlp.c_fc.bias 32",
    "h.0.mlp.c_proj.weight 32,8",
    "h.0.mlp.c_proj.bias 8",
    "ln_f.weight 8",
    "ln_f.bias 8",
    "lm_head.weight 7,8",
    "value.weight 1,8",
    "value.bias 1",
  ]);
});

describe("what stays fresh", () => {
  test("a value head that the file has not; not one that it has in part", () => {
    const to = other({ valueHead: true });
    const own = ["value.weight", "value.bias"].map((name) => [
      ...(to.parameters.get(name)?.data ?? []),
    ]);
    expect(loadGpt(to, ours(tinyGpt()))).toEqual(["value.weight", "value.bias"]);
    expect(
      ["value.weight", "value.bias"].map((name) => [...(to.parameters.get(name)?.data ?? [])]),
    ).toEqual(own);
    expect(weights(to).slice(0, -9)).toEqual(weights(tinyGpt()));
    const half = ours(tinyGpt({ valueHead: true }));
    half.delete("value.bias");
    expect(refusal(to, () => loadGpt(to, half))).toContain('no tensor "value.bias"');
    expect(
      refusal(to, () => loadGpt(to, ours(tinyGpt()), new Map([["value.bias", "I64"]]))),
    ).toContain('no tensor "value.weight"');
  });
  test("rows of tokens beyond a smaller vocabulary, of the embedding and of a head", () => {
    for (const load of [
      (to: Gpt) => loadGpt(to, ours(tinyGpt({ tied: false }))),
      (to: Gpt) => loadGptState(to, state(tinyGpt({ tied: false }))),
    ]) {
      const to = other({ vocab: 9, tied: false });
      const before = ["wte.weight", "head.weight"].map((name) =>
        [...(to.parameters.get(name)?.data ?? [])].slice(56),
      );
      expect(load(to)).toEqual(["wte.weight from row 7", "head.weight from row 7"]);
      for (const [i, name] of ["wte.weight", "head.weight"].entries()) {
        const now = [...(to.parameters.get(name)?.data ?? [])];
        expect(now.slice(56)).toEqual(before[i]);
        const given = tinyGpt({ tied: false }).parameters.get(name)?.data ?? [];
        expect(now.slice(0, 56)).toEqual(Array.from(given, Math.fround));
      }
    }
  });
});

describe("what is refused", () => {
  const cases: Record<string, [Partial<GptOptions>, (file: Tensors) => unknown, string]> = {
    "a larger vocabulary": [{ vocab: 6 }, () => 0, "expected wte.weight of [6, 8], got [7, 8]"],
    "fewer positions": [{ context: 13 }, () => 0, "expected wpe.weight of [13, 8], got [12, 8]"],
    "another width": [{ width: 10 }, () => 0, "wte.weight of [7, 10], got [7, 8]"],
    "more blocks": [{ layers: 1 }, () => 0, 'expected 1 layers, got tensor "h.1.'],
    "fewer blocks": [{ layers: 3 }, () => 0, 'no tensor "h.2.ln1.weight", nor "h.2.ln_1.weight"'],
    "a number that is not finite": [
      {},
      (file) => file.get("lnf.bias")?.data.fill(Number.NaN, 3, 4),
      "lnf.bias, got NaN at 3",
    ],
    "a head that is no embedding, in a tied model": [
      {},
      (file) =>
        file.set("head.weight", { name: "head.weight", shape: [7, 8], data: new Float32Array(56) }),
      "expected a model that is not tied, because head.weight",
    ],
    "a head of another length, in a tied model": [
      {},
      (file) =>
        file.set("transformer.lm_head.weight", {
          name: "x",
          shape: [8, 8],
          data: Float32Array.from([...(file.get("wte.weight")?.data ?? []), 1]),
        }),
      "expected a model that is not tied",
    ],
  };
  test.each(Object.entries(cases))("%s", (_, [changes, break_, message]) => {
    const [file, to] = [ours(tinyGpt()), other(changes)];
    break_(file);
    expect(refusal(to, () => loadGpt(to, file))).toContain(message);
  });
  test("blocks are counted behind transformer. too; names that only look like blocks are let be", () => {
    const to = other();
    const file = theirs(tinyGpt({ layers: 3 }), "transformer.");
    expect(refusal(to, () => loadGpt(to, file))).toContain("expected 2 layers");
    const more = ours(tinyGpt());
    for (const name of ["h.2x", "xh.5.a", "note"])
      more.set(name, { name, shape: [1], data: new Float32Array(1) });
    expect(loadGpt(to, more)).toEqual([]);
  });
  test("a matrix in GPT-2's form under our name, of another shape", () => {
    const file = ours(tinyGpt());
    const name = "h.0.mlp.fc.weight";
    file.set(name, { name, shape: [8, 32], data: new Float32Array(256) });
    const to = other();
    expect(refusal(to, () => loadGpt(to, file))).toContain(
      `expected ${name} of [32, 8], got [8, 32]`,
    );
  });
  test("integers where numbers are needed are named, under each of their names", () => {
    for (const name of ["lnf.bias", "ln_f.bias", "transformer.ln_f.bias"]) {
      const file = ours(tinyGpt());
      file.delete("lnf.bias");
      const to = other();
      expect(refusal(to, () => loadGpt(to, file, new Map([[name, "I64"]])))).toBe(
        `gpt: expected ${name} as floating-point numbers, got I64`,
      );
    }
  });
  test("a state of lists of another length, or of none", () => {
    const to = other();
    for (const bad of [
      null,
      {},
      { ...state(tinyGpt()), "lnf.bias": [1, 2] },
      { ...state(tinyGpt()), "wte.weight": new Array(57).fill(0) },
    ])
      expect(refusal(to, () => loadGptState(to, bad))).not.toBe("let through");
  });
});

test("a head that is the embedding is taken by a tied model, in either form", () => {
  for (const prefix of ["", "transformer."]) {
    const file = theirs(tinyGpt(), prefix);
    const { data } = file.get(`${prefix}wte.weight`) as NamedTensor;
    file.set(`${prefix}lm_head.weight`, { name: "lm_head.weight", shape: [7, 8], data });
    expect(loadGpt(other(), file)).toEqual([]);
    (file.get(`${prefix}lm_head.weight`) as { data: unknown }).data = data.map((x) => x + 1);
    expect(() => loadGpt(other(), file)).toThrow("not tied");
    expect(loadGpt(other({ tied: false }), file)).toEqual([]);
  }
});

test("a module cuts text into words where its tokenizer does", () => {
  const cuts = (split: "gpt2" | "none"): boolean =>
    gptModule(tinyGpt(), { tokenizer: bpe([[98, 32]], { split }) }).js.includes("text.match(");
  expect([cuts("gpt2"), cuts("none")]).toEqual([true, false]);
});

test("a module has every weight but the value head's, and its title", () => {
  const { js, types } = gptModule(tinyGpt({ valueHead: true }), { title: "one of seven" });
  expect(js).toContain('"wte.weight": floats(');
  expect(js).not.toContain('"value.');
  expect([js, types].every((text) => text.includes("one of seven"))).toBe(true);
  expect(js).not.toContain("complete");
  expect(js.split("\n").indexOf(" */")).toBe(5); // a line for each of its functions: one, in two ways
  expect(types).not.toContain("complete");
});
