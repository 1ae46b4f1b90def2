/**
 * Self-play: a policy plays against copies of its past self. Every `every` updates its weights are copied. Opponents
 * are drawn from the last `size` copies, so that the policy does not learn to beat only the newest one. One seat always
 * has the first copy, which plays nearly at random, so that the policy keeps meeting unusual moves.
 */
import { checkInteger } from "../core/check.ts";
import { Random } from "../core/random.ts";
import { type Kept, numbersOf, partOf, type State } from "../core/state.ts";
import type { ConnectFour, Opponent } from "../envs/connect-four.ts";
import { Actor } from "../policies/actor.ts";
import { ActorCritic } from "../policies/actor-critic.ts";

export interface LeagueOptions {
  /** Number of past copies. Default 20. */
  readonly size?: number;
  /** Updates between copies. Default 10. */
  readonly every?: number;
  /** Opponents that play at the same time, shared by the environments. Default 4. */
  readonly seats?: number;
}

export class League implements Kept {
  private readonly model: ActorCritic;
  private readonly size: number;
  private readonly every: number;
  private readonly random: Random;
  private readonly seats: readonly Actor[];
  private past: Float32Array[] = [];
  /** State of a recurrent opponent, per environment. */
  private readonly memories: Float32Array[] = [];

  constructor(
    model: ActorCritic,
    random: Random,
    { size = 20, every = 10, seats = 4 }: LeagueOptions = {},
  ) {
    checkInteger("League", "size", size, { min: 1 });
    checkInteger("League", "every", every, { min: 1 });
    checkInteger("League", "seats", seats, { min: 2 });
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

  /** Returns the opponent of environment e. A recurrent one remembers only that environment's current game. */
  opponent(e: number): Opponent {
    const actor = this.seats[e % this.seats.length];
    while (this.memories.length <= e) this.memories.push(new Float32Array(this.model.memorySize));
    const memory = this.memories[e];
    return (game: ConnectFour, random) => {
      game.observe(actor.observation, 0);
      game.mask(actor.mask, 0);
      actor.state.set(memory);
      actor.reset[0] = game.moves() < 2 ? 1 : 0;
      actor.act(random);
      memory.set(actor.state);
      return actor.action[0];
    };
  }

  /** Returns at most `most` of the past copies as opponents that sample their moves: evenly spaced, oldest first. */
  copies(most: number): Opponent[] {
    const count = Math.min(most, this.past.length);
    return Array.from({ length: count }, (_, i) => {
      const { parameters, options } = this.model;
      const copy = new ActorCritic(parameters.backend, options, new Random(0));
      write(copy, this.past[Math.floor((i * this.past.length) / count)]);
      return policyOpponent(copy, false);
    });
  }

  /** Called before each update: copies the policy if it is time, and gives one seat to another past copy. */
  advance(update: number): void {
    if ((update - 1) % this.every === 0) {
      this.past.push(weights(this.model));
      if (this.past.length > this.size) this.past.shift();
    }
    const seat = 1 + (update % (this.seats.length - 1)); // seat 0 keeps the first copy
    this.take(seat, this.past[this.random.below(this.past.length)]);
  }

  private take(seat: number, values: Float32Array): void {
    write(this.seats[seat].model, values);
  }

  save(): State {
    const seats = this.seats.map(({ model }) => weights(model));
    const own = { past: this.past, seats, random: this.random.save() };
    return this.model.memorySize === 0 ? own : { ...own, memories: this.memories };
  }

  restore(state: State): void {
    this.renew(state);
    if (this.model.memorySize === 0) return;
    const saved = partOf(state, "memories");
    for (const [e, memory] of this.memories.entries())
      memory.set(numbersOf(saved, `${e}`, memory.length));
  }

  /** Restores the past copies, but not the opponents' state, which belongs to other games. */
  renew(state: State): void {
    for (const memory of this.memories) memory.fill(0);
    const past = partOf(state, "past");
    const lists = Array.isArray(past) ? past : Object.values(past as object);
    const { length } = weights(this.model);
    this.past = lists.map((_, i) => Float32Array.from(numbersOf(past, `${i}`, length)));
    for (let seat = 0; seat < this.seats.length; seat++) {
      this.take(seat, Float32Array.from(numbersOf(partOf(state, "seats"), `${seat}`, length)));
    }
    this.random.restore(Array.from(numbersOf(state, "random")));
  }
}

/** Returns all weights of a model, one after another. */
function weights({ parameters: { list } }: ActorCritic): Float32Array {
  const values = new Float32Array(list.reduce((n, { data }) => n + data.length, 0));
  let at = 0;
  for (const { data } of list) {
    values.set(data, at);
    at += data.length;
  }
  return values;
}

/** Writes what `weights` returned into a model of the same form. */
function write({ parameters: { list } }: ActorCritic, values: Float32Array): void {
  let at = 0;
  for (const { data } of list) {
    data.set(values.subarray(at, at + data.length));
    at += data.length;
  }
}

/** Returns a policy as an opponent. A recurrent one remembers the game from its first move on. */
export function policyOpponent(model: ActorCritic, greedy: boolean): Opponent {
  const actor = new Actor(model, 1, { masked: true, value: false });
  return (game, random) => {
    game.observe(actor.observation, 0);
    game.mask(actor.mask, 0);
    actor.reset[0] = game.moves() < 2 ? 1 : 0;
    if (greedy) actor.actGreedily();
    else actor.act(random);
    return actor.action[0];
  };
}
