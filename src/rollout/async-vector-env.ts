/** Environments that answer later, such as games in other processes, stepped together: all of them work at once. */
import { UsageError } from "../core/errors.ts";
import { type Waiting, wait } from "../core/waiting.ts";
import { type LaterSteps, VectorEnv } from "./vector-env.ts";

const patience = 60; // seconds that an environment may take
const late = `environment: expected an answer within ${patience} s, got none`;

export class AsyncVectorEnv extends VectorEnv {
  /** Started episodes were not observed yet. */
  private started = false;
  override readonly later: LaterSteps = {
    ready: () => this.ready(),
    stepping: (actions) => this.stepping(actions),
  };

  /** Starts an episode in every environment; `later.ready` waits for them. */
  override start(): void {
    for (let e = 0; e < this.envs.length; e++) this.startEpisode(e);
    this.started = true;
  }

  override restart(e: number): void {
    this.startEpisode(e);
    this.started = true;
  }

  protected override observeStart(e: number): void {
    if (this.envs[e].pending === null) super.observeStart(e);
  }

  /** Throws UsageError: see `later.stepping`. */
  override step(): never {
    throw new UsageError("step: expected environments that answer at once; see later.stepping");
  }

  private *ready(): Waiting<void> {
    if (!this.started) return;
    this.started = false;
    yield* this.settled();
    for (let e = 0; e < this.envs.length; e++) super.observeStart(e);
    this.stepped.fill(1);
    this.standardize();
  }

  private *stepping(actions: ArrayLike<number>): Waiting<void> {
    this.act(actions);
    yield* this.settled();
    this.readResults();
    yield* this.settled();
    this.observeNext();
  }

  private *settled(): Waiting<void> {
    for (const env of this.envs) env.pending?.catch(() => {}); // the first failure alone is thrown
    for (const env of this.envs) if (env.pending !== null) yield* wait(env.pending, patience, late);
  }
}
