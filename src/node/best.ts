/**
 * Tracks the best policy of a run by evaluations during training, and writes it to best.safetensors. Reads earlier
 * evaluations from the metrics, so that a resumed run continues with them.
 */
import { popArtOf, weightsOf } from "../algos/training.ts";
import type { State } from "../core/state.ts";
import { runLater } from "../core/waiting.ts";
import type { Session } from "../tasks/session.ts";
import type { EvaluationPlan } from "./evaluation-plan.ts";
import { awaitInTime } from "./patience.ts";
import { metricsOf, writeBest } from "./run-folder.ts";

export interface Best {
  readonly update: number;
  readonly envSteps: number;
  readonly evalReturn: number;
}

/** The fields of a report, or of a line of metrics, that are read here. */
interface Position {
  readonly update: number;
  readonly envSteps: number;
  readonly trainedTokens?: unknown;
  readonly evalReturn?: unknown;
}

/** Seed of the evaluations that choose the best policy, other than those of training and of the final evaluation. */
export const selectionSeed = 2_000_000_011;

export class BestPolicy {
  best: Best | null = null;
  private readonly folder: string;
  private readonly session: Session;
  private readonly plan: EvaluationPlan;
  private sinceBest = 0;
  private evaluated = 0;
  private taught = 0;

  constructor(folder: string, session: Session, plan: EvaluationPlan) {
    this.folder = folder;
    this.session = session;
    this.plan = plan;
    for (const metric of metricsOf(folder)) {
      this.evaluated = this.count(metric);
      this.note(metric);
    }
    // the run may have been cut off between its checkpoint and its best policy
    if (this.best?.update === session.training.update) this.write();
  }

  get isExhausted(): boolean {
    return this.sinceBest >= (this.plan.patience ?? Infinity);
  }

  /** Evaluates if an evaluation is due. Returns the mean greedy return, or undefined if none is due. */
  async evaluate(report: Position): Promise<number | undefined> {
    const count = this.count(report);
    if (count <= this.evaluated) return undefined;
    this.evaluated = count;
    const evaluating = this.session.evaluating(this.plan.episodes, selectionSeed, true);
    const { meanReturn } = await runLater(evaluating, awaitInTime);
    return meanReturn;
  }

  /** Records an evaluation. Returns true if it is the best so far. */
  note({ update, envSteps, evalReturn }: Position): boolean {
    if (typeof evalReturn !== "number") return false;
    const isBest = evalReturn > (this.best?.evalReturn ?? -Infinity);
    if (isBest) this.best = { update, envSteps, evalReturn };
    this.sinceBest = isBest ? 0 : this.sinceBest + 1;
    return isBest;
  }

  /** Writes the current policy; on return it is on the disk. */
  write(): void {
    writeBest(this.folder, this.session.config, policyOf(this.session));
  }

  /** Returns the number of evaluations due up to a report. */
  private count({ envSteps, trainedTokens }: Position): number {
    if (typeof trainedTokens === "number") this.taught = trainedTokens;
    return Math.floor((envSteps + this.taught) / this.plan.every);
  }
}

/** Returns the weights and statistics that acting needs. */
function policyOf(session: Session): State {
  const { update } = session.training;
  if (session.kind === "text") return { update, weights: weightsOf(session.gpt.parameters).save() };
  const { model, env } = session.training;
  const { observationSize } = env; // a file has no empty parts, and `load` wants this one
  const statistics = { observationSize, moments: env.saveStatistics().moments };
  const popArt = popArtOf(model).popArt?.save();
  const weights = weightsOf(model.parameters).save();
  return { update, weights, env: statistics, ...(popArt !== undefined && { popArt }) };
}
