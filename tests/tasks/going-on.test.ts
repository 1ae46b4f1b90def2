/** Sessions loaded and resumed: seeds, workers, self-play. */
import { beforeAll, describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { ConnectFour } from "../../src/envs/connect-four.ts";
import { RunningMoments } from "../../src/returns/running.ts";
import {
  type EnvironmentSession,
  isThreaded,
  openWorker,
} from "../../src/tasks/environment-session.ts";
import { environmentTasks } from "../../src/tasks/environments.ts";
import { configOf, openConfig, openControl } from "../support/sessions.ts";
import { session } from "../support/small-session.ts";

const weights = ({ training }: EnvironmentSession): number[] =>
  training.model.parameters.list.flatMap(({ data }) => [...data]);

describe("seeds and steps", () => {
  test("a seed is the weights, the environments and the chance; another is others", () => {
    const starts = ({ training }: EnvironmentSession): number[] => {
      training.env.start();
      return [...training.env.observation];
    };
    const of = (seed: number): [number[], number[], number[]] => {
      const one = session({}, { task: "cartpole", seed });
      return [weights(one), starts(one), one.training.random.save()];
    };
    expect(of(5)).toEqual(of(5));
    const [a, b] = [of(5), of(6)];
    for (const i of [0, 1, 2]) expect(a[i]).not.toEqual(b[i]);
    const [, first] = of(5);
    expect(first.slice(0, 4)).not.toEqual(first.slice(4)); // the environments of one session differ
    expect(session({}, { steps: 77 }).training.totalSteps).toBe(77);
  });
  test("settings of the rollout change no weight", () => {
    expect(weights(session({ envs: 3, rollout: 8, gamma: 0.5 }))).toEqual(weights(session()));
  });
});

describe("training, evaluating, loading", () => {
  let trained: EnvironmentSession;
  beforeAll(() => {
    trained = session({ normalizeObservation: true, popArt: 0.1 });
    for (let i = 0; i < 3; i++) trained.reports.next();
  });

  test("reports count updates and steps; prepare begins once, and reports go on from it", () => {
    const one = session();
    one.prepare();
    one.prepare();
    expect(one.training.update).toBe(0);
    const { value } = one.reports.next();
    expect([value.update, value.envSteps]).toEqual([1, 8]);
    const two = session();
    expect(two.reports.next().value).toEqual(value);
    expect(weights(two)).toEqual(weights(one));
  });

  test("evaluate plays in an environment of its own, under the training's statistics, and changes nothing", () => {
    const before = JSON.stringify(trained.training.save());
    const seen: number[] = [];
    const { returns } = trained.play(3, 5, true, (_, actor, env) => {
      expect(trained.training.env.envs).not.toContain(env.envs[0]);
      seen.push(actor.observation[0]);
    });
    expect(JSON.stringify(trained.training.save())).toBe(before);
    expect(trained.evaluate(3, 5, true).returns).toEqual(returns);
    const { mean, variance } = trained.training.env.moments as RunningMoments;
    expect(seen[0]).toBeCloseTo((-1 - mean[0]) / Math.sqrt(variance[0] + 1e-8), 5);
  });

  test("load takes weights, statistics of observations and PopArt's; not counters, not chance", () => {
    const to = session({ normalizeObservation: true, popArt: 0.1 }, { seed: 9 });
    const random = to.training.random.save();
    expect(to.load(trained.training.save())).toEqual([]);
    expect(weights(to)).toEqual(weights(trained));
    expect(to.training.env.moments?.save()).toEqual(trained.training.env.moments?.save());
    expect(to.training.model.popArt?.save()).toEqual(trained.training.model.popArt?.save());
    expect([to.training.update, to.training.envSteps]).toEqual([0, 0]);
    expect(to.training.random.save()).toEqual(random);
    expect(to.evaluate(2, 5, true).returns).toEqual(trained.evaluate(2, 5, true).returns);
    expect(() => session({ popArt: 0.1 }).load(trained.training.save())).toThrow(FormatError);
    expect(() =>
      session({ normalizeObservation: true, hidden: [5] }).load(trained.training.save()),
    ).toThrow(FormatError);
    const plain = session({ normalizeObservation: true });
    plain.prepare();
    const scaled = session({ normalizeObservation: true, popArt: 0.1 }, { seed: 9 });
    const statistics = scaled.training.model.popArt?.save();
    scaled.load(plain.training.save());
    expect(scaled.training.model.popArt?.save()).toEqual(statistics);
    plain.load(trained.training.save()); // nothing to scale: the statistics are left
  });

  test("a saved training goes on to the last bit; with other environments it keeps weights and counts", () => {
    const make = (saved: unknown, settings: object = {}, renews = false): EnvironmentSession =>
      openControl(
        session({ normalizeObservation: true, ...settings }).config,
        saved as never,
        renews,
      );
    const one = make(null);
    for (let i = 0; i < 3; i++) one.reports.next();
    const saved = structuredClone(one.training.save());
    const two = make(saved);
    two.prepare();
    expect(two.training.update).toBe(3);
    expect(two.reports.next().value).toEqual(one.reports.next().value);
    expect(weights(two)).toEqual(weights(one));
    const either = openConfig(one.config, { saved: saved as never });
    either.prepare();
    expect(either.reports.next().value).toEqual(make(saved).reports.next().value);
    const more = make(saved, { envs: 3 }, true);
    more.prepare();
    expect([more.training.update, more.training.envSteps, more.training.env.envs.length]).toEqual([
      3, 24, 3,
    ]);
    expect(more.training.env.moments?.save().count).toBeGreaterThan(20);
    expect(() => make(saved, { envs: 3 }).prepare()).toThrow(FormatError);
  });
});

describe("workers", () => {
  const { run } = session({ envs: 2, normalizeObservation: true });
  test("each has chance and environments of its own, as many as `envs`, and the statistics given", () => {
    const shared = new RunningMoments(1);
    const sizes: number[] = [];
    const [a, b] = [0, 1].map((i) =>
      openWorker(run as never, i, (size) => {
        sizes.push(size);
        return shared;
      }),
    );
    expect(sizes).toEqual([1, 1]);
    expect([a.env.moments, b.env.moments, a.env.envs.length]).toEqual([shared, shared, 2]);
    expect(a.random.save()).not.toEqual(b.random.save());
    expect(openWorker(run as never, 1).random.save()).toEqual(b.random.save());
    expect(openWorker(run as never, 1).env.moments).not.toBe(shared);
    const own = session({ envs: 2 }).training.random.save();
    for (const worker of [a, b]) expect(worker.random.save()).not.toEqual(own);
  });
  test("threads: A3C with more than one", () => {
    const of = (algo: string, settings: object): boolean =>
      isThreaded({ algo, settings: settings as never });
    expect([
      of("a3c", { threads: 2 }),
      of("a3c", { threads: 1 }),
      of("a3c", {}),
      of("ppo", { threads: 2 }),
    ]).toEqual([true, false, false, false]);
  });
  test("a threaded training that goes on has its counts and weights before the first report", () => {
    const request = {
      task: "line",
      algo: "a3c",
      backend: "loops",
      settings: { hidden: [3], envs: 1, workers: 2 },
    };
    const one = openControl(configOf(request));
    for (let i = 0; i < 4; i++) one.reports.next();
    const threads = configOf({
      ...request,
      seed: 8,
      settings: { ...request.settings, threads: 2 },
    });
    const two = openControl(threads, one.training.save());
    expect(two.training.update).toBe(0);
    two.prepare();
    expect([two.training.update, two.training.envSteps]).toEqual([
      one.training.update,
      one.training.envSteps,
    ]);
    expect(weights(two)).toEqual(weights(one));
    const fresh = openControl(threads);
    const before = weights(fresh);
    fresh.prepare();
    expect(weights(fresh)).toEqual(before);
  });
});

describe("self-play", () => {
  const game = () => session({ envs: 3, rollout: 4, minibatch: 12 }, { task: "connect-four" });
  test("every environment of the training has an opponent of the league's; one to evaluate in plays at random", () => {
    const { training, makeEnv } = game();
    const { opponent: random } = makeEnv() as ConnectFour;
    const opponents = training.env.envs.map((env) => (env as ConnectFour).opponent);
    expect(new Set(opponents).size).toBe(3);
    expect(opponents).not.toContain(random);
    expect(random).toBe((new ConnectFour() as ConnectFour).opponent);
  });
  test("the league goes on with each update, and is saved with the training", () => {
    const one = game();
    const past = (s: EnvironmentSession): number =>
      (s.training.save() as { league: { past: unknown[] } }).league.past.length;
    one.prepare();
    expect(past(one)).toBe(0);
    for (let i = 0; i < 11; i++) one.reports.next();
    expect(past(one)).toBe(2); // of updates 1 and 11
    const two = openControl(one.config, structuredClone(one.training.save()));
    expect(two.reports.next().value).toEqual(one.reports.next().value);
    expect(weights(two)).toEqual(weights(one));
    expect(session().training.save()).not.toHaveProperty("league");
    expect(session().training.onUpdate).toBeNull();
  });
});

test("every task has settings that its environment reads, and presets that its algorithms take", () => {
  for (const [task, { presets = {}, settings }] of Object.entries(environmentTasks)) {
    for (const algo of Object.keys(presets)) {
      const { settings: values } = configOf({ task, algo, backend: "loops" });
      for (const [name, value] of Object.entries(
        (presets as never as Record<string, Record<string, unknown>>)[algo],
      ))
        if (name !== "steps") expect(values[name], `${task} ${algo} ${name}`).toEqual(value);
    }
    const env = (environmentTasks as Record<string, typeof environmentTasks.line>)[task].make(
      configOf({ task, backend: "loops" }).settings as never,
    );
    const { maxSteps } = settings;
    if (maxSteps !== undefined) expect(env.maxSteps).toBe(maxSteps.initial);
  }
});
