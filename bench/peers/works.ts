/** The workloads that run.ts asks of all contenders. */
import { convSizes } from "../conv.ts";
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

/** Published models: prompts at once, texts token by token from the cache (`op` is the form of our weights), adapters. */
const models: Work[] = ["10M", "smol"].flatMap((model) => {
  const work = (kind: "read" | "lora", what: string, sizes: Work["sizes"], op = "f32"): Work => ({
    ...{ name: `models ${model} ${what}`, kind, sizes: { texts: 8, ...sizes }, op, model },
  });
  return [
    work("read", "reads 8 × 64", { tokens: 64, atOnce: 64 }),
    work("read", "continues 8 by 16, f32", { tokens: 16, atOnce: 1 }),
    work("read", "continues 8 by 16, bf16", { tokens: 16, atOnce: 1 }, "bf16"),
    work("lora", "LoRA step, 8 × 128", { tokens: 128 }),
  ];
});

export const works: readonly Work[] = [
  { name: "act 4-64-64-2", kind: "act", sizes: {} },
  ...updates,
  ...products,
  { name: "conv [256, 4, 10, 10], 16 of 3 × 3", kind: "conv", sizes: { ...convSizes } },
  ...texts,
  ...rows,
  { name: "gae [2048, 8]", kind: "gae", sizes: { steps: 2048, envs: 8 } },
  ...models,
];
