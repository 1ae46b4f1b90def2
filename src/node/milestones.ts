/** Milestones of a training, which a sweep records. */

/** The fields of a report, or of a line of metrics, that milestones are taken from. */
export interface Progressed {
  readonly envSteps: number;
  readonly episodes?: unknown;
  readonly meanReturn?: unknown;
}

/** Collects the steps at which a threshold was reached and the curve over tenths of the steps. */
export class Milestones {
  stepsToThreshold: number | null = null;
  /** Mean return of the last 100 episodes at each tenth of the steps; NaN before the first ended. */
  readonly curve: number[] = [];
  /** Mean return of the last 100 episodes at the last report; NaN before there is one. */
  trainingReturn = Number.NaN;
  envSteps = 0;
  private readonly steps: number;
  private readonly threshold: number;

  constructor(steps: number, threshold: number | null) {
    this.steps = steps;
    this.threshold = threshold ?? Infinity;
  }

  add({ envSteps, episodes, meanReturn }: Progressed): void {
    this.envSteps = envSteps;
    this.trainingReturn = typeof meanReturn === "number" ? meanReturn : Number.NaN;
    const tenths = Math.min(10, Math.floor((10 * envSteps) / this.steps));
    while (this.curve.length < tenths) this.curve.push(this.trainingReturn);
    const reached = Number(episodes) >= 100 && this.trainingReturn >= this.threshold;
    if (this.stepsToThreshold === null && reached) this.stepsToThreshold = envSteps;
  }
}
