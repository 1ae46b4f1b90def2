/** One GPT, three times: by its definition in lists, as the library computes it, and as an ONNX file run by lists. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input } from "../../src/core/tensor.ts";
import { gptOnnx } from "../../src/export/gpt-onnx.ts";
import { Dropout } from "../../src/nn/dropout.ts";
import type { Gpt } from "../../src/nn/gpt.ts";
import { valuesOf } from "../../src/nn/value.ts";
import { readOnnx, runOnnx } from "../support/onnx.ts";
import { logitsOf, tiny, tinyGpt } from "../support/tiny-gpt.ts";

type Rows = number[][];

/** The definition. */
function naive(gpt: Gpt, text: readonly number[]): Rows {
  const { width, heads, layers, tied } = gpt.options;
  const w = (name: string): ArrayLike<number> => gpt.parameters.get(name)?.data ?? [];
  const row = (table: string, i: number): number[] =>
    Array.from(w(table)).slice(i * width, (i + 1) * width);
  const linear = (x: Rows, name: string): Rows => {
    const [weight, bias] = [w(`${name}.weight`), w(`${name}.bias`)];
    return x.map((r) =>
      Array.from(bias, (b, j) => r.reduce((sum, v, i) => sum + v * weight[j * r.length + i], b)),
    );
  };
  const norm = (x: Rows, name: string): Rows =>
    x.map((r) => {
      const mean = r.reduce((a, b) => a + b) / width;
      const variance = r.reduce((sum, v) => sum + (v - mean) ** 2, 0) / width;
      const [weight, bias] = [w(`${name}.weight`), w(`${name}.bias`)];
      return r.map((v, i) => ((v - mean) / Math.sqrt(variance + 1e-5)) * weight[i] + bias[i]);
    });
  const gelu = (v: number): number =>
    0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)));
  const size = width / heads;
  const attend = (qkv: Rows): Rows =>
    qkv.map((q, t) =>
      Array.from({ length: width }, (_, i) => {
        const from = i - (i % size);
        const scores = qkv.slice(0, t + 1).map((past) => {
          let dot = 0;
          for (let j = from; j < from + size; j++) dot += q[j] * past[width + j];
          return Math.exp(dot / Math.sqrt(size));
        });
        const total = scores.reduce((a, b) => a + b);
        return scores.reduce((sum, s, p) => sum + (s / total) * qkv[p][2 * width + i], 0);
      }),
    );
  const add = (x: Rows, y: Rows): Rows => x.map((r, t) => r.map((v, i) => v + y[t][i]));
  let x = text.map((token, t) =>
    row("wte.weight", token).map((v, i) => v + row("wpe.weight", t)[i]),
  );
  for (let l = 0; l < layers; l++) {
    x = add(
      x,
      linear(attend(linear(norm(x, `h.${l}.ln1`), `h.${l}.attn.qkv`)), `h.${l}.attn.proj`),
    );
    const up = linear(norm(x, `h.${l}.ln2`), `h.${l}.mlp.fc`).map((r) => r.map(gelu));
    x = add(x, linear(up, `h.${l}.mlp.proj`));
  }
  const head = tied ? "wte.weight" : "head.weight";
  return norm(x, "lnf").map((r) =>
    Array.from({ length: gpt.options.vocab }, (_, v) =>
      row(head, v).reduce((sum, wv, i) => sum + wv * r[i], 0),
    ),
  );
}
const near = (got: ArrayLike<number>, want: readonly number[], digits: number): void => {
  expect(got.length).toBe(want.length);
  for (const [i, x] of want.entries()) expect(got[i]).toBeCloseTo(x, digits);
};

describe.each([{ tied: true }, { tied: false }, { heads: 1 }, { layers: 1, heads: 4 }])(
  "%o",
  (changes) => {
    const gpt = tinyGpt(changes);
    test("logits are those of the definition", () => {
      for (const text of [[3], [1, 2, 3, 4, 5], Array.from({ length: 12 }, (_, i) => (5 * i) % 7)])
        near(logitsOf(gpt, text).flat(), naive(gpt, text).flat(), 8);
    });
    test("as ONNX: one input of tokens, any batch of any length, the same logits", () => {
      const model = readOnnx(gptOnnx(gpt, "a name"));
      expect([model.name, model.inputs, model.outputs]).toEqual(["a name", ["tokens"], ["logits"]]);
      for (const texts of [
        [[3]],
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        [Array.from({ length: 12 }, (_, i) => (5 * i) % 7)],
      ]) {
        const tokens = { shape: [texts.length, texts[0].length], data: texts.flat() };
        const logits = runOnnx(model, { tokens }).get("logits");
        expect(logits?.shape).toEqual([...tokens.shape, tiny.vocab]);
        near(
          logits?.data ?? [],
          texts.flatMap((text) => naive(gpt, text).flat()),
          4,
        );
      }
    });
  },
);

test("positions are those given; the value head is one number of the last layer", () => {
  const gpt = tinyGpt({ valueHead: true });
  const k = gpt.parameters.backend;
  const at = (...positions: number[]): number[] => {
    const [tokens, where] = [input(k, [1, 2], [4, 5]), input(k, [1, 2], positions)];
    return Array.from(new Tape(k).run(() => gpt.logits(gpt.hidden(tokens, where))).data);
  };
  near(at(0, 1), naive(gpt, [4, 5]).flat(), 8);
  expect(at(3, 4)).not.toEqual(at(0, 1));
  const hidden = input(
    k,
    [3, tiny.width],
    Array.from({ length: 24 }, (_, i) => i / 10),
  );
  const value = new Tape(k).run(() => valuesOf(gpt, hidden));
  const [weight, bias] = ["weight", "bias"].map(
    (n) => gpt.parameters.get(`value.${n}`)?.data ?? [],
  );
  near(
    value.data,
    [0, 1, 2].map((r) =>
      Array.from(weight).reduce((s, w, i) => s + (w * (8 * r + i)) / 10, bias[0]),
    ),
    9,
  );
  expect(value.shape).toEqual([3]);
  expect(() => new Tape(k).run(() => valuesOf(tinyGpt(), hidden))).toThrow(RangeError);
});

test("dropout falls on the embeddings and on what each block adds, each place with its own mask", () => {
  const gpt = tinyGpt();
  const k = gpt.parameters.backend;
  const text = [1, 2, 3];
  const tokens = input(k, [1, 3], text);
  const positions = input(k, [1, 3], [0, 1, 2]);
  const places: number[][] = [];
  class Noting extends Dropout {
    override apply(x: Parameters<Dropout["apply"]>[0]): ReturnType<Dropout["apply"]> {
      places.push([...x.shape]);
      return super.apply(x);
    }
  }
  const none = new Noting(k, 0, new Random(1));
  none.begin();
  const plain = new Tape(k).run(() => gpt.logits(gpt.hidden(tokens, positions, undefined, none)));
  near(plain.data, naive(gpt, text).flat(), 8);
  expect(places).toEqual(new Array(5).fill([1, 3, tiny.width]));
});
