/** Sampling in pieces by sessions elsewhere: the bits of one session, in any cut and order, also if a piece is done twice. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type Piece, Pieces } from "../../src/algos/pieces.ts";
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
function helped(request: RunRequest, count: number): Session {
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
  return openConfig(request, { helpers: new Pieces(run, () => count) });
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
    settings: { memory: 4, rollout: 30, envs: 3, minibatch: 30 },
  },
  "IMPALA, stale weights": { task: "cartpole", algo: "impala", settings: {} },
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

describe("the bits of one session", () => {
  for (const [name, request] of Object.entries(trainings)) {
    test(name, async () => {
      const seeded = { seed: 5, steps: 1e6, ...request };
      const alone = await train(openConfig(seeded), 4);
      for (const count of [1, 3]) expect(await train(helped(seeded, count), 4)).toEqual(alone);
    });
  }
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
