/** Evaluates log-probabilities and values of a whole batch, without gradients. */
import type { Floats } from "../core/backend.ts";
import { Tape } from "../core/tape.ts";
import { solo, type Team } from "../core/team.ts";
import type { Chunks } from "../rollout/chunks.ts";
import { Shards } from "./shards.ts";

export class BatchEvaluator {
  private readonly chunks: Chunks;
  private readonly order: Int32Array;
  private readonly tape: Tape;
  private readonly shards: Shards;

  /** `count` is the number of units (rows, or sequences) in a batch. */
  constructor(chunks: Chunks, count: number, team: Team = solo()) {
    this.chunks = chunks;
    this.order = Int32Array.from({ length: count }, (_, i) => i);
    this.tape = new Tape(chunks.parameters.backend, { grads: false });
    this.shards = new Shards(team, { numbers: 0 });
  }

  /** Writes a column of ln π, and one of V if given: columns of the team. Positions after a sequence's end are not defined. */
  evaluate(logProb: Floats, value: Floats | null = null): void {
    const { chunks, order, tape } = this;
    const body = () => chunks.evaluate({ entropy: false, value: value !== null });
    this.shards.run(
      (visit) => chunks.forEachChunk(order, 0, order.length, visit),
      () => {
        const evaluation = tape.run(body);
        chunks.spill(evaluation.logProb, logProb);
        if (value !== null && evaluation.value !== null) chunks.spill(evaluation.value, value);
      },
    );
  }
}
