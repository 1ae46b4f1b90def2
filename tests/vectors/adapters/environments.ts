/** The environment cases: rollouts step by step, transition tables, traces, card games. */
import { Random } from "../../../src/core/random.ts";
import { Acrobot } from "../../../src/envs/acrobot.ts";
import { Blackjack } from "../../../src/envs/blackjack.ts";
import { CartPole } from "../../../src/envs/cartpole.ts";
import { CliffWalking } from "../../../src/envs/cliff-walking.ts";
import type { Dynamics } from "../../../src/envs/env.ts";
import { FrozenLake } from "../../../src/envs/frozen-lake.ts";
import { MountainCar } from "../../../src/envs/mountain-car.ts";
import { MountainCarContinuous } from "../../../src/envs/mountain-car-continuous.ts";
import { Pendulum } from "../../../src/envs/pendulum.ts";
import type { TabularDynamics } from "../../../src/envs/tabular.ts";
import { Taxi } from "../../../src/envs/taxi.ts";
import { close, decode } from "../compare.ts";
import type { ReferenceAdapter, WholeCase } from "../types.ts";

// biome-ignore lint/suspicious/noExplicitAny: attributes and cases have whatever form the file gives
type Any = any;

/** The settings that attributes mean, without those not given. */
const settings = (a: Any, names: Record<string, string>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries({ maxEpisodeSteps: "maxSteps", ...names })
      .filter(([theirs]) => a?.[theirs] !== undefined)
      .map(([theirs, ours]) => [ours, a[theirs]]),
  );
const lake = {
  map_name: "map",
  desc: "map",
  is_slippery: "slippery",
  success_rate: "successRate",
  reward_schedule: "rewards",
};
const make: Record<string, (attrs: Any) => Dynamics> = {
  "CartPole-v1": (a) => new CartPole(settings(a, { sutton_barto_reward: "suttonBartoReward" })),
  "Acrobot-v1": (a) => new Acrobot(settings(a, {})),
  "MountainCar-v0": (a) => new MountainCar(settings(a, { goal_velocity: "goalVelocity" })),
  "MountainCarContinuous-v0": (a) =>
    new MountainCarContinuous(settings(a, { goal_velocity: "goalVelocity" })),
  "Pendulum-v1": (a) => new Pendulum(settings(a, { g: "gravity" })),
  "FrozenLake-v1": (a) => new FrozenLake(settings(a, lake)),
  "CliffWalking-v1": (a) =>
    new CliffWalking({ maxSteps: Infinity, ...settings(a, { is_slippery: "slippery" }) }),
  "Taxi-v4": (a) => new Taxi(settings(a, { is_rainy: "rainy" })),
  "Blackjack-v1": (a) => new Blackjack(settings(a, { sab: "sab", natural: "natural" })),
};
const tabular = (c: Any): TabularDynamics => make[c.env](c.attrs) as TabularDynamics;

/** The first complaint, or null. */
function first(complaints: Iterable<string | null>): string | null {
  for (const complaint of complaints) if (complaint !== null) return complaint;
  return null;
}
const near = (what: string, got: ArrayLike<number>, want: ArrayLike<number>, tol: number) => {
  const wrong = close(got, want, { rtol: tol, atol: tol });
  return wrong === null ? null : `${what}${wrong}`;
};
/** A row of a matrix given flat. */
const row = (data: ArrayLike<number>, size: number, t: number): ArrayLike<number> =>
  Array.prototype.slice.call(data, t * size, (t + 1) * size);
const observed = (env: Dynamics): Float32Array => {
  const out = new Float32Array(env.observationSpace.size);
  env.observe(out, 0);
  return out;
};
const flags = (env: Dynamics): number[] => [Number(env.terminated), Number(env.truncated)];

/** A rollout: from each recorded state one step, then a free run. */
function* rollout(c: Any): Generator<string | null> {
  const env = make[c.env](c.attrs);
  const states = decode(c.expected.states, false);
  const size = c.expected.states.shape[1];
  const actions = decode(c.actions);
  const steps = c.actions.shape[0];
  const width = actions.length / steps;
  const rewards = decode(c.expected.rewards, false);
  const observations = decode(c.expected.obs, false);
  const seen = env.observationSpace.size;
  const checkStep = function* (t: number, tol: number, how: string): Generator<string | null> {
    const where = `${how} ${t}: `;
    yield near(`${where}state`, env.state, row(states, size, t + 1), tol);
    yield near(`${where}obs`, observed(env), row(observations, seen, t), Math.max(tol, 1e-6));
    yield near(`${where}reward`, [env.reward], [rewards[t]], tol);
    const { terminated, truncated } = c.expected;
    yield near(`${where}ends`, flags(env), [terminated[t], truncated[t]], 0);
  };
  env.startFrom(row(states, size, 0));
  for (let t = 0; t < steps; t++) {
    env.state.set(row(states, size, t));
    env.act(actions, t * width);
    yield* checkStep(t, c.tol.step, "step");
    const over = env.terminated || env.truncated;
    if (over && t + 1 < steps) env.startFrom(row(states, size, t + 1));
  }
  env.startFrom(decode(c.initialState, false));
  for (let t = 0; t < (c.freeRunSteps ?? 0); t++) {
    env.act(actions, t * width);
    yield* checkStep(t, c.tol.freeRun, "free step");
  }
}

function* transitionTable(c: Any): Generator<string | null> {
  const env = tabular(c);
  const { states, actions, start } = c.attrs;
  yield near("size", [env.states, env.actions], [states, actions], 0);
  if (start !== undefined) {
    const wanted = new Float64Array(states);
    for (const [s, p] of start) wanted[s] = p;
    yield near("start", env.startProbabilities, wanted, 1e-12);
  }
  for (let s = 0; s < states; s++) {
    for (let a = 0; a < actions; a++) {
      const i = s * actions + a;
      const { outcomes, next, reward, terminated } = c.expected;
      const wanted = outcomes?.[s][a] ?? [[1, next[i], reward[i], terminated[i]]];
      const got = env
        .outcomes(s, a)
        .map((o) => [o.probability, o.next, o.reward, Number(o.terminated)]);
      yield near(`state ${s} action ${a}`, got.flat(), wanted.flat(), 1e-12);
    }
  }
}

/** Uniform numbers given in advance, and cards. */
class Given extends Random {
  uniforms: readonly number[] = [];
  cards: readonly number[] = [];
  at = 0;
  constructor() {
    super(0);
  }
  override uniform(): number {
    return this.uniforms[this.at];
  }
  override below(n: number): number {
    if (n !== 13) throw new Error(`below(${n})`);
    return this.cards[this.at++] - 1;
  }
}

function* tabularTrace(c: Any): Generator<string | null> {
  const env = tabular(c);
  const given = new Given();
  for (const [i, segment] of c.segments.entries()) {
    env.startFrom([segment.start]);
    if (segment.u !== undefined) env.random = given;
    given.uniforms = segment.u;
    for (let t = 0; t < segment.actions.length; t++) {
      given.at = t;
      env.act(segment.actions, t);
      const got = [env.state[0], env.reward, ...flags(env)];
      const { obs, rewards, terminated, truncated } = segment;
      const wanted = [obs[t], rewards[t], terminated[t], truncated[t]];
      yield near(`segment ${i} step ${t}`, got, wanted, 1e-12);
    }
    env.random = new Random(0);
  }
}

function* actionMask(c: Any): Generator<string | null> {
  const env = tabular(c);
  const got: number[] = [];
  env.start();
  for (let s = 0; s < env.states; s++) {
    const mask = new Float32Array(env.actions);
    env.state[0] = s;
    env.mask?.(mask, 0);
    got.push(...mask);
  }
  yield near("mask", got, c.expected.mask, 0);
}

function* blackjack(c: Any): Generator<string | null> {
  const env = make[c.env](c.attrs);
  const given = new Given();
  env.random = given;
  for (const [i, episode] of c.episodes.entries()) {
    given.cards = episode.cards;
    given.at = 0;
    env.start();
    yield near(`episode ${i} start`, observed(env), episode.obs[0], 0);
    for (let t = 0; t < episode.actions.length; t++) {
      env.act(episode.actions, t);
      const isLast = t === episode.actions.length - 1;
      const wanted = [...episode.obs[t + 1], isLast ? episode.reward : 0, isLast ? 1 : 0, 0];
      yield near(
        `episode ${i} step ${t}`,
        [...observed(env), env.reward, ...flags(env)],
        wanted,
        0,
      );
    }
    yield near(`episode ${i} cards drawn`, [given.at], [episode.cards.length], 0);
  }
}

export const environments: Record<string, WholeCase> = {
  env: (c) => first(rollout(c)),
  transitionTable: (c) => first(transitionTable(c)),
  tabularTrace: (c) => first(tabularTrace(c)),
  actionMask: (c) => first(actionMask(c)),
  blackjack: (c) => first(blackjack(c)),
};

export const referenceEnvironments: Record<string, ReferenceAdapter> = {
  "environment:actions,env,state": ({ inputs: c }) => {
    const env = make[c.env]({});
    const got = { states: [] as number[][], rewards: [] as number[], terminated: [] as number[] };
    env.startFrom(c.state);
    for (const action of c.actions) {
      env.act([action].flat(), 0);
      got.states.push([...env.state]);
      got.rewards.push(env.reward);
      got.terminated.push(Number(env.terminated));
    }
    return got;
  },
};
