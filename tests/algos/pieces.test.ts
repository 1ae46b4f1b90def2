// @module-tag deep
/** Sampling in pieces by sessions elsewhere: the bits of one session, in any cut and order, also if a piece is done twice. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { ImpalaReport } from "../../src/algos/impala.ts";
import { type Piece, Pieces, type PiecesOptions } from "../../src/algos/pieces.ts";
import { FormatError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import type { State } from "../../src/core/state.ts";
import { nextOf } from "../../src/core/waiting.ts";
import { decodeState, encodeState } from "../../src/io/state-file.ts";
import type { RunRequest } from "../../src/tasks/run.ts";
import type { Session } from "../../src/tasks/session.ts";
import { openConfig } from "../support/sessions.ts";

const never = (): Promise<never> => Promise.reject(new Error("a worker has no helpers"));
const sent = (state: State): State => decodeState(encodeState(state)).state;

/** A session elsewhere, which does pieces that come as bytes. */
function worker(request: RunRequest): (piece: Piece) => State {
  const pieces = new Pieces(never, () => 1);
  openConfig(request, { helpers: pieces }).prepare();
  return ({ weights, start, ...rest }) =>
    sent(pieces.do({ weights: sent(weights), start: sent(start), ...rest }));
}

/** A session whose sampling is done by two workers, in another order than asked for, and some of it twice. */
function helped(request: RunRequest, count: number, options?: PiecesOptions) {
  const workers = [worker(request), worker(request)];
  const chance = new Random(1);
  const run = async (pieces: readonly Piece[]): Promise<State[]> => {
    const results: State[] = [];
    const order = Array.from(pieces, (_, i) => i).concat(0);
    chance.shuffle(order);
    for (const i of order) {
      await new Promise(setImmediate);
      results[i] = workers[chance.below(2)](pieces[i]);
    }
    return results;
  };
  const helpers = new Pieces(run, () => count, options);
  const session = openConfig(request, { helpers });
  session.prepare();
  return { session, helpers };
}

async function train({ reports, training }: Session, updates: number) {
  const said = [];
  for (let i = 0; i < updates; i++) said.push({ ...(await nextOf(reports)).value });
  const state = createHash("sha256").update(encodeState(training.save() as State));
  return { said, state: state.digest("hex") };
}

const text = { sftUpdates: 1, sftTexts: 8, prompts: 4, groupSize: 4, layers: 1, width: 16 };
const trainings: Readonly<Record<string, RunRequest>> = {
  PPO: { task: "cartpole", algo: "ppo", settings: { rollout: 40, envs: 5 } },
  "PPO with memory and masks": {
    task: "taxi",
    algo: "ppo",
    settings: { memory: 4, rollout: 30, envs: 3, minibatch: 30, normalizeReward: false },
  },
  "IMPALA, stale weights": {
    task: "cartpole",
    algo: "impala",
    settings: { normalizeReward: false },
  },
  "PPO with PopArt": { task: "cartpole", algo: "ppo", settings: { rollout: 20, popArt: 0.01 } },
  "REINFORCE, whole episodes": { task: "cartpole", algo: "reinforce", settings: { envs: 4 } },
  "GRPO on episodes": { task: "cartpole", algo: "grpo", settings: { starts: 2, groupSize: 3 } },
  "PPO with statistics, which is sampled at home": {
    task: "pendulum",
    algo: "ppo",
    settings: { rollout: 20 },
  },
  "GRPO on texts": { task: "arith", algo: "grpo", settings: { ...text, topK: 5 } },
  "a greedy baseline": { task: "arith", algo: "remax", settings: text },
  "a dialogue": { task: "guess", algo: "rloo", seed: 1, settings: text },
  "dynamic sampling": { task: "arith", algo: "dapo", settings: { ...text, dynamic: 2 } },
};

/** One of each kind; the others are long together. */
const kinds = new Set([
  "PPO with memory and masks",
  "IMPALA, stale weights",
  "REINFORCE, whole episodes",
  "PPO with statistics, which is sampled at home",
  "GRPO on texts",
]);

describe("the bits of one session", () => {
  for (const [name, request] of Object.entries(trainings)) {
    test(name, { tags: kinds.has(name) ? [] : ["long"] }, async () => {
      const seeded = { seed: 5, steps: 1e6, ...request };
      const alone = await train(openConfig(seeded), 4);
      for (const count of [1, 3]) {
        const { session, helpers } = helped(seeded, count);
        expect(helpers.offered > 0).toBe(!name.includes("at home"));
        expect(await train(session, 4)).toEqual(alone);
      }
    });
  }
});

describe("rollouts that are asked for ahead", () => {
  const begun = { ahead: () => Promise.resolve() };

  test("are one update old, and CartPole is learned from them", async () => {
    const request = { task: "cartpole", algo: "ppo", seed: 3, steps: 30_000 };
    const { session } = helped(request, 2, begun);
    const said = [];
    while (session.training.envSteps < 30_000) said.push((await nextOf(session.reports)).value);
    expect(said.slice(0, 3)).toMatchObject([{ staleness: 0 }, { staleness: 1 }, { staleness: 1 }]);
    expect(said[0]).toMatchObject({ clipFraction: expect.any(Number) });
    expect(session.evaluate(20, 7, true).meanReturn).toBeGreaterThan(300);
  });

  test("come from the weights before the update: IMPALA's ratios say so", async () => {
    const settings = { lag: 1, normalizeReward: false };
    const request = { task: "cartpole", algo: "impala", seed: 3, steps: 1e6, settings };
    const squares = async (options?: PiecesOptions): Promise<number[]> => {
      const { said } = await train(helped(request, 2, options).session, 3);
      return said.map((report) => (report as Partial<ImpalaReport>).meanSquaredLogRatio as number);
    };
    for (const square of await squares()) expect(square).toBeLessThan(1e-9);
    const [first, ...others] = await squares(begun);
    expect(first).toBeLessThan(1e-9);
    for (const square of others) expect(square).toBeGreaterThan(1e-7);
  });
});

test("pieces that do not fit are refused", () => {
  const request = { task: "cartpole", algo: "ppo", seed: 5, settings: { envs: 2 } };
  const taken: Piece[] = [];
  const take = async (pieces: readonly Piece[]): Promise<State[]> => {
    taken.push(...pieces);
    return [];
  };
  openConfig(request, { helpers: new Pieces(take, () => 2) }).reports.next();
  const [piece] = taken;
  const wrong: Partial<Piece>[] = [
    { sampler: 1 },
    { sampler: -1 },
    { first: -1 },
    { end: 3 },
    { first: 1, end: 1 },
    { first: 0.5 },
    { weights: {} },
    { start: {} },
    { start: { ...(piece.start as object), random: [1] } },
    { weights: { weights: { "policy.0.weight": new Float32Array(3) } } },
  ];
  const pieces = new Pieces(never, () => 1);
  openConfig(request, { helpers: pieces }).prepare();
  for (const change of wrong) expect(() => pieces.do({ ...piece, ...change })).toThrow(FormatError);
  expect(pieces.do(piece)).toMatchObject({ taken: 32 });
});
