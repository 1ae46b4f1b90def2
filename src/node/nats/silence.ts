/** Tells when no worker has shown itself for too long, also to a learner that computes meanwhile and hears nothing. */
import type { Giver } from "./give.ts";

export class Silence {
  private readonly giver: Giver;
  private readonly most: number;
  private heard: number;
  private looked = Date.now();
  private silent = 0; // milliseconds of listening without a sign

  /** `every` is the usual time between two checks, in milliseconds; what is longer was spent computing. */
  constructor(giver: Giver, every: number) {
    this.giver = giver;
    this.most = 2 * every;
    this.heard = giver.signs.last;
  }

  /** Throws SettingError where no worker has shown itself for the patience. */
  check(work: string): void {
    const { signs, options } = this.giver;
    const now = Date.now();
    this.silent =
      signs.last === this.heard ? this.silent + Math.min(now - this.looked, this.most) : 0;
    this.heard = signs.last;
    this.looked = now;
    if (this.silent >= 1000 * options.patience) throw this.giver.noWorker(work);
  }
}
