/** The workloads that run.ts asks of all contenders. */
import { gptSizes } from "../gpt.ts";
import { updateSizes } from "../workloads.ts";
import type { Work } from "./contender.ts";

const updates: Work[] = Object.entries(updateSizes).map(([name, size]) => ({
  name: `update ${name}`,
  kind: "update",
  sizes: { ...size, continuous: size.continuous ? 1 : 0 },
}));
const products: Work[] = [32, 64, 128, 256, 512, 1024].map((n) => ({
  name: `gemm ${n}`,
  kind: "gemm",
  sizes: { n },
}));
const rows: Work[] = ["add", "tanh", "exp", "softmax", "layerNorm"].map((op) => ({
  name: `rows ${op} of 1e6`,
  kind: "rows",
  sizes: {},
  op,
}));

const texts: Work[] = Object.entries(gptSizes).flatMap(([name, sizes]) => [
  { name: `train ${name}`, kind: "train", sizes: { ...sizes } },
  { name: `generate ${name}`, kind: "generate", sizes: { ...sizes } },
]);

/** Published models: reading prompts, continuing texts from the cache (`weights` in our memory), a step of adapters. */
const models: Work[] = ["10M", "smol"].flatMap((model) =>
  [
    { kind: "prefill" as const, sizes: { texts: 8, tokens: 64 }, what: "reads 8 × 64" },
    ...["f32", "bf16"].map((op) => ({
      ...{ kind: "complete" as const, op, what: `continues 8 by 16, ${op}` },
      sizes: { texts: 8, tokens: 16 },
    })),
    { kind: "lora" as const, sizes: { texts: 8, tokens: 128 }, what: "LoRA step, 8 × 128" },
  ].map(({ what, ...work }) => ({ ...work, name: `models ${model} ${what}`, model })),
);

export const works: readonly Work[] = [
  { name: "act 4-64-64-2", kind: "act", sizes: {} },
  ...updates,
  ...products,
  ...texts,
  ...rows,
  { name: "gae [2048, 8]", kind: "gae", sizes: { steps: 2048, envs: 8 } },
  ...models,
];
