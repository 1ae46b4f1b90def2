/** Recurrent policies learn from the memory they acted with, and judge what a rollout came to with the memory it left. */
import { describe, expect, test } from "vitest";
import { a2c, a2cSettings } from "../../../src/algos/a2c.ts";
import { a3c, a3cSettings } from "../../../src/algos/a3c.ts";
import { impala, impalaSettings } from "../../../src/algos/impala.ts";
import { ppo, ppoSettings } from "../../../src/algos/ppo.ts";
import { reinforce, reinforceSettings } from "../../../src/algos/reinforce.ts";
import { Random } from "../../../src/core/random.ts";
import { settle } from "../../../src/core/settings.ts";
import { Actor } from "../../../src/policies/actor.ts";
import { advantages, mean, type Seen } from "./learner.ts";
import { type Row, type Setup, setup, varied, type Watched } from "./play.ts";

const [gamma, lambda, envs, rollout] = [0.9, 0.8, 2, 7];
const common = { envs, gamma, learningRate: 0, entropyWeight: 0 };
const trainers = {
  a2c: (s: Setup) => a2c(s.training, settle(a2cSettings, { ...common, rollout, lambda })),
  ppo: (s: Setup) =>
    ppo(
      s.training,
      settle(ppoSettings, { ...common, rollout, lambda, minibatch: 7, standardize: false }),
    ),
  impala: (s: Setup) =>
    impala(s.training, settle(impalaSettings, { ...common, rollout, lambda, lag: 1 })),
  a3c: (s: Setup) =>
    a3c(s.training, settle(a3cSettings, { ...common, rollout, lambda, envs: 1, workers: 2 })),
  reinforce: (s: Setup) =>
    reinforce(s.training, settle(reinforceSettings, { ...common, standardize: false })),
};

/** Plays what was played again, one environment after the other, by an actor that goes on from update to update. */
function again(s: Setup, autoreset: boolean) {
  const actors = s.env.envs.map(() => {
    const actor = new Actor(s.model, 1);
    actor.reset[0] = 1;
    return actor;
  });
  return (steps: readonly Row[][]): Seen[] => {
    if (!autoreset) for (const actor of actors) actor.reset[0] = 1;
    const columns = actors.map((actor, e) =>
      steps.map((rows, t): Seen => {
        const row = rows[e];
        const [last, after] = [t === steps.length - 1, (t + 1) * envs + e];
        if (!row.taken) return { ...row, old: 0, value: 0, next: 0, last: true, after };
        actor.observation.set(row.x);
        actor.act(new Random(1));
        const value = actor.value[0];
        const over = row.terminated || row.truncated;
        actor.reset[0] = Number(over);
        const next = row.terminated ? 0 : actor.valuesOf(row.reached)[0];
        return { ...row, old: 0, value, next, last: over || last, after };
      }),
    );
    return steps.flatMap((_, t) => columns.map((column) => column[t]));
  };
}

/** The plays of A3C's workers side by side. */
const stepsOf = ({ env }: Setup): Row[][] => {
  if (env.made.length === 0) return env.taken();
  const workers = (env.made as Watched[]).map((worker) => worker.taken());
  return workers[0].map((_, t) => workers.map((steps) => steps[t][0]));
};

describe.each(Object.entries(trainers))("%s", (name, train) => {
  test.each([false, true])("shared body: %s", (shared) => {
    const autoreset = name !== "reinforce";
    const s = setup(envs, 1e9, varied, { memory: 3, hidden: [4], shared, autoreset });
    const reports = train(s);
    const play = again(s, autoreset);
    for (let update = 0; update < 3; update++) {
      const { valueLoss } = reports.next().value as unknown as Record<string, number>;
      const all = play(stepsOf(s));
      const rows = all.filter(({ taken }) => taken);
      // weights stay, so V − target is minus the advantage; REINFORCE's return is λ = 1's
      const A = advantages(all, gamma, autoreset ? lambda : 1).filter((_, i) => all[i].taken);
      expect(rows.length).toBe(A.length);
      expect(valueLoss).toBeCloseTo(mean(A.map((a) => a * a)), 5);
    }
  });
});
