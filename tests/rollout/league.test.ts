/** Who sits in a league's seats, by models whose weights are all the number of their update. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { ConnectFour, type Opponent } from "../../src/envs/connect-four.ts";
import { Actor } from "../../src/policies/actor.ts";
import { ActorCritic } from "../../src/policies/actor-critic.ts";
import { League, type LeagueOptions } from "../../src/rollout/league.ts";

function modelOf(memory = 0): ActorCritic {
  const { observationSpace: observation, actionSpace: action } = new ConnectFour();
  const options = { observation, action, critic: true, hidden: [], memory };
  return new ActorCritic(loops(), options, new Random(1));
}
const become = (model: ActorCritic, x: number): void => {
  for (const { data } of model.parameters.list) data.fill(x);
};
/** A policy that plays one column, where it may. */
const play = (model: ActorCritic, column: number): void => {
  become(model, 0);
  const bias = model.parameters.get("policy.head.bias");
  if (bias !== undefined) bias.data[column] = 50;
};

interface Saved {
  readonly past: Float32Array[];
  readonly seats: Float32Array[];
  readonly random: number[];
}
const saved = (league: League): Saved => league.save() as never;
const names = (lists: readonly Float32Array[]): number[] =>
  lists.map((list) => {
    expect(new Set(list).size).toBe(1);
    return list[0];
  });

/** The definition, by lists of names. */
function naive(
  updates: number,
  { size = 20, every = 10, seats = 4 }: LeagueOptions,
  random: Random,
) {
  const past: number[] = [];
  const seated = new Array<number>(seats).fill(0);
  const history: number[][] = [];
  for (let update = 1; update <= updates; update++) {
    if (update % every === 1 || every === 1) past.push(update);
    while (past.length > size) past.shift();
    seated[1 + (update % (seats - 1))] = past[random.below(past.length)];
    history.push([...seated]);
  }
  return { past, history };
}

describe("League", () => {
  for (const options of [{}, { every: 1, size: 3, seats: 2 }, { every: 2, size: 4, seats: 5 }]) {
    test(`who is put aside, and who sits where, with ${JSON.stringify(options)}`, () => {
      const model = modelOf();
      become(model, 0);
      const league = new League(model, new Random(4), options);
      const want = naive(45, options, new Random(4));
      for (let update = 1; update <= 45; update++) {
        become(model, update);
        league.advance(update);
        expect(names(saved(league).seats)).toEqual(want.history[update - 1]);
      }
      expect(names(saved(league).past)).toEqual(want.past);
      expect(want.history.every(([first]) => first === 0)).toBe(true);
    });
  }

  test("size, every and seats have least values", () => {
    for (const options of [{ size: 0 }, { every: 0 }, { seats: 1 }])
      expect(() => new League(modelOf(), new Random(1), options)).toThrow(RangeError);
    new League(modelOf(), new Random(1), { size: 1, every: 1, seats: 2 });
  });

  test("environment e plays against seat e modulo the seats, where the column has room", () => {
    const model = modelOf();
    play(model, 6);
    const league = new League(model, new Random(4), { every: 1, size: 1, seats: 3 });
    play(model, 2);
    league.advance(1); // to seat 2
    play(model, 3);
    league.advance(2); // to seat 1
    const game = new ConnectFour({ opponent: null });
    game.reset();
    const random = new Random(1);
    const moves = [0, 1, 2, 3, 4, 5].map((e) => league.opponent(e)(game, random));
    expect(moves).toEqual([6, 3, 2, 6, 3, 2]);
    for (let i = 0; i < 6; i++) game.step(3);
    expect(league.opponent(1)(game, random)).not.toBe(3);
  });

  test("an opponent sees the board as the player to move, and draws from the generator given", () => {
    const model = modelOf();
    become(model, 0);
    const league = new League(model, new Random(4));
    const weight = model.parameters.get("policy.head.weight")?.data as Float32Array;
    weight[4 * 84 + 35] = 50; // column 4 where a stone of one's own is in the lower left corner
    weight[5 * 84 + 42 + 35] = 50; // column 5 where one of the other's is
    for (let update = 1; update <= 3; update++) league.advance(update);
    const game = new ConnectFour({ opponent: null });
    game.reset();
    const opponent = league.opponent(1);
    const drawn = Array.from({ length: 8 }, (_, seed) => opponent(game, new Random(seed)));
    expect(drawn).toEqual(Array.from({ length: 8 }, (_, seed) => opponent(game, new Random(seed))));
    expect(new Set(drawn).size).toBeGreaterThan(2);
    game.step(0);
    expect(opponent(game, new Random(1))).toBe(5);
    game.step(1);
    expect(opponent(game, new Random(1))).toBe(4);
  });
});

describe("opponents that remember", () => {
  /** A league of sharp policies, and the moves of a game against one of its opponents. */
  const sharp = (): League => {
    const model = modelOf(3);
    const random = new Random(9);
    for (const { data } of model.parameters.list)
      for (let i = 0; i < data.length; i++) data[i] = 2 * random.normal();
    return new League(model, new Random(4), { seats: 2, every: 1 });
  };
  class Game {
    readonly env = new ConnectFour({ opponent: null });
    private readonly opponent: Opponent;
    readonly moves: number[] = [];
    private readonly random = new Random(2);
    private column = 0;
    constructor(opponent: Opponent, begins: boolean) {
      this.opponent = opponent;
      this.env.reset();
      if (!begins) this.env.step(0);
    }
    move(): void {
      this.moves.push(this.opponent(this.env, this.random));
      this.env.step(this.moves.at(-1) as number);
      if (this.env.terminated) return;
      while (!this.env.isLegal(this.column)) this.column++;
      this.env.step(this.column);
    }
  }
  const alone = (begins: boolean): number[] => {
    const game = new Game(sharp().opponent(0), begins);
    while (game.moves.length < 5 && !game.env.terminated) game.move();
    return game.moves;
  };
  test("each remembers its own environment's game alone, from its first move on", () => {
    const league = sharp();
    for (const begins of [true, false]) {
      const games = [0, 2].map((e) => new Game(league.opponent(e), begins));
      for (let i = 0; i < 5; i++) for (const game of games) if (!game.env.terminated) game.move();
      for (const game of games) expect(game.moves).toEqual(alone(begins));
    }
  });

  test("what one remembers is what a policy driven by hand does, forgetting at each game's first move", () => {
    const league = sharp();
    const opponent = league.opponent(1);
    const model = modelOf(3);
    const random = new Random(9);
    for (const { data } of model.parameters.list)
      for (let i = 0; i < data.length; i++) data[i] = 2 * random.normal();
    const byHand = new Actor(model, 1, { masked: true, value: false });
    const [chance, same] = [new Random(2), new Random(2)];
    for (const begins of [true, false]) {
      const game = new ConnectFour({ opponent: null });
      game.reset();
      if (!begins) game.step(3);
      for (let move = 0; move < 3; move++) {
        game.observe(byHand.observation, 0);
        game.mask(byHand.mask, 0);
        byHand.reset[0] = Number(move === 0);
        byHand.act(same);
        const column = opponent(game, chance);
        expect(column).toBe(byHand.action[0]);
        const { memories } = league.save() as unknown as { memories: Float32Array[] };
        expect(memories[1]).toEqual(Float32Array.from(byHand.state));
        game.step(column);
        game.step([0, 1, 2, 4, 5, 6].find((c) => game.isLegal(c) && c !== column) as number);
      }
    }
  });

  test("memories are saved, restored, and emptied by renew", () => {
    const league = sharp();
    const game = new Game(league.opponent(1), true);
    game.move();
    game.move();
    const memories = (of: League): number[][] =>
      (of.save() as unknown as { memories: Float32Array[] }).memories.map((m) => [...m]);
    const [none, full] = memories(league);
    expect(none.every((x) => x === 0)).toBe(true);
    expect(full.some((x) => x !== 0)).toBe(true);
    const other = sharp();
    other.opponent(1);
    const state = JSON.parse(
      JSON.stringify(league.save(), (_, x) => (ArrayBuffer.isView(x) ? Array.from(x as never) : x)),
    );
    other.restore(state);
    expect(memories(other)).toEqual([none, full]);
    other.renew(state);
    expect(memories(other)).toEqual([none, none]);
    expect(new League(modelOf(), new Random(1)).save()).not.toHaveProperty("memories");
  });
});

for (const load of ["restore", "renew"] as const) {
  test(`${load}: past selves, seats and chance are the saved league's`, () => {
    const leagueOf = (seed: number): [ActorCritic, League] => {
      const model = modelOf();
      become(model, seed);
      return [model, new League(model, new Random(seed), { every: 2, size: 3, seats: 3 })];
    };
    const [model, league] = leagueOf(100);
    const [model2, other] = leagueOf(200);
    const advance = (m: ActorCritic, l: League, from: number, to: number): void => {
      for (let update = from; update <= to; update++) {
        become(m, update);
        l.advance(update);
      }
    };
    advance(model, league, 1, 9);
    const state = structuredClone(saved(league));
    other[load](state as never);
    expect(saved(other)).toEqual(state);
    expect(names(saved(other).seats)[0]).toBe(100);
    advance(model, league, 10, 20);
    expect(saved(other)).toEqual(state);
    advance(model2, other, 10, 20);
    expect(saved(other)).toEqual(saved(league));
  });
}
