/** Group estimators on episodes: reports and weights are those of the algorithm written a second time. */
import { describe, expect, test } from "vitest";
import { type EpisodeAlgorithm, episodes } from "../../../src/algos/episodes.ts";
import { type EpisodeConfig, episodeSettings } from "../../../src/algos/group-algorithms.ts";
import { SettingError } from "../../../src/core/errors.ts";
import { settle } from "../../../src/core/settings.ts";
import type { ToyOptions } from "../../support/toy.ts";
import {
  adam,
  clipped,
  gradient,
  Linear,
  look,
  mean,
  norm,
  type Seen,
  thetaOf,
} from "./learner.ts";
import { expectSame, square } from "./losses.ts";
import { algorithmsPlainly, withClip } from "./objectives.ts";
import { setup, masked as threeChoices } from "./play.ts";

const sumOf = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);
const several = { epochs: 2, minibatches: 2 };
/** Episodes of 2 to 5 steps, by the actions chosen, each length with a return of its own. */
const ends: ToyOptions = {
  maxSteps: 5,
  reward: (step) => [0.4, -1, 0.5, 2, -0.7][step % 5],
  end: (step, action) => (step >= 2 && action === 1 ? "terminated" : null),
};
const masked = { ...threeChoices, ...ends };
const positive = { ...ends, reward: (step: number) => [1, 0.2, 0.5, 3, 0.1][step % 5] };
const cases: [EpisodeAlgorithm, Partial<EpisodeConfig>, object?][] = [
  ["rloo", {}],
  ["rloo", { minibatches: 1, entropyWeight: 0.2, maxGradNorm: 0.02 }],
  ["rloo", { anneal: false, warmup: 0 }],
  ["rloo", { klWeight: 0.3, klPlace: "reward", targetKl: 1e-4, minibatches: 1 }],
  ["rloo", { klWeight: 0.3 }],
  ["rloo", { klWeight: 0.3 }, masked],
  ["grpo", several],
  ["grpo", { ...several, clipRange: 0.01 }, masked],
  ["dr-grpo", several],
  ["dapo", several],
  ["dppo", { ...several, learningRate: 0.1 }],
  ["gspo", several],
  ["cispo", several],
  ["maxrl", {}, positive],
  ["reinforce++", several],
  ["mrt", { riskSharpness: 2 }],
  ["best-of-n", {}],
];

describe("as written a second time", () => {
  test.each(cases)("%s %o", (name, changes, toy = ends) => {
    const given = { starts: 4, groupSize: 3, learningRate: 0.03, warmup: 2, reference: true };
    const c = settle(episodeSettings, { ...given, ...changes });
    const count = c.starts * c.groupSize;
    const total = 150;
    const s = setup(count, total, toy, { critic: false, autoreset: false });
    const reports = episodes(s.training, name, c);
    const {
      objective,
      weight,
      baseline,
      kl: ownKl,
    } = withClip(algorithmsPlainly[name], c.clipRange);
    const model = new Linear(s.model);
    let theta = thetaOf(s.model);
    const first = theta;
    const step = adam(1e-8);
    const place = c.klPlace === "own" ? (ownKl?.place ?? "loss") : c.klPlace;
    const k = (l: number, ref: number): number =>
      ownKl === undefined ? square(ref - l) / 2 : l - ref;
    let klWeight = c.klWeight >= 0 ? c.klWeight : (ownKl?.weight ?? 0);
    let [taken, steps] = [0, 0];
    for (let update = 0; update < 3; update++) {
      const updates = steps / (c.epochs * c.minibatches);
      const rise = c.warmup === 0 ? 1 : Math.min(1, (updates + 1) / c.warmup);
      const left = Math.max(0, 1 - taken / total);
      const learningRate = c.learningRate * rise * (c.anneal ? 0.1 + 0.9 * left : 1);
      s.random.orders = [];
      const report = reports.next().value;

      // ---- episodes, each a list of rows
      const seen = look(model, theta, s.env.taken());
      const played: Seen[][] = Array.from({ length: count }, (_, e) =>
        seen.filter((row, i) => i % count === e && row.taken),
      );
      const groupOf = (e: number): number => Math.floor(e / c.groupSize);
      for (const [e, rows] of played.entries()) {
        const longest = played
          .filter((_, o) => groupOf(o) === groupOf(e))
          .sort((a, b) => b.length - a.length)[0];
        for (const [j, { x }] of rows.entries()) expect(x).toEqual(longest[j].x); // one start, one stream of chance
      }
      expect(new Set(played.map(([{ x }]) => String(x))).size).toBe(c.starts);
      const score = played.map((rows) => sumOf(rows.map(({ reward }) => reward)));
      const ref = played.map((rows) => rows.map((row) => model.logProb(first, row)));
      const shaped = score.map((r, e) =>
        place === "reward" && klWeight > 0
          ? r - klWeight * sumOf(played[e].map(({ old }, j) => k(old, ref[e][j])))
          : r,
      );

      // ---- advantages
      const own = (e: number): number[] => shaped.filter((_, o) => groupOf(o) === groupOf(e));
      const best = shaped.map(
        (r, e) =>
          r === Math.max(...own(e)) &&
          r > mean(own(e)) &&
          shaped.findIndex((x, o) => groupOf(o) === groupOf(e) && x === r) === e,
      );
      const counts = played.map((_, e) => baseline !== "best" || best[e]);
      const advantage = shaped.map((r, e) =>
        typeof baseline === "string" ? 1 : baseline(own(e), shaped, 0)(r),
      );

      // ---- passes
      let gradNorm = 0;
      let policyLosses: number[] = [];
      for (let epoch = 0; epoch < c.epochs; epoch++) {
        policyLosses = [];
        const together = baseline === "risk" ? c.groupSize : 1;
        const units = s.random.orders[epoch];
        expect(units.length).toBe(count / together);
        for (let m = 0; m < c.minibatches; m++) {
          const per = units.length / c.minibatches;
          const used = units
            .slice(Math.round(m * per), Math.round((m + 1) * per))
            .flatMap((u) => [...Array(together).keys()].map((j) => u * together + j))
            .filter((e) => counts[e]);
          const N = sumOf(used.map((e) => played[e].length));
          const w = (e: number): number => weight(played[e].length, N, used.length, 5);
          const now = theta;
          const policyLoss = (at: readonly number[]): number => {
            const l = (e: number): number[] => played[e].map((row) => model.logProb([...at], row));
            if (baseline === "risk") {
              const q = (e: number): number => Math.exp(c.riskSharpness * sumOf(l(e)));
              return mean(
                [...new Set(used.map(groupOf))].map((g) => {
                  const candidates = used.filter((e) => groupOf(e) === g);
                  return -sumOf(candidates.map((e) => q(e) * score[e])) / sumOf(candidates.map(q));
                }),
              );
            }
            return -sumOf(
              used.flatMap((e) => {
                const logProb = l(e);
                const sequence = mean(logProb.map((x, j) => x - played[e][j].old));
                return logProb.map(
                  (x, j) =>
                    w(e) *
                    objective(
                      x,
                      played[e][j].old,
                      advantage[e],
                      sequence,
                      model.logProb(now, played[e][j]),
                    ),
                );
              }),
            );
          };
          const rest = (at: readonly number[]): number =>
            sumOf(
              used.flatMap((e) =>
                played[e].map((row, j) => {
                  const kl =
                    place === "loss" ? klWeight * k(model.logProb([...at], row), ref[e][j]) : 0;
                  return w(e) * (kl - c.entropyWeight * model.entropy([...at], row));
                }),
              ),
            );
          const more =
            baseline === "risk" || c.entropyWeight > 0 || (place === "loss" && klWeight > 0);
          if (!used.some((e) => more || advantage[e] !== 0)) continue;
          policyLosses.push(policyLoss(theta));
          const g = gradient((at) => policyLoss(at) + rest(at), theta);
          gradNorm = norm(g);
          theta = step(theta, clipped(g, c.maxGradNorm), learningRate);
          steps++;
        }
      }
      const all = played.flatMap((rows, e) => rows.map(({ old }, j) => ref[e][j] - old));
      const kl = mean(all.map((d) => Math.exp(d) - 1 - d));
      taken += all.length;
      expectSame(s, theta, report, {
        learningRate,
        gradNorm,
        klWeight,
        kl,
        policyLoss: policyLosses.length === 0 ? 0 : mean(policyLosses),
        rewardStd: Math.sqrt(mean(score.map((r) => square(r - mean(score))))),
        signal: mean(
          [...Array(c.starts).keys()].map((g) =>
            Number(new Set(score.slice(g * c.groupSize, (g + 1) * c.groupSize)).size > 1),
          ),
        ),
        envSteps: taken,
        episodes: (update + 1) * count,
      });
      if (c.targetKl > 0) {
        if (kl < c.targetKl / 1.5) klWeight /= 2;
        else if (kl > 1.5 * c.targetKl) klWeight *= 2;
      }
    }
  });
});

test("without a reference its KL is not a number, and nothing else differs", () => {
  const report = (reference: boolean): Record<string, number> => {
    const c = settle(episodeSettings, { starts: 2, groupSize: 2, reference });
    const s = setup(4, 60, ends, { critic: false, autoreset: false });
    const reports = episodes(s.training, "grpo", c);
    reports.next();
    return { ...reports.next().value } as unknown as Record<string, number>;
  };
  const [{ kl, ...rest }, { kl: none, ...others }] = [report(true), report(false)];
  expect(kl).toBeGreaterThan(0);
  expect(none).toBeNaN();
  expect(others).toEqual(rest);
});

test("what has no end, has memory, or would be compared with itself alone is refused", () => {
  const run = (changes: object, toy: object = ends, options: object = {}) => {
    const c = settle(episodeSettings, { starts: 1, groupSize: 2, ...changes });
    const s = setup(c.starts * c.groupSize, 10, toy, {
      critic: false,
      autoreset: false,
      ...options,
    });
    return episodes(s.training, "grpo", c);
  };
  expect(() => run({})).not.toThrow();
  expect(() => run({ groupSize: 1 })).toThrow(SettingError);
  expect(() => run({}, { ...ends, maxSteps: Infinity })).toThrow(/whose episodes end/);
  expect(() => run({}, ends, { memory: 4 })).toThrow(/without memory/);
});
