/**
 * Blocks and logits that are computed again in the backward pass: losses, log-probabilities and gradients have the bits
 * that they have without, and the memory falls.
 */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { TextDropout, TextLoss } from "../../src/algos/sft.ts";
import { loops } from "../../src/backends/loops.ts";
import { type SimdBackend, simd } from "../../src/backends/simd.ts";
import type { Backend } from "../../src/core/backend.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, type Tensor } from "../../src/core/tensor.ts";
import { parseJson } from "../../src/io/json.ts";
import { buildStored } from "../../src/models/build.ts";
import { modelConfig } from "../../src/models/config.ts";
import type { HubModel } from "../../src/models/layers.ts";
import { Lora } from "../../src/models/lora.ts";
import { Dropout } from "../../src/nn/dropout.ts";
import { Gpt, type GptOptions } from "../../src/nn/gpt.ts";
import { Llama } from "../../src/nn/llama.ts";
import { perToken, recompute } from "../../src/nn/recompute.ts";
import type { WeightForm } from "../../src/nn/stored.ts";
import { twinOf } from "../../src/nn/twin.ts";
import { add, crossEntropy, mul, reshape, square, sum } from "../../src/ops/index.ts";
import { CompletionChunks } from "../../src/rollout/completion-chunks.ts";
import { Completions } from "../../src/rollout/completions.ts";
import type { LearnedText } from "../../src/text/task.ts";
import { bitsOf } from "../support/bits.ts";
import { openText } from "../support/sessions.ts";

const backends = {
  loops: () => loops(),
  simd: () => simd({ memory: 2 ** 27 }),
};
const sizes: GptOptions = { vocab: 37, context: 24, layers: 3, heads: 2, width: 8 };
/** Of SmolLM2's form. */
const smol = {
  ...{ hidden_size: 8, num_hidden_layers: 3, intermediate_size: 12, vocab_size: 37 },
  ...{ num_attention_heads: 2, num_key_value_heads: 1, tie_word_embeddings: true },
  ...{ model_type: "llama", max_position_embeddings: 64 },
};
interface Model {
  readonly gpt: HubModel;
  readonly lora: Lora | null;
}

function sharp(gpt: HubModel): Model {
  const random = new Random(2);
  for (const { data } of gpt.parameters.list)
    for (let i = 0; i < data.length; i++) data[i] += 0.2 * random.normal();
  return { gpt, lora: null };
}
function adapted(k: Backend, form: WeightForm, changes = {}): Model {
  const config = modelConfig(parseJson(JSON.stringify({ ...smol, ...changes }), "config.json"));
  const options = { context: 24, frozen: true, weights: form, random: new Random(1) };
  const gpt = buildStored(k, config, options, "bf16");
  const lora = new Lora(
    gpt,
    { rank: 2, alpha: 4, targets: "all-linear", dropout: 0.2 },
    new Random(3),
  );
  return { ...sharp(gpt), lora };
}
const models: Record<string, (k: Backend) => Model> = {
  "a GPT with a value head": (k) => sharp(new Gpt(k, { ...sizes, valueHead: true }, new Random(1))),
  "a Llama": (k) =>
    sharp(
      new Llama(
        k,
        {
          ...{ ...sizes, tied: false, valueHead: false, keyHeads: 1, headWidth: 4, inner: 12 },
          ...{ eps: 1e-5, windows: [0, 3, 0], rope: { theta: 100, scaling: { type: "default" } } },
          ...{ qkvBias: true, outBias: false, mlpBias: false, qkNorm: true },
        },
        new Random(1),
      ),
    ),
  "adapters on bfloat16": (k) => adapted(k, "bf16"),
  "adapters on int8": (k) => adapted(k, "int8"),
};
const random = new Random(7);
const drawn = (n: number): number[] => Array.from({ length: n }, () => random.below(37));
/** Texts of many lengths, several per row and in several passes; the first half of each is a prompt. */
const texts: LearnedText[] = [24, 5, 9, 17, 3, 12, 8, 21, 6, 14].map((n) => {
  const tokens = drawn(n);
  return { tokens, labels: tokens.slice(1).map((token, i) => (2 * i < n ? -1 : token)) };
});

/** Numbers as text that is equal for equal bits, and short where a difference is shown. */
const digest = (x: ArrayLike<number>): string =>
  createHash("sha256").update(bitsOf(x)).digest("base64");

/** The bits of a model's gradients, which are set to 0. */
function gradients({ gpt }: Model): string[] {
  const bits = gpt.parameters.list.map(({ grad }) => digest(grad));
  expect(gpt.parameters.list.some(({ grad }) => grad.some((g) => g !== 0))).toBe(true);
  for (const { grad } of gpt.parameters.list) grad.fill(0);
  return bits;
}

/** Two supervised steps with dropout; then one without. */
function taught(model: Model, again: boolean) {
  const { gpt, lora } = model;
  recompute(gpt, again);
  const drop = new TextDropout({ gpt, adapters: lora?.dropout ?? null }, 0.25, new Random(4));
  const [learning, plain] = [drop, null].map((d) => new TextLoss({ gpt }, 24, d, true));
  const steps = [learning, learning, plain].map((loss) => ({
    loss: loss.run(texts),
    bits: gradients(model),
  }));
  const { recorded } = learning.tape;
  learning.run(texts);
  gradients(model);
  expect(learning.tape.recorded).toBe(recorded);
  return steps;
}

const steps = 5;
/** Completions of prompts; of the second token only three could be drawn, where `truncated`. */
function completions(truncated: boolean, vocab: number): Completions {
  const batch = new Completions(6, steps, { supportSize: truncated ? vocab : 0 });
  for (let i = 0; i < 6; i++) {
    batch.start(i, texts[i].tokens.slice(0, 3));
    batch.length[i] = 1 + (i % steps);
    for (let j = 0; j < batch.length[i]; j++) {
      const at = i * steps + j;
      batch.token[at] = random.below(37);
      batch.mask[at] = 1;
      if (batch.support === null) continue;
      if (j !== 1) batch.support.fill(1, at * vocab, (at + 1) * vocab);
      else for (const v of [0, 1, batch.token[at]]) batch.support[at * vocab + v] = 1;
    }
  }
  return batch;
}

/** Log-probabilities, entropies and the gradient of a loss of them. */
function scored(model: Model, batch: Completions, again: boolean) {
  const { gpt } = model;
  recompute(gpt, again);
  const k = gpt.parameters.backend;
  const chunks = new CompletionChunks(
    gpt,
    batch,
    { rows: 5, positions: 21, samples: 4, steps },
    0.7,
  );
  const weight = input(
    k,
    [4, steps],
    Array.from({ length: 4 * steps }, (_, i) => (i % 7) - 2),
  );
  const tape = new Tape(k);
  const value = gpt.options.valueHead;
  const made: string[] = [];
  chunks.forEachChunk([0, 1, 2, 3, 4, 5], 0, 6, () => {
    const loss = tape.run(() => {
      const y = chunks.evaluate({ entropy: true, value });
      const parts = [y.logProb, y.entropy, y.value].filter((part) => part !== null);
      made.push(...parts.map(({ data }) => digest(data)));
      return sum(parts.map((part) => mul(part, weight)).reduce((a: Tensor, b) => add(a, b)));
    });
    made.push(digest(loss.data));
    tape.backward(loss);
  });
  return [...made, ...gradients(model)];
}

describe.each(Object.entries(backends))("%s", (backendName, make) => {
  test.each(Object.entries(models))("%s: gradients have the same bits", (_, build) => {
    const model = build(make());
    const usual = taught(model, false);
    const again = taught(model, true);
    for (const [i, { loss, bits }] of usual.entries()) {
      expect(again[i].bits).toEqual(bits);
      // a sum of losses that are rounded for themselves
      expect(Math.abs(again[i].loss / loss - 1)).toBeLessThan(2 ** -22);
    }
    expect(usual[1].bits).not.toEqual(usual[0].bits); // other masks
  });

  test.each(Object.entries(models))("%s: so have what losses read of tokens", (_, build) => {
    const model = build(make());
    for (const truncated of [false, true]) {
      const batch = completions(truncated, model.gpt.options.vocab);
      expect(scored(model, batch, true)).toEqual(scored(model, batch, false));
    }
  });

  test.each(["f32", "bf16", "trained"] as const)(
    "a head, %s, some tokens at a time: the same bits",
    { tags: backendName === "loops" ? ["deep"] : [] },
    (form) => {
      const backend = make();
      const model =
        form === "trained"
          ? sharp(new Gpt(backend, { ...sizes, vocab: 49152, layers: 1 }, new Random(1)))
          : adapted(backend, form, { vocab_size: 49152, num_hidden_layers: 1 });
      const { gpt } = model;
      const k = gpt.parameters.backend;
      const T = 90; // logits of 80 tokens are in memory at a time
      const read = {
        results: 1,
        of: (logits: Tensor, [label]: readonly Tensor[]) => [
          crossEntropy(logits, label, { reduction: "none", ignoreIndex: 0 }),
        ],
      };
      const ids = Array.from({ length: T }, (_, i) => (i % 5 === 0 ? 0 : random.below(49152)));
      const [tokens, label] = [[10, 9], [T]].map((shape) => input(k, shape, ids));
      const positions = input(
        k,
        [10, 9],
        ids.map((_, i) => i % 9),
      );
      const pass = (again: boolean) => {
        recompute(gpt, again);
        const tape = new Tape(k);
        const { losses, loss } = tape.run(() => {
          const hidden = reshape(gpt.hidden(tokens, positions), [T, -1]);
          const [losses] = perToken(gpt, hidden, [label], read);
          return { losses, loss: sum(losses) };
        });
        tape.backward(loss);
        const bits = [digest(losses.data), ...gradients(model)];
        const live = liveIn(k);
        tape.drop();
        return { bits, bytes: live - liveIn(k) };
      };
      const [usual, again] = [pass(false), pass(true)];
      expect(again.bits).toEqual(usual.bits);
      if (k.name === "simd") expect(again.bytes).toBeLessThan(usual.bytes - 2 * 4 * T * 49152);
    },
  );
});

const liveIn = (k: Backend): number => (k as SimdBackend).live?.() ?? 0;

test("dropout that is not split goes on from pass to pass, as without recomputation", () => {
  const k = loops();
  const gpt = new Gpt(k, sizes, new Random(1));
  const [tokens, positions] = [0, 1].map(() => input(k, [2, 24]));
  const passes = (again: boolean) => {
    recompute(gpt, again);
    const [tape, drop] = [new Tape(k), new Dropout(k, 0.3, new Random(1))];
    return [1, 2].map(() => {
      tape.backward(
        tape.run(() => {
          drop.begin();
          return sum(square(gpt.hidden(tokens, positions, undefined, drop)));
        }),
      );
      return gradients({ gpt, lora: null });
    });
  };
  const usual = passes(false);
  expect(passes(true)).toEqual(usual);
  expect(usual[1]).not.toEqual(usual[0]);
});

test("memory: inputs and gradients of blocks, in place of all that blocks compute; a twin does as its model", () => {
  const k = simd({ memory: 2 ** 27 });
  const layers = 8;
  const gpt = new Gpt(k, { ...sizes, layers, width: 32 }, new Random(1));
  const [tokens, positions] = [0, 1].map(() => input(k, [4, 24]));
  const bytes = (model: Gpt): number => {
    const tape = new Tape(k);
    const before = k.live();
    const pass = () => sum(model.hidden(tokens, positions));
    tape.backward(tape.run(pass));
    const live = k.live() - before;
    const { recorded } = tape;
    for (let i = 0; i < 3; i++) tape.backward(tape.run(pass));
    expect(tape.recorded).toBe(recorded);
    expect(k.live() - before).toBe(live);
    tape.drop();
    return live;
  };
  const all = bytes(gpt);
  recompute(gpt);
  const kept = bytes(gpt);
  const block = 2 * 4 * 4 * 24 * 32; // output and gradient
  expect(kept).toBeLessThan((layers + 5) * block); // embeddings, their sum, the last norm
  expect(all).toBeGreaterThan(10 * kept);
  expect(bytes(twinOf(gpt))).toBe(kept);
});

describe("as a setting", () => {
  const settings = {
    ...{ width: 16, layers: 2, heads: 2, prompts: 4, groupSize: 4, warmup: 1 },
    ...{ sftUpdates: 2, sftTexts: 5, sftDropout: 0.1, klWeight: 0.1, reference: true },
  };
  test.each([
    ["grpo", { entropyWeight: 0.01, topK: 3, temperature: 0.8 }],
    ["ppo", { family: "llama", minibatches: 2 }],
    ["mrt", {}],
  ])("%s: a run has the same weights and samples", (algo, more) => {
    const ran = (again: boolean) => {
      const request = {
        task: "tokens",
        algo,
        settings: { ...settings, ...more, recompute: again },
      };
      const session = openText(request, { backend: simd({ memory: 2 ** 26 }) });
      expect(session.gpt.recompute !== null).toBe(again);
      const reports = Array.from({ length: 5 }, () => session.reports.next().value);
      const sampled = reports.filter(
        (report) => typeof report === "object" && !("trainedTokens" in report),
      );
      return [sampled, session.gpt.parameters.list.map(({ data }) => digest(data))];
    };
    expect(ran(true)).toEqual(ran(false));
  });
});
