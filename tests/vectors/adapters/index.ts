/** Every adapter by op, and what the project does not build, or not yet, by group or op. */
import type { Adapter, ReferenceAdapter, WholeCase } from "../types.ts";
import { distributions } from "./distributions.ts";
import { environments, referenceEnvironments } from "./environments.ts";
import { gpt } from "./gpt.ts";
import { losses } from "./losses.ts";
import { ops } from "./ops.ts";
import { optim } from "./optim.ts";
import { referenceCore } from "./reference-core.ts";
import { referenceDistributions } from "./reference-distributions.ts";
import { referenceLosses } from "./reference-losses.ts";
import { referenceScans } from "./reference-scans.ts";
import { scans } from "./scans.ts";

export const adapters: Record<string, Adapter> = {
  ...ops,
  ...optim,
  ...distributions,
  ...scans,
  ...losses,
};

export const wholeCases: Record<string, WholeCase> = { ...environments, ...gpt };

export const referenceAdapters: Record<string, ReferenceAdapter> = {
  ...referenceCore,
  ...referenceLosses,
  ...referenceDistributions,
  ...referenceScans,
  ...referenceEnvironments,
};

const unbuilt = (what: string): string => `not built yet: ${what}`;
export const later: Record<string, string> = {
  minatar: "MinAtar's own games are not in pigrad's scope; its Breakout is written afresh",
  networks: unbuilt("whole networks (parts 4 and 5)"),
  files: unbuilt("file formats (part 6)"),
  reward: unbuilt("rewards on text (part 5)"),
  tokenizer: unbuilt("tokenizers (part 5)"),
  transform: "two-hot value targets are not in pigrad's scope",
};
