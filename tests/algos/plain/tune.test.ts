// @module-tag deep
/** Learning from rewards on completions: reports and weights are those of the algorithm written a second time. */
import { describe, test } from "vitest";
import {
  type GroupAlgorithmName,
  type TuneConfig,
  tuneSettings,
} from "../../../src/algos/group-algorithms.ts";
import { inStages } from "../../../src/algos/language-training.ts";
import { type TuneReport, tuning } from "../../../src/algos/tune.ts";
import { settle } from "../../../src/core/settings.ts";
import { endToken, promptTokens, type TextTask } from "../../../src/text/task.ts";
import { adam, clipped, mean, norm, standardized } from "./learner.ts";
import { expectNear, expectReport, square } from "./losses.ts";
import { algorithmsPlainly, withClip } from "./objectives.ts";
import { letters, Reader, type Written, writing } from "./writer.ts";

const sumOf = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);
type Changes = Partial<TuneConfig>;
const several = { epochs: 2, minibatches: 2 };
const unscored = letters();
const taskWithout = letters({
  reward: (prompt, text, made) =>
    text.startsWith("b") ? Number.NaN : unscored.reward(prompt, text, made),
});
const positive = letters({ reward: (prompt, text) => Number(text.startsWith(prompt)) });

const cases: [GroupAlgorithmName, Changes, TextTask?][] = [
  ["rloo", {}],
  ["rloo", { temperature: 0.6 }],
  ["rloo", { topK: 2 }],
  ["rloo", { entropyWeight: 0.2, topK: 3, temperature: 1.5 }],
  ["rloo", { maxGradNorm: 0.01 }],
  ["rloo", { anneal: false, warmup: 0 }],
  ["rloo", { warmup: 3, minibatches: 2 }],
  ["rloo", { klWeight: 0.3 }],
  ["rloo", { klWeight: 0.3, klPlace: "reward" }],
  ["rloo", { klWeight: 0.3, klPlace: "reward", klEstimator: "k1", targetKl: 1e-4 }],
  ["rloo", { klWeight: 0.3, klEstimator: "k3", targetKl: 10 }],
  ["rloo", {}, taskWithout],
  ["rloo", { missingEnd: 0.7, cutShortFactor: 0.5 }],
  ["rloo", { cutShort: "leave" }],
  ["grpo", several],
  ["grpo", { ...several, clipRange: 0.01, minibatches: 3 }],
  ["grpo", { klWeight: 0.3, ...several }, taskWithout],
  ["dr-grpo", several],
  ["dapo", { ...several, cutShort: "leave" }],
  ["dppo", { ...several, learningRate: 0.1 }],
  ["gspo", several],
  ["cispo", several],
  ["maxrl", {}, positive],
  ["reinforce", {}],
  ["reinforce++", several],
  ["reinforce++", { klWeight: 0 }],
  ["remax", { groupSize: 2 }],
  ["ppo", { ...several, klWeight: 0.2, lambda: 0.5 }],
  ["ppo", { ...several, standardize: false, valueWeight: 0.1 }, taskWithout],
  ["a2c", {}],
  ["mrt", { riskSharpness: 2 }],
  ["mrt", { ...several, klWeight: 0.1 }, taskWithout],
  ["best-of-n", {}],
];

describe("as written a second time", () => {
  test.each(cases)("%s %o", (name, changes, task = letters()) => {
    const given = { prompts: 4, groupSize: 3, learningRate: 0.03, warmup: 2, ...changes };
    const c = settle(tuneSettings, given);
    const budget = 150;
    const { t, random } = writing(task, budget);
    const reports = inStages(t, [tuning(t, name, c)]);
    const {
      objective,
      weight,
      baseline,
      kl: ownKl,
    } = withClip(algorithmsPlainly[name], c.clipRange);
    const reader = new Reader(t.gpt, c.temperature);
    const reference = new Reader(t.gpt, c.temperature);
    const step = adam(1e-8);
    const place =
      c.klPlace === "own" ? (ownKl?.place ?? (name === "ppo" ? "reward" : "loss")) : c.klPlace;
    const usual = ownKl !== undefined || name === "ppo" ? "k1" : "k2";
    const estimator = c.klEstimator === "own" ? usual : c.klEstimator;
    const k = (l: number, ref: number, kind: string = estimator): number => {
      const d = ref - l;
      return kind === "k1" ? -d : kind === "k2" ? (d * d) / 2 : Math.exp(d) - 1 - d;
    };
    let klWeight = c.klWeight >= 0 ? c.klWeight : (ownKl?.weight ?? 0);
    let [sampledTokens, steps] = [0, 0];
    for (let update = 0; update < (c.warmup === 3 ? 3 : 2); update++) {
      const left = Math.max(0, 1 - sampledTokens / budget);
      const rise =
        c.warmup === 0 ? 1 : Math.min(1, (steps / (c.epochs * c.minibatches) + 1) / c.warmup);
      const learningRate = c.learningRate * rise * (c.anneal ? 0.1 + 0.9 * left : 1);
      const [greedyOf, greedyLength] = [new Map<string, number>(), new Map<string, number>()];
      if (name === "remax")
        for (const prompt of task.prompts.train) {
          const made = reader.greedy(task, promptTokens(task, prompt));
          const ends = made.at(-1) === task.tokenizer.special(endToken);
          const text = task.tokenizer.decode(ends ? made.slice(0, -1) : made);
          greedyOf.set(prompt, task.reward(prompt, text, made));
          greedyLength.set(prompt, made.length);
        }
      const report = reports.next().value as TuneReport;
      const { orders } = random;
      random.orders = [];
      const learned = t.batch as NonNullable<typeof t.batch>;
      const { completions: batch, prompts } = learned;

      // ---- what was written
      const count = c.prompts * c.groupSize;
      const vocab = task.tokenizer.vocab;
      const samples = Array.from({ length: count }, (_, i) => {
        const tokens = batch.tokensOf(i);
        const rows = (at: number): number[] => {
          const start = (i * batch.steps + at) * vocab;
          return Array.from(batch.support?.subarray(start, start + vocab) ?? []);
        };
        const support = batch.support === null ? null : tokens.map((_, j) => rows(j));
        const written: Written = { prompt: promptTokens(task, prompts[i]), tokens, support };
        const text = task.tokenizer.decode(batch.tokensOf(i, false));
        const score = task.reward(prompts[i], text, tokens);
        const ended = batch.endLength[i] === 1;
        const reward = ended ? score : score * c.cutShortFactor - c.missingEnd;
        const counts = !Number.isNaN(score) && (ended || c.cutShort === "score");
        const [old, ref] = [reader, reference].map((by) => by.read(written));
        return { written, score, reward, ended, counts, old, ref: ref.logProb, prompt: prompts[i] };
      });
      const groupOf = (i: number): number => Math.floor(i / c.groupSize);

      // ---- advantages, token by token
      const inReward = klWeight > 0 && place === "reward" ? klWeight : 0;
      const penalty = samples.map(({ old, ref }) =>
        old.logProb.map((l, j) => inReward * (inReward > 0 ? k(l, ref[j]) : 0)),
      );
      const shaped = samples.map((s, i) => s.reward - penalty[i].reduce((a, b) => a + b, 0));
      const countsIn = (of: (i: number) => boolean): number[] =>
        shaped.filter((_, i) => samples[i].counts && of(i));
      const best = samples.map((s, i) => {
        const own = countsIn((j) => groupOf(j) === groupOf(i));
        const top = Math.max(...own);
        const first = samples.findIndex(
          (o, j) => groupOf(j) === groupOf(i) && o.counts && shaped[j] === top,
        );
        return s.counts && i === first && top > mean(own);
      });
      const counts = samples.map((s, i) => (baseline === "best" ? best[i] : s.counts));
      const target = samples.map((s, i) =>
        s.old.value.map((_, j) => {
          let [A, next] = [0, 0];
          for (let at = s.old.value.length - 1; at >= j; at--) {
            const last = at === s.old.value.length - 1;
            const delta = (last ? s.reward : 0) - penalty[i][at] + next - s.old.value[at];
            A = delta + c.lambda * A;
            next = s.old.value[at];
          }
          return A + s.old.value[j];
        }),
      );
      let advantage = samples.map((s, i) =>
        s.old.logProb.map((_, j) => {
          if (!counts[i]) return 0;
          if (baseline === "value") return target[i][j] - s.old.value[j];
          if (baseline === "best" || baseline === "risk") return 1;
          const own = countsIn((m) => groupOf(m) === groupOf(i));
          const all = countsIn(() => true);
          return own.length < 2 && name !== "remax" && all.length < 2
            ? 0
            : baseline(own, all, greedyOf.get(s.prompt) ?? 0)(shaped[i]);
        }),
      );
      if (baseline === "value" && c.standardize) {
        const flat = standardized(advantage.filter((_, i) => counts[i]).flat());
        let at = 0;
        advantage = advantage.map((row, i) => (counts[i] ? row.map(() => flat[at++]) : row));
      }

      // ---- passes
      let gradNorm = 0;
      let policyLosses: number[] = [];
      let valueLosses: number[] = [];
      const together = baseline === "risk" ? c.groupSize : 1;
      for (let epoch = 0; epoch < c.epochs; epoch++) {
        policyLosses = [];
        valueLosses = [];
        const order = orders[epoch].flatMap((g) =>
          [...Array(together).keys()].map((j) => g * together + j),
        );
        for (let m = 0; m < c.minibatches; m++) {
          const per = orders[epoch].length / c.minibatches;
          const chosen = order.slice(
            Math.round(m * per) * together,
            Math.round((m + 1) * per) * together,
          );
          const used = chosen.filter((i) => counts[i]);
          const N = used.reduce((n, i) => n + samples[i].written.tokens.length, 0);
          const [S, T] = [used.length, batch.steps];
          const now = new Map(chosen.map((i) => [i, reader.read(samples[i].written)]));
          const l0 = (i: number) => now.get(i)?.logProb ?? [];
          const policyOf = (i: number, l: readonly number[]): number => {
            const { old } = samples[i];
            const sequence = mean(l.map((x, j) => x - old.logProb[j]));
            const w = weight(l.length, N, S, T);
            return l.reduce((sum, x, j) => {
              const value = objective(x, old.logProb[j], advantage[i][j], sequence, l0(i)[j]);
              return sum - w * value;
            }, 0);
          };
          const risk = (of: (i: number) => readonly number[]): number => {
            const groups = [...new Set(chosen.map(groupOf))];
            return mean(
              groups.map((g) => {
                const own = used.filter((i) => groupOf(i) === g); // no one else is a candidate
                const q = own.map((i) => Math.exp(c.riskSharpness * sumOf(of(i))));
                return own.reduce((sum, i, j) => sum - (q[j] * samples[i].reward) / sumOf(q), 0);
              }),
            );
          };
          const h = 1e-5;
          let valueLoss = 0;
          const slopes = used.map((i) => {
            const l = l0(i);
            const w = weight(l.length, N, S, T);
            const { ref } = samples[i];
            const klTerm = (x: number, j: number): number =>
              klWeight > 0 && place === "loss" ? klWeight * w * k(x, ref[j]) : 0;
            const logProb = l.map((x, j) => {
              const at = (d: number): number => {
                const moved = l.map((y, m2) => (m2 === j ? y + d : y));
                const policy =
                  baseline === "risk" ? risk((o) => (o === i ? moved : l0(o))) : policyOf(i, moved);
                return policy + klTerm(x + d, j);
              };
              return (at(h) - at(-h)) / (2 * h);
            });
            const entropy = l.map(() => -c.entropyWeight * w);
            const error = (now.get(i)?.value ?? []).map((v, j) => v - target[i][j]);
            const value = error.map((e) => (baseline === "value" ? 2 * c.valueWeight * w * e : 0));
            valueLoss += w * error.reduce((sum, e) => sum + square(e), 0);
            return [samples[i].written, { logProb, entropy, value }] as const;
          });
          const more =
            baseline === "risk" ||
            baseline === "value" ||
            c.entropyWeight > 0 ||
            (place === "loss" && klWeight > 0);
          const pulls = used.some((i) => more || advantage[i].some((A) => A !== 0));
          if (!pulls) continue;
          policyLosses.push(
            baseline === "risk" ? risk(l0) : used.reduce((sum, i) => sum + policyOf(i, l0(i)), 0),
          );
          if (baseline === "value") valueLosses.push(valueLoss);
          const g = reader.gradient(slopes);
          gradNorm = norm(g);
          reader.theta = step(reader.theta, clipped(g, c.maxGradNorm), learningRate);
          steps++;
        }
      }

      // ---- the same
      const written = samples.flatMap(({ written: { tokens } }) => tokens);
      const scores = samples.map((s) => s.score).filter((s) => !Number.isNaN(s));
      const logProbs = samples.flatMap((s) => s.old.logProb.map((l, j) => k(l, s.ref[j], "k3")));
      const kl = mean(logProbs);
      const groups = [...Array(c.prompts).keys()].map((g) =>
        samples
          .slice(g * c.groupSize, (g + 1) * c.groupSize)
          .map((s) => s.score)
          .filter((s) => !Number.isNaN(s)),
      );
      sampledTokens += written.length;
      for (let g = 0; g < c.prompts && name === "remax"; g++)
        sampledTokens += greedyLength.get(samples[g * c.groupSize].prompt) ?? 0;
      expectReport(report, {
        learningRate,
        gradNorm,
        klWeight,
        kl,
        meanReturn: mean(scores),
        rewardStd: Math.sqrt(mean(scores.map((r) => square(r - mean(scores))))),
        meanLength: written.length / count,
        entropy: mean(samples.flatMap((s) => s.old.entropy)),
        cutShort: mean(samples.map((s) => Number(!s.ended))),
        unscored: mean(samples.map((s) => Number(Number.isNaN(s.score)))),
        signal: mean(groups.map((own) => Number(new Set(own).size > 1))),
        policyLoss: policyLosses.length === 0 ? 0 : mean(policyLosses),
        valueLoss: valueLosses.length === 0 ? 0 : mean(valueLosses),
        envSteps: sampledTokens,
        episodes: (update + 1) * count,
        update: update + 1,
      });
      const got = t.gpt.parameters.list.flatMap(({ data }) => Array.from(data));
      for (const [i, v] of reader.theta.entries()) expectNear(got[i], v, `weight ${i}`);
      if (c.targetKl > 0) {
        if (kl < c.targetKl / 1.5) klWeight /= 2;
        else if (kl > 1.5 * c.targetKl) klWeight *= 2;
      }
    }
  });
});
