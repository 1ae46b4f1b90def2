/**
 * Self-play: a policy plays against itself as it was before. Every `every` updates its weights are put
 * aside; opponents are drawn from the last `size` of them, so that nobody learns to beat only the newest.
 * One seat is kept by the first self, which plays nearly at random: what is strange must stay beatable.
 */
import { Random } from "../core/random.ts";
import { type Kept, numbersOf, partOf, type State } from "../core/state.ts";
import type { ConnectFour, Opponent } from "../envs/connect-four.ts";
import { Actor } from "../policies/actor.ts";
import { ActorCritic } from "../policies/actor-critic.ts";

export interface LeagueOptions {
  readonly size?: number;
  readonly every?: number;
  /** Opponents that play at a time; the environments share them. */
  readonly seats?: number;
}

export class League implements Kept {
  private readonly model: ActorCritic;
  private readonly size: number;
  private readonly every: number;
  private readonly random: Random;
  private readonly seats: readonly Actor[];
  private past: Float32Array[] = [];

  constructor(
    model: ActorCritic,
    random: Random,
    { size = 20, every = 10, seats = 4 }: LeagueOptions = {},
  ) {
    this.model = model;
    this.size = size;
    this.every = every;
    this.random = random;
    this.seats = Array.from({ length: seats }, () => {
      const frozen = new ActorCritic(model.parameters.backend, model.options, new Random(0));
      return new Actor(frozen, 1, { masked: true, value: false });
    });
    for (let seat = 0; seat < seats; seat++) this.take(seat, weights(model));
  }

  /** Who environment e plays against. */
  opponent(e: number): Opponent {
    const actor = this.seats[e % this.seats.length];
    return (game: ConnectFour, random) => {
      game.observe(actor.observation, 0);
      game.mask(actor.mask, 0);
      actor.act(random);
      return actor.action[0];
    };
  }

  /** Before each update: puts the policy aside when it is time, and gives a seat to another past self. */
  advance(update: number): void {
    if ((update - 1) % this.every === 0) {
      this.past.push(weights(this.model));
      if (this.past.length > this.size) this.past.shift();
    }
    const seat = 1 + (update % (this.seats.length - 1)); // seat 0 is the first self's
    this.take(seat, this.past[this.random.below(this.past.length)]);
  }

  private take(seat: number, values: Float32Array): void {
    let at = 0;
    for (const { data } of this.seats[seat].model.parameters.list) {
      data.set(values.subarray(at, at + data.length));
      at += data.length;
    }
  }

  save(): State {
    const seats = this.seats.map(({ model }) => weights(model));
    return { past: this.past, seats, random: this.random.save() };
  }

  restore(state: State): void {
    const past = partOf(state, "past");
    const lists = Array.isArray(past) ? past : Object.values(past as object);
    this.past = lists.map((list: ArrayLike<number>) => Float32Array.from(list));
    for (let seat = 0; seat < this.seats.length; seat++) {
      this.take(seat, Float32Array.from(numbersOf(partOf(state, "seats"), `${seat}`)));
    }
    this.random.restore(Array.from(numbersOf(state, "random")));
  }
}

/** All weights of a model, one after another. */
function weights({ parameters: { list } }: ActorCritic): Float32Array {
  const values = new Float32Array(list.reduce((n, { data }) => n + data.length, 0));
  let at = 0;
  for (const { data } of list) {
    values.set(data, at);
    at += data.length;
  }
  return values;
}
