import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input } from "../../src/core/tensor.ts";
import { gpt2Tensors, loadGpt } from "../../src/export/gpt-weights.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type NamedTensor,
} from "../../src/io/safetensors.ts";
import { Dropout } from "../../src/nn/dropout.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { crossEntropy } from "../../src/ops/loss.ts";
import { withOthers } from "../support/safetensors.ts";

const options = { vocab: 11, context: 8, layers: 2, heads: 2, width: 8, tied: false };
const make = (seed: number, more = {}): Gpt =>
  new Gpt(loops(), { ...options, ...more }, new Random(seed));
const weightsOf = (gpt: Gpt): number[] => gpt.parameters.list.flatMap(({ data }) => [...data]);

test("GPT-2's form: its names, matrices [in, out]; written and read back bit for bit", () => {
  const gpt = make(1);
  const written = gpt2Tensors(gpt);
  const fc = written.find(({ name }) => name === "h.1.mlp.c_fc.weight");
  expect(fc?.shape).toEqual([8, 32]);
  expect(fc?.data[1]).toBe(gpt.parameters.get("h.1.mlp.fc.weight")?.data[8]);
  expect(written.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      "wte.weight",
      "h.0.ln_1.bias",
      "h.0.attn.c_attn.weight",
      "ln_f.weight",
    ]),
  );
  const { tensors } = decodeSafetensors(encodeSafetensors(written));
  const other = make(2);
  loadGpt(other, tensors);
  expect(weightsOf(other)).toEqual(weightsOf(gpt));
  const prefixed = new Map([...tensors.values()].map((t) => [`transformer.${t.name}`, t] as const));
  const third = make(3);
  loadGpt(third, prefixed);
  expect(weightsOf(third)).toEqual(weightsOf(gpt));
});

describe("weights that do not fit", () => {
  const file = (gpt: Gpt) => decodeSafetensors(encodeSafetensors(gpt.parameters.list));

  test("of a larger vocabulary, another width, context or number of layers, or incomplete: refused, nothing changed", () => {
    const { tensors } = file(make(1));
    const without = (left: string) => new Map([...tensors].filter(([name]) => name !== left));
    const huge = new Map(tensors).set("lnf.bias", {
      name: "lnf.bias",
      shape: [8],
      data: Float32Array.of(0, 0, Number.NaN, 0, 0, 0, 0, 0),
    });
    const cases = [
      [{ vocab: 10 }, tensors, "expected wte.weight of [10, 8], got [11, 8]"],
      [{ width: 16 }, tensors, "expected wte.weight of [11, 16], got [11, 8]"],
      [{ context: 9 }, tensors, "expected wpe.weight of [9, 8], got [8, 8]"],
      [{ layers: 1 }, tensors, 'expected 1 layers, got tensor "h.1.'],
      [{ layers: 3 }, tensors, 'no tensor "h.2.ln1.weight", nor "h.2.ln_1.weight"'],
      [
        { tied: true },
        tensors,
        "expected a model that is not tied, because head.weight differs from wte.weight",
      ],
      [{}, without("h.1.ln2.bias"), 'no tensor "h.1.ln2.bias"'],
      [
        { valueHead: true },
        new Map(tensors).set("value.bias", huge.get("lnf.bias") as never),
        'no tensor "value.weight"',
      ],
      [{}, huge, "expected finite numbers in lnf.bias, got NaN at 2"],
    ] as const;
    for (const [more, given, message] of cases) {
      const gpt = make(2, more);
      expect(() => loadGpt(gpt, given)).toThrow(message);
      expect(weightsOf(gpt)).toEqual(weightsOf(make(2, more)));
    }
  });

  test("without a value head: the model's stays fresh, and is said", () => {
    const gpt = make(2, { valueHead: true });
    const own = [...(gpt.parameters.get("value.weight")?.data ?? [])];
    expect(loadGpt(gpt, file(make(1)).tensors)).toEqual(["value.weight", "value.bias"]);
    expect(weightsOf(gpt)).toEqual([...weightsOf(make(1)), ...own, 0]);
    expect(own.some((x) => x !== 0)).toBe(true);
    expect(loadGpt(make(3), file(gpt).tensors)).toEqual([]); // a head too many is left alone
  });

  test("a smaller vocabulary fills the first rows of a larger one", () => {
    for (const written of [
      file(make(1)).tensors,
      new Map(gpt2Tensors(make(1)).map((t) => [t.name, t])),
    ]) {
      const gpt = make(2, { vocab: 13 });
      const [small, fresh] = [make(1), make(2, { vocab: 13 })].map((g) => g.parameters);
      expect(loadGpt(gpt, written)).toEqual(["wte.weight from row 11", "head.weight from row 11"]);
      for (const { name, data } of gpt.parameters.list) {
        const theirs = [...(small.get(name)?.data ?? [])];
        const rest = [...(fresh.get(name)?.data ?? [])].slice(theirs.length);
        expect([...data]).toEqual([...theirs, ...rest]);
        expect(rest.length).toBe(name === "wte.weight" || name === "head.weight" ? 16 : 0);
      }
    }
  });

  test("a head that repeats the embedding is taken by a tied model", () => {
    const tied = make(1, { tied: true });
    const [wte] = tied.parameters.list;
    const twice = new Map(gpt2Tensors(tied).map((t) => [t.name, t as NamedTensor]));
    const gpt = make(2, { tied: true });
    expect(loadGpt(gpt, twice.set("lm_head.weight", { ...wte, name: "lm_head.weight" }))).toEqual(
      [],
    );
    expect(weightsOf(gpt)).toEqual(weightsOf(tied));
  });

  test("tensors that are no floating-point numbers are left out, and named where one is needed", () => {
    const mask = { name: "h.0.attn.bias", dtype: "BOOL", shape: [2], bytes: [1, 0] };
    const norm = {
      name: "ln_f.bias",
      dtype: "I8",
      shape: [8],
      bytes: new Array<number>(8).fill(0),
    };
    const all = decodeSafetensors(withOthers(gpt2Tensors(make(1)), [mask]));
    expect([...all.others]).toEqual([["h.0.attn.bias", "BOOL"]]);
    const gpt = make(2);
    expect(loadGpt(gpt, all.tensors, all.others)).toEqual([]);
    expect(weightsOf(gpt)).toEqual(weightsOf(make(1)));
    const floats = gpt2Tensors(make(1)).filter(({ name }) => name !== "ln_f.bias");
    const lacking = decodeSafetensors(withOthers(floats, [mask, norm]));
    expect(() => loadGpt(make(2), lacking.tensors, lacking.others)).toThrow(
      "expected ln_f.bias as floating-point numbers, got I8",
    );
  });
});

test("several texts in one row give the losses they have apart", () => {
  const gpt = make(4);
  const k = gpt.parameters.backend;
  const texts = [
    [1, 2, 3],
    [4, 5, 6, 7, 8],
  ];
  const apart = texts.map((text) => {
    const shape = [1, text.length];
    const tokens = input(k, shape, text);
    const positions = input(
      k,
      shape,
      text.map((_, i) => i),
    );
    const tape = new Tape(k);
    return Array.from(tape.run(() => gpt.logits(gpt.hidden(tokens, positions))).data);
  });
  const tokens = input(k, [1, 8], texts.flat());
  const positions = input(
    k,
    [1, 8],
    texts.flatMap((text) => text.map((_, i) => i)),
  );
  const owner = [0, 0, 0, 1, 1, 1, 1, 1];
  const allowed = input(
    k,
    [1, 8, 8],
    owner.flatMap((o) => owner.map((p) => Number(o === p))),
  );
  const tape = new Tape(k);
  const together = tape.run(() => gpt.logits(gpt.hidden(tokens, positions, allowed))).data;
  for (const [i, x] of apart.flat().entries()) expect(together[i]).toBeCloseTo(x, 6);
});

test("dropout: new masks a run, the expectation kept, none without it", () => {
  const gpt = make(5);
  const k = gpt.parameters.backend;
  const tokens = input(k, [2, 4], [1, 2, 3, 4, 5, 6, 7, 8]);
  const positions = input(k, [2, 4], [0, 1, 2, 3, 0, 1, 2, 3]);
  const labels = input(k, [2, 4], [2, 3, 4, 5, 6, 7, 8, 9]);
  const drop = new Dropout(k, 0.3, new Random(1));
  const tape = new Tape(k);
  const run = (): number =>
    tape.run(() => {
      drop.begin();
      return crossEntropy(gpt.logits(gpt.hidden(tokens, positions, undefined, drop)), labels);
    }).data[0];
  const losses = Array.from({ length: 50 }, run);
  expect(new Set(losses).size).toBeGreaterThan(40);
  expect(tape.recorded).toBeLessThan(60); // replayed, not recorded anew
  const plain = new Tape(k).run(() =>
    crossEntropy(gpt.logits(gpt.hidden(tokens, positions)), labels),
  ).data[0];
  const mean = losses.reduce((a, b) => a + b) / losses.length;
  expect(Math.abs(mean - plain)).toBeLessThan(0.05);
});

test("sizes that are none are refused", () => {
  expect(() => make(1, { heads: 3 })).toThrow(
    "expected a width that is a multiple of 3 heads, got 8",
  );
  expect(() => make(1, { layers: 0 })).toThrow("expected layers to be a whole number ≥ 1, got 0");
});
