/** The evaluations during a training, as evaluation.json of its run folder remembers them for a resume. */
import { lstatSync, rmSync } from "node:fs";
import { join } from "node:path";
import { FormatError } from "../core/errors.ts";
import { brief, printable } from "../core/printable.ts";
import { readRegular, writeAtomically } from "./files.ts";

export interface EvaluationPlan {
  /** Environment steps between evaluations; in the supervised stage of a text, tokens learned from. */
  readonly every: number;
  /** Episodes, or validation prompts, per evaluation. */
  readonly episodes: number;
  /** Evaluations without improvement after which to stop. */
  readonly patience?: number | undefined;
}

export const planName = "evaluation.json";
const mostBytes = 1000;

/** Reads the plan of a run; undefined for a run without evaluations. Throws FormatError for a file that is no plan. */
export function readPlan(folder: string): EvaluationPlan | undefined {
  const file = join(folder, planName);
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return undefined;
  const plan = parsed(readRegular(file, { most: mostBytes }).toString());
  const { every, episodes, patience } = plan ?? {};
  const counts = patience === undefined ? [every, episodes] : [every, episodes, patience];
  if (plan === null || !counts.every((n) => Number.isSafeInteger(n) && (n as number) >= 1))
    throw new FormatError(
      `${printable(file)}: expected every, episodes and patience as whole numbers ≥ 1, got ${brief(plan)}`,
    );
  return { every, episodes, patience } as EvaluationPlan;
}

function parsed(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

/** Writes the plan of a run, or removes it. Leaves a plan that is the same untouched. */
export function writePlan(folder: string, plan: EvaluationPlan | undefined): void {
  const file = join(folder, planName);
  if (JSON.stringify(plan) === JSON.stringify(readPlan(folder))) return;
  if (plan === undefined) rmSync(file);
  else writeAtomically(file, `${JSON.stringify(plan)}\n`);
}
