/** Every adapter by op, and what the project does not build yet by group. */
import type { Adapter, ReferenceAdapter } from "../types.ts";
import { distributions } from "./distributions.ts";
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

export const referenceAdapters: Record<string, ReferenceAdapter> = {
  ...referenceCore,
  ...referenceLosses,
  ...referenceDistributions,
  ...referenceScans,
};

const unbuilt = (what: string): string => `not built yet: ${what}`;
export const later: Record<string, string> = {
  environments: unbuilt("environments (part 4)"),
  environment: unbuilt("environments (part 4)"),
  networks: unbuilt("whole networks (parts 4 and 5)"),
  files: unbuilt("file formats (part 6)"),
  reward: unbuilt("rewards on text (part 5)"),
  tokenizer: unbuilt("tokenizers (part 5)"),
  transform: "two-hot value targets are not in pigrad's scope",
};
