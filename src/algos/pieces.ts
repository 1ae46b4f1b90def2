/**
 * An update's sampling in pieces: ranges of environments to step, or of prompts to complete. A piece comes with all that
 * its result follows from (weights, states, the random generator). So anyone gives the same bits, and a piece that was
 * lost is done again. Learning stays where it was.
 */
import { FormatError } from "../core/errors.ts";
import type { Helpers } from "../core/helpers.ts";
import { Random } from "../core/random.ts";
import { numberOf, numbersOf, partOf, type State } from "../core/state.ts";
import { shareOf } from "../core/team.ts";
import { runNow, type Waiting, wait } from "../core/waiting.ts";
import { type Numbers, Rollout } from "../rollout/rollout.ts";
import { popArtOf, weightsOf } from "./training.ts";

/** Work that can be done in pieces: ranges of its units, such as environments. */
export interface Pieced {
  readonly units: number;
  /** Returns the policy's weights. */
  weights(): State;
  /** Returns the state that all pieces start from, besides the weights. */
  start(random: Random): State;
  /** Does the units first … end − 1. */
  piece(weights: State, start: State, first: number, end: number): State;
  /** Takes in the result of a piece. */
  take(result: State, first: number, end: number): void;
  /** Called when all results are in. */
  finish(random: Random): void;
}

/** A piece for others to do. */
export interface Piece {
  /** Number of the sampler, in the order in which samplers were offered. */
  readonly sampler: number;
  readonly weights: State;
  readonly start: State;
  readonly first: number;
  readonly end: number;
}

/** Has pieces done, and returns their results in order. */
export type DoPieces = (pieces: readonly Piece[]) => Promise<readonly State[]>;

/** Pieces that others are at work on. */
interface Request {
  readonly pieces: readonly Piece[];
  readonly results: Promise<readonly State[]>;
}

export interface PiecesOptions {
  /**
   * Asks for the next rollout before the last one is learned from, so that it is one update old when it is used. The
   * function waits until the pieces are on their way. Default: sampling and learning take turns.
   */
  readonly ahead?: (() => Promise<void>) | null;
}

export class Pieces implements Helpers {
  staleness: number | null;
  private readonly samplers: Pieced[] = [];
  private readonly numbers = new Map<object, number>();
  private readonly run: DoPieces;
  private readonly count: () => number;
  private readonly ahead: (() => Promise<void>) | null;
  /** Of rollouts that were asked for ahead, with the random generator of their sampling. */
  private readonly requests = new Map<
    object,
    { readonly request: Request; readonly own: Random }
  >();

  /** `count` tells into how many pieces work is cut. */
  constructor(run: DoPieces, count: () => number, { ahead = null }: PiecesOptions = {}) {
    this.run = run;
    this.count = count;
    this.ahead = ahead;
    this.staleness = ahead === null ? null : 0;
  }

  /** Number of samplers that were offered. */
  get offered(): number {
    return this.samplers.length;
  }

  offer(sampler: object): void {
    this.numbers.set(sampler, this.samplers.length);
    this.samplers.push(
      sampler instanceof Rollout ? new RolloutPieces(sampler) : (sampler as Pieced),
    );
  }

  *sample(of: object, random: Random): Waiting<void> {
    if (this.ahead === null || !(of instanceof Rollout))
      return yield* this.takeIn(of, this.request(of, random), random);
    const asked = this.requests.get(of);
    const own = asked?.own ?? random.split();
    yield* this.takeIn(of, asked?.request ?? this.request(of, own), own);
    this.staleness = asked === undefined ? 0 : 1;
    const request = this.request(of, own);
    request.results.catch(() => {}); // told when the results are taken in
    this.requests.set(of, { request, own });
    yield* wait(this.ahead(), Infinity, "");
  }

  /** Asks for a sampler's pieces, with its weights and state of now. */
  private request(of: object, random: Random): Request {
    const sampler = this.numbers.get(of) as number;
    const pieced = this.samplers[sampler];
    const count = Math.min(pieced.units, this.count());
    const [weights, start] = [pieced.weights(), pieced.start(random)];
    const pieces = Array.from({ length: count }, (_, i): Piece => {
      const [first, end] = [i, i + 1].map((j) => shareOf(pieced.units, count, j));
      return { sampler, weights, start, first, end };
    });
    return { pieces, results: this.run(pieces) };
  }

  private *takeIn(of: object, { pieces, results: asked }: Request, random: Random): Waiting<void> {
    const pieced = this.samplers[this.numbers.get(of) as number];
    const results = (yield* wait(asked, Infinity, "")) as readonly State[];
    for (const [i, { first, end }] of pieces.entries()) pieced.take(results[i], first, end);
    pieced.finish(random);
  }

  /** Does a piece here. Throws FormatError for one that does not fit. */
  do({ sampler, weights, start, first, end }: Piece): State {
    const pieced = this.samplers[sampler];
    if (pieced === undefined) throw new FormatError(`piece: no sampler ${sampler}`);
    return pieced.piece(weights, start, first, end);
  }
}

/** Checks that first … end − 1 are units. */
export function checkRange(units: number, first: number, end: number): void {
  if (
    !(Number.isInteger(first) && Number.isInteger(end) && first >= 0 && end > first && end <= units)
  )
    throw new FormatError(`piece: expected a range of ${units} units, got ${first} to ${end}`);
}

/** Copies numbers of a part of a state to an array from `at` on. */
export function copyTo(column: Numbers, at: number, state: State, name: string, n: number): void {
  const from = numbersOf(state, name, n);
  for (let i = 0; i < n; i++) column[at + i] = from[i];
}

/** A rollout in pieces, whose units are environments. */
class RolloutPieces implements Pieced {
  readonly units: number;
  private readonly rollout: Rollout;
  private most = 0;

  constructor(rollout: Rollout) {
    this.units = rollout.envs;
    this.rollout = rollout;
  }

  private get parts() {
    const { model } = this.rollout.actor;
    return { weights: weightsOf(model.parameters), ...popArtOf(model) };
  }

  weights(): State {
    return Object.fromEntries(
      Object.entries(this.parts).map(([name, part]) => [name, part.save()]),
    );
  }

  start(random: Random): State {
    const { env, actor } = this.rollout;
    this.most = 0;
    return { env: env.save(), memory: actor.save(), random: random.save() };
  }

  piece(weights: State, start: State, first: number, end: number): State {
    const { rollout, units } = this;
    const { env, actor } = rollout;
    checkRange(units, first, end);
    for (const [name, part] of Object.entries(this.parts)) part.restore(partOf(weights, name));
    env.restore(partOf(start, "env"));
    actor.restore(partOf(start, "memory"));
    [env.first, env.end] = [first, end];
    runNow(rollout.collectingHere(Random.from(Array.from(numbersOf(start, "random")))), "piece");
    const width = rollout.endState.length / units;
    return {
      taken: rollout.taken[0],
      columns: rollout.columns().map((column) => this.rows(column, first, end)),
      memory: rollout.endState.slice(first * width, end * width),
      env: env.save(),
    };
  }

  take(result: State, first: number, end: number): void {
    const { rollout, units } = this;
    const { env, actor, steps, size } = rollout;
    this.most = Math.max(this.most, numberOf(result, "taken"));
    const columns = partOf(result, "columns");
    for (const [c, column] of rollout.columns().entries()) {
      const width = column.length / size;
      const rows = numbersOf(columns, `${c}`, steps * (end - first) * width);
      let at = 0;
      for (let t = 0; t < steps; t++)
        for (let e = first; e < end; e++)
          for (let j = 0, i = rollout.row(t, e) * width; j < width; j++) column[i++] = rows[at++];
    }
    env.restoreEpisodes(partOf(result, "env"), first, end);
    const width = actor.state.length / units;
    copyTo(actor.state, first * width, result, "memory", (end - first) * width);
  }

  finish(random: Random): void {
    this.rollout.join(random, this.most);
  }

  /** Copies the rows of some environments, time first. */
  private rows(column: Numbers, first: number, end: number): Numbers {
    const { rollout } = this;
    const width = column.length / rollout.size;
    const rows = column.slice(0, rollout.steps * (end - first) * width);
    let at = 0;
    for (let t = 0; t < rollout.steps; t++)
      for (let e = first; e < end; e++)
        for (let j = 0, i = rollout.row(t, e) * width; j < width; j++) rows[at++] = column[i++];
    return rows;
  }
}
