/**
 * The chunks of a batch as shards: each gradient is summed from zero, then all are added in the order of the chunks. So
 * the sum has the same bits whatever member of a team computed a shard, and however many members there are.
 */
import type { Sum, Team } from "../core/team.ts";
import type { Parameters } from "../core/tensor.ts";

/** Calls `visit` for each chunk of a batch, in order, when the chunk is filled. */
export type Walk = (visit: () => void) => void;

export interface ShardsOptions {
  /** Numbers that each chunk's pass writes, such as metrics. */
  readonly numbers: number;
  /** The parameters whose gradients a pass adds to; without them no gradients are summed. */
  readonly parameters?: Parameters;
}

export class Shards {
  private readonly team: Team;
  private readonly numbers: number;
  private readonly sums: readonly Sum[];
  /** Shards that are added together. */
  private readonly wave: number;
  private readonly records: Float64Array;

  constructor(team: Team, { numbers, parameters }: ShardsOptions) {
    const regions = parameters?.regions() ?? [];
    this.team = team;
    this.numbers = numbers;
    this.wave = team.waveOf(regions);
    this.sums = regions.map((region) => team.sumOf(region, this.wave));
    this.records = team.doubles(numbers * this.wave);
  }

  /**
   * Calls `pass` for the chunks that fall to this member; it adds the chunk's gradient and writes the chunk's numbers.
   * Every member gets the whole gradient, and by `read` the numbers of all chunks in order. Gradients must be 0 before.
   */
  run(
    walk: Walk,
    pass: (numbers: Float64Array) => void,
    read: (numbers: Float64Array) => void = () => {},
  ): void {
    const { team, sums, wave } = this;
    let chunk = 0;
    let first = 0; // chunk of the wave
    let claim = team.claims();
    let mine = claim();
    walk(() => {
      if (chunk === first + wave) {
        this.join(first, chunk, read);
        first = chunk;
        claim = team.claims();
        mine = first + claim();
      }
      if (chunk === mine) {
        for (const sum of sums) sum.begin(chunk);
        pass(this.record(chunk - first));
        for (const sum of sums) sum.end(chunk - first);
        mine = first + claim();
      }
      chunk++;
    });
    this.join(first, chunk, read);
    for (const sum of sums) sum.give(chunk);
  }

  private record(shard: number): Float64Array {
    const { numbers } = this;
    return this.records.subarray(shard * numbers, (shard + 1) * numbers);
  }

  /** Adds the shards of a wave when all members are done. */
  private join(first: number, end: number, read: (numbers: Float64Array) => void): void {
    const { team, sums } = this;
    team.barrier();
    for (let shard = 0; shard < end - first; shard++) read(this.record(shard));
    for (const sum of sums) sum.add(first, end - first);
    team.barrier();
  }
}
