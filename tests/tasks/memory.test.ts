/** The memory that a run needs, against the models that are made. */
import { describe, expect, test } from "vitest";
import { memoryNeed } from "../../src/tasks/memory.ts";
import { registerOwn } from "../../src/tasks/own-files.ts";
import { resolve } from "../../src/tasks/run.ts";
import { openControl, openText } from "../support/sessions.ts";

const config = (task: string, settings: Readonly<Record<string, unknown>>, algo = "reinforce") =>
  resolve({ task, algo, backend: "loops", settings: { baseline: "mean", ...settings } });
const parametersOf = (given: ReturnType<typeof config>): number =>
  openControl(given.config).training.model.parameters.list.reduce(
    (n, { data }) => n + data.length,
    0,
  );

describe("control: parameters are those of a policy without a critic", () => {
  test.each([
    ["cartpole", { hidden: [5, 3] }],
    ["cartpole", { hidden: [] }],
    ["cartpole", { hidden: [5], frames: 3 }],
    ["cartpole", { hidden: [5], memory: 4 }],
    ["catch", { hidden: [6], filters: [2, 3] }],
    ["catch", { hidden: [6], frames: 2 }],
    ["recommend", { hidden: [6] }],
    ["taxi", { hidden: [2] }],
  ] as const)("%s %o", (task, settings) => {
    expect(memoryNeed(config(task, settings)).parameters).toBe(
      parametersOf(config(task, settings)),
    );
  });
  test("continuous actions: but for their ln σ", () => {
    const given = config("pendulum", { hidden: [4] });
    expect(memoryNeed(given).parameters).toBe(parametersOf(given) - 1);
  });
});

test("control, by hand: weights and gradients, values of a row; then moments and the rollout", () => {
  const ppo = (settings: Readonly<Record<string, unknown>>) =>
    memoryNeed(
      resolve({
        task: "cartpole",
        algo: "ppo",
        backend: "loops",
        settings: { hidden: [5, 3], ...settings },
      }),
    );
  const parameters = 5 * 5 + 3 * 6 + 2 * 4;
  const { backend, total } = ppo({ envs: 6, rollout: 10 });
  expect(backend).toBe(4 * (2 * parameters + 6 * (5 + 3)));
  expect(total).toBe(backend + 4 * (2 * parameters + 60 * (4 + 2 + 4)));
  const image = memoryNeed(
    resolve({
      task: "catch",
      algo: "ppo",
      backend: "loops",
      settings: { filters: [3], hidden: [5], memory: 4, envs: 2, rollout: 7 },
    }),
  );
  const features = 3 * 8 * 3;
  const learned = 3 * (9 * 2 + 1) + 5 * (features + 1) + 4 * 4 * (5 + 4 + 2) + 3 * 5;
  expect(image.parameters).toBe(learned);
  expect(image.backend).toBe(4 * (2 * learned + 2 * (features + 5 + 24)));
  expect(image.total).toBe(image.backend + 4 * (2 * learned + 14 * (100 + 3 + 4)));
  // a rollout of whole episodes is not known before: one step is counted
  const whole = memoryNeed(config("cartpole", { hidden: [5, 3], envs: 6 }));
  expect(whole.total).toBe(whole.backend + 4 * (2 * parameters + 6 * 10));
});

describe("language", () => {
  const language = (settings: Readonly<Record<string, unknown>>, algo = "rloo") =>
    resolve({ task: "tokens", algo, backend: "loops", settings });
  test("parameters are the model's, counted with 16 tokens of vocabulary, and of context where it is not given", () => {
    for (const tied of [true, false])
      for (const context of [0, 30]) {
        const settings = { layers: 2, width: 12, heads: 2, tied, context };
        const list = openText(language(settings).config).gpt.parameters.list;
        const all = list.reduce((n, { data }) => n + data.length, 0);
        const size = (name: string): number => list.find((p) => p.name === name)?.data.length ?? 0;
        const counted = (tied ? 1 : 2) * 16 * 12 + Math.max(16, context) * 12;
        const norm = 2 * 12; // the last one's
        expect(memoryNeed(language(settings)).parameters).toBe(
          all - size("wte.weight") - size("head.weight") - size("wpe.weight") - norm + counted,
        );
      }
  });
  test("by hand: weights and gradients, the cache of the texts; then the moments", () => {
    const { parameters, backend, total } = memoryNeed(
      language({ layers: 3, width: 8, heads: 2, prompts: 5, groupSize: 7 }),
    );
    expect(backend).toBe(4 * (2 * parameters + 2 * 3 * 8 * 35 * 16));
    expect(total).toBe(backend + 8 * parameters);
    const sizes = { layers: 3, width: 8, heads: 2, prompts: 5, groupSize: 7 };
    const halved = memoryNeed(language({ ...sizes, moments: "bf16" }));
    expect(halved.total).toBe(backend + 4 * parameters);
    const sft = memoryNeed(language({ layers: 3, width: 8, heads: 2 }, "sft"));
    expect(sft.backend).toBe(4 * (2 * parameters + 2 * 3 * 8 * 16));
  });
});

test("a published model, by hand: stored weights, a cache, and a pass with what is kept of it", () => {
  const config = { layers: 3, width: 16, vocab: 100_000, keyHeads: 1, headWidth: 4 };
  registerOwn("published", { config, weights: 1000 });
  const need = (settings: Readonly<Record<string, unknown>>) =>
    memoryNeed(
      resolve({
        ...{ task: "tokens", algo: "sft", backend: "loops" },
        files: { model: { path: "published", sha256: "" } },
        settings: { context: 20, ...settings },
      }),
    ).backend;
  const [tokens, cache] = [332, 2 * 3 * 1 * 4 * 20]; // 2^28 bytes by 4·(40·3·16 + 2·100,000) per token
  const all = tokens * (40 * 3 * 16 + 2 * 100_000);
  expect(need({})).toBe(4 * (1000 + 1000 + cache + all));
  expect(need({ lora: 1, weights: "bf16" })).toBe(2 * 1000 + 4 * (cache + all));
  // of each block its result and the gradient; one block whole; logits of 2^22 numbers where the head is frozen
  const blocks = tokens * (2 * 3 + 40) * 16;
  expect(need({ recompute: true })).toBe(4 * (2000 + cache + blocks + tokens * 2 * 100_000));
  expect(need({ recompute: true, lora: 1 })).toBe(4 * (1000 + cache + blocks + 2 * 2 ** 22));
});
