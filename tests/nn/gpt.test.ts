import { expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input } from "../../src/core/tensor.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/io/safetensors.ts";
import { Dropout } from "../../src/nn/dropout.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { gpt2Tensors, loadGpt } from "../../src/nn/gpt-weights.ts";
import { crossEntropy } from "../../src/ops/loss.ts";

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

test("weights of another vocabulary, or incomplete, are refused and change nothing", () => {
  const { tensors } = decodeSafetensors(encodeSafetensors(make(1).parameters.list));
  const wide = make(2, { vocab: 12 });
  const before = weightsOf(wide);
  expect(() => loadGpt(wide, tensors)).toThrow("want wte.weight of [12, 8], got [11, 8]");
  const incomplete = new Map([...tensors].filter(([name]) => name !== "h.1.ln2.bias"));
  const other = make(2);
  expect(() => loadGpt(other, incomplete)).toThrow('no tensor "h.1.ln2.bias"');
  expect(weightsOf(wide)).toEqual(before);
  expect(weightsOf(other)).toEqual(weightsOf(make(2)));
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
  expect(() => make(1, { heads: 3 })).toThrow("want a width that 3 heads share, got 8");
  expect(() => make(1, { layers: 0 })).toThrow("want layers to be a whole number ≥ 1, got 0");
});
