/** Every adapter by op, and what the project does not build, by group or op. */
import type { Adapter, ReferenceAdapter, WholeCase } from "../types.ts";
import { chat } from "./chat.ts";
import { distributions } from "./distributions.ts";
import { environments, referenceEnvironments } from "./environments.ts";
import { files } from "./files.ts";
import { gpt } from "./gpt.ts";
import { hub } from "./hub.ts";
import { lora } from "./lora.ts";
import { losses } from "./losses.ts";
import { networksMlp } from "./networks-mlp.ts";
import { ops } from "./ops.ts";
import { optim } from "./optim.ts";
import { quant } from "./quant.ts";
import { referenceCore } from "./reference-core.ts";
import { referenceDistributions } from "./reference-distributions.ts";
import { referenceLosses } from "./reference-losses.ts";
import { referenceScans } from "./reference-scans.ts";
import { scans } from "./scans.ts";
import { referenceText } from "./text.ts";

export const adapters: Record<string, Adapter> = {
  ...ops,
  ...optim,
  ...distributions,
  ...scans,
  ...losses,
};

export const wholeCases: Record<string, WholeCase> = {
  ...chat,
  ...environments,
  ...files,
  ...gpt,
  ...hub,
  ...lora,
  ...networksMlp,
  ...quant,
};

export const referenceAdapters: Record<string, ReferenceAdapter> = {
  ...referenceCore,
  ...referenceLosses,
  ...referenceDistributions,
  ...referenceScans,
  ...referenceEnvironments,
  ...referenceText,
};

const notYet = "of published models, configs, weights, adapters and tokenizers are read so far";
export const later: Record<string, string> = {
  hfInt8: notYet,
  hfInt8Lora: notYet,
  quantizeInt8: notYet,
  minatar: "MinAtar's own games are not in pigrad's scope; its Breakout is written afresh",
  transform: "two-hot value targets are not in pigrad's scope",
};
