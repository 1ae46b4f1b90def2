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

export const works: readonly Work[] = [
  { name: "act 4-64-64-2", kind: "act", sizes: {} },
  ...updates,
  ...products,
  ...texts,
  ...rows,
  { name: "gae [2048, 8]", kind: "gae", sizes: { steps: 2048, envs: 8 } },
];
