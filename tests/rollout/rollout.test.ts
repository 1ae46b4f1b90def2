/** A Rollout against the same steps taken by hand and written to lists. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { box } from "../../src/envs/space.ts";
import { Actor } from "../../src/policies/actor.ts";
import { ActorCritic } from "../../src/policies/actor-critic.ts";
import { Rollout } from "../../src/rollout/rollout.ts";
import { VectorEnv } from "../../src/rollout/vector-env.ts";
import { type WalkerOptions, walkers } from "../support/walker.ts";

const envs = 3;

interface Setup {
  readonly walker?: WalkerOptions;
  readonly memory?: number;
  readonly critic?: boolean;
  readonly squash?: boolean;
  readonly autoreset?: boolean;
}

function setUp({
  walker = {},
  memory = 0,
  critic = true,
  squash = false,
  autoreset = true,
}: Setup) {
  const env = new VectorEnv(walkers(envs, walker), { autoreset });
  const [{ observationSpace: observation, actionSpace: action }] = env.envs;
  const options = { observation, action, critic, hidden: [4], memory, squash };
  const model = new ActorCritic(loops(), options, new Random(1));
  const actor = new Actor(model, envs, { masked: env.mask !== null });
  env.start();
  return { env, actor };
}

const columns = [
  "observation",
  "actionMask",
  "action",
  "logProb",
  "noise",
  "value",
  "reset",
  "reward",
  "terminated",
  "truncated",
  "nextValue",
  "mask",
  "startState",
  "episodeReturn",
  "episodeLength",
  "episodeSuccess",
] as const;
type Lists = Record<(typeof columns)[number], number[]> & { count: number; episodes: number };

/** The definition: V of what a step came to, unless it terminated; a row of a resting environment has nothing. */
function byHand({ env, actor }: ReturnType<typeof setUp>, steps: number, random: Random): Lists {
  const lists = Object.fromEntries(columns.map((name) => [name, []])) as unknown as Lists;
  lists.count = 0;
  lists.startState.push(...actor.state);
  const all = Array.from({ length: envs }, (_, e) => e);
  for (let t = 0; t < steps && !all.every((e) => env.resting(e)); t++) {
    actor.observation.set(env.observation);
    if (env.mask !== null) actor.mask.set(env.mask);
    actor.reset.set(env.fresh);
    actor.act(random);
    lists.observation.push(...env.observation);
    lists.actionMask.push(...(env.mask ?? []));
    lists.reset.push(...env.fresh);
    lists.action.push(...actor.action);
    lists.logProb.push(...actor.logProb);
    lists.noise.push(...actor.noise);
    const value = [...actor.value];
    const rested = all.map((e) => env.resting(e));
    env.step(actor.command);
    const came = [...actor.valuesOf(env.finalObservation)];
    for (const e of all) {
      lists.mask.push(rested[e] ? 0 : 1);
      lists.value.push(rested[e] ? 0 : value[e]);
      lists.reward.push(rested[e] ? 0 : env.reward[e]);
      lists.terminated.push(rested[e] ? 1 : env.terminated[e]);
      lists.truncated.push(rested[e] ? 0 : env.truncated[e]);
      lists.nextValue.push(lists.terminated.at(-1) === 1 ? Number.NaN : came[e]);
      if (rested[e]) continue;
      lists.count++;
      if (env.terminated[e] + env.truncated[e] === 0) continue;
      lists.episodeReturn.push(env.finalReturn[e]);
      lists.episodeLength.push(env.finalLength[e]);
      lists.episodeSuccess.push(env.finalSuccess[e]);
    }
  }
  lists.episodes = lists.episodeReturn.length;
  return lists;
}

function mustEqual(rollout: Rollout, lists: Lists): void {
  expect([rollout.count, rollout.episodes]).toEqual([lists.count, lists.episodes]);
  for (const name of columns) {
    if (name === "noise" && rollout.noise.length === 0) continue;
    for (const [i, want] of lists[name].entries()) {
      if (Number.isNaN(want)) continue; // nothing is read there
      expect(rollout[name][i], `${name}[${i}]`).toBeCloseTo(want, 5);
    }
  }
}

const setups: Record<string, Setup> = {
  "a dense model": {},
  "a model that remembers": { memory: 3 },
  "no critic": { critic: false },
  "masked actions": { walker: { masked: true } },
  "a head whose entropy is sampled": { walker: { action: box(-1, 1, [2]) }, squash: true },
  "episodes without a goal": { walker: { goals: false } },
  "environments that rest": { autoreset: false },
  "environments that rest, a model that remembers": { autoreset: false, memory: 3 },
};

describe("Rollout against lists: three in a row, with", () => {
  for (const [name, setup] of Object.entries(setups)) {
    test(name, () => {
      const [one, two] = [setUp(setup), setUp(setup)];
      const rollout = new Rollout(one.env, one.actor, 9);
      const [random, same] = [new Random(3), new Random(3)];
      for (let round = 0; round < 3; round++) {
        for (const { env } of [one, two]) if (setup.autoreset === false) env.start();
        rollout.collect(random);
        mustEqual(rollout, byHand(two, 9, same));
      }
    });
  }
});

test("columns are as long as what they hold: no mask, noise or memory where there is none", () => {
  const sizes = (setup: Setup): number[] => {
    const { env, actor } = setUp(setup);
    const { size, actionMask, noise, startState, observation, action } = new Rollout(env, actor, 4);
    return [
      size,
      actionMask.length,
      noise.length,
      startState.length,
      observation.length,
      action.length,
    ];
  };
  expect(sizes({})).toEqual([12, 0, 0, 0, 24, 24]);
  expect(sizes({ walker: { masked: true } })).toEqual([12, 60, 0, 0, 24, 24]);
  expect(sizes({ memory: 3, critic: false })).toEqual([12, 0, 0, 18, 24, 24]);
  expect(sizes({ walker: { action: box(-1, 1, [2]) }, squash: true })[2]).toBe(24);
  expect(sizes({ walker: { action: box(-1, 1, [2]) } })[2]).toBe(0);
});

test("where all rest, no step is taken and nothing is left of the rollout before", () => {
  const { env, actor } = setUp({ autoreset: false });
  const rollout = new Rollout(env, actor, 12);
  const random = new Random(3);
  rollout.collect(random);
  expect([rollout.count, rollout.episodes]).toEqual([rollout.mask.reduce((a, b) => a + b, 0), 3]);
  const episodes = [...rollout.episodeLength.subarray(0, 3)];
  expect(episodes.reduce((a, b) => a + b, 0)).toBe(rollout.count);
  const steps = Math.max(...episodes);
  expect(steps).toBeLessThan(12);
  for (let i = steps * envs; i < 12 * envs; i++) {
    expect([rollout.mask[i], rollout.terminated[i], rollout.truncated[i]]).toEqual([0, 1, 0]);
    expect([rollout.reward[i], rollout.value[i]]).toEqual([0, 0]);
  }
  rollout.collect(random);
  expect([rollout.count, rollout.episodes]).toEqual([0, 0]);
  expect([...rollout.mask]).toEqual(new Array(36).fill(0));
  expect([...rollout.terminated]).toEqual(new Array(36).fill(1));
});

test("a rollout has a step or more, a whole number", () => {
  const { env, actor } = setUp({});
  for (const steps of [0, -1, 1.5])
    expect(() => new Rollout(env, actor, steps)).toThrow(RangeError);
  expect(new Rollout(env, actor, 1).size).toBe(3);
});

test("a rollout of 8 steps is two of 4", () => {
  const [one, two] = [setUp({ memory: 2 }), setUp({ memory: 2 })];
  const whole = new Rollout(one.env, one.actor, 8);
  const half = new Rollout(two.env, two.actor, 4);
  whole.collect(new Random(6));
  const random = new Random(6);
  for (let part = 0; part < 2; part++) {
    half.collect(random);
    for (const name of [
      "observation",
      "action",
      "reward",
      "value",
      "nextValue",
      "reset",
    ] as const) {
      const n = half[name].length;
      const want = whole[name].subarray(part * n, (part + 1) * n);
      for (let i = 0; i < n; i++)
        if (name !== "nextValue" || half.terminated[i] === 0)
          expect(half[name][i]).toBeCloseTo(want[i], 5);
    }
  }
});

test("a policy that sees no mask plays an environment that has one: nothing of it is kept", () => {
  const { env, actor } = setUp({ walker: { masked: true } });
  const unmasked = new Actor(actor.model, envs, { masked: false });
  const rollout = new Rollout(env, unmasked, 2);
  rollout.collect(new Random(3));
  expect([rollout.count, rollout.actionMask.length]).toEqual([6, 0]);
});
