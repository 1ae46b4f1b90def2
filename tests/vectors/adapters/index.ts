/** Every adapter by op, and what the project does not build yet by group. */
import type { Adapter, ReferenceAdapter } from "../types.ts";
import { categorical } from "./distributions.ts";
import { ops } from "./ops.ts";
import { optim } from "./optim.ts";

export const adapters: Record<string, Adapter> = { ...ops, ...optim, ...categorical };

export const referenceAdapters: Record<string, ReferenceAdapter> = {};

const unbuilt = (what: string): string => `not built yet: ${what}`;
export const later: Record<string, string> = {
  environments: unbuilt("environments (part 4)"),
  environment: unbuilt("environments (part 4)"),
  networks: unbuilt("whole networks (parts 4 and 5)"),
  files: unbuilt("file formats (part 6)"),
  distributions: unbuilt("distributions (part 2)"),
  scans: unbuilt("scans (part 2)"),
  losses: unbuilt("estimators (part 2)"),
};
