/** Return scans. The schema's rlax cases are [batch, time] with a discount a step: transposed here. */
import * as math from "../../../src/core/math.ts";
import { lambdaReturns } from "../../../src/extra/lambda.ts";
import { nStepReturns } from "../../../src/extra/n-step.ts";
import { discountedReturns, rewardToGo } from "../../../src/returns/discounted.ts";
import { gae } from "../../../src/returns/gae.ts";
import { explainedVariance, standardize } from "../../../src/returns/normalize.ts";
import { RewardScaler, RunningMoments } from "../../../src/returns/running.ts";
import { nextValues, type Transitions } from "../../../src/returns/transitions.ts";
import { vtrace } from "../../../src/returns/vtrace.ts";
import { decode } from "../compare.ts";
import type { Adapter, Float, VectorCase } from "../types.ts";

/** n numbers of the element type. */
const make = (float: Float, n: number, at: (i: number) => number): Float32Array | Float64Array =>
  new float(n).map((_, i) => at(i));
const column = (c: VectorCase, name: string, float: Float) => float.from(decode(c.inputs[name]));

function transitions(c: VectorCase, float: Float): Transitions {
  const reward = column(c, "rewards", float);
  const envs = c.inputs.rewards.shape[1];
  const nextValue = new float(reward.length);
  const [value, terminated, truncated] = ["values", "terminated", "truncated"].map((n) =>
    column(c, n, float),
  );
  nextValues(nextValue, {
    value,
    lastValue: decode(c.inputs.lastValues),
    finalValue: decode(c.inputs.finalValues),
    terminated,
    truncated,
    envs,
  });
  return { envs, reward, value, nextValue, terminated, truncated };
}

/** [batch, time] ↔ [time, batch] */
function transposed(x: ArrayLike<number>, rows: number, float: Float): Float32Array | Float64Array {
  const columns = x.length / rows;
  return make(float, x.length, (i) => x[(i % rows) * columns + Math.floor(i / rows)]);
}

/** A rlax case as transitions: no ends, each step's own discount. */
function rlax(c: VectorCase, float: Float) {
  const [B, T] = c.inputs.rewards.shape;
  const turned = (name: string) => transposed(decode(c.inputs[name]), B, float);
  const reward = turned("rewards");
  const zeros = new float(B * T);
  const values = c.inputs.values === undefined ? null : decode(c.inputs.values);
  const width = c.inputs.values?.shape[1] ?? T;
  const at = (b: number, t: number): number =>
    t < width ? (values?.[b * width + t] ?? 0) : decode(c.inputs.bootstrap)[b];
  const value = make(float, B * T, (i) => at(i % B, Math.floor(i / B)));
  let nextValue = make(float, B * T, (i) =>
    values === null ? 0 : at(i % B, Math.floor(i / B) + 1),
  );
  if (c.inputs.nextValues !== undefined) nextValue = turned("nextValues");
  else if (c.inputs.bootstrap !== undefined && values === null) {
    nextValue = make(float, B * T, (i) =>
      i >= B * (T - 1) ? decode(c.inputs.bootstrap)[i % B] : 0,
    );
  }
  const r: Transitions = { envs: B, reward, value, nextValue, terminated: zeros, truncated: zeros };
  const back = (x: ArrayLike<number>) => transposed(x, T, float);
  return { r, out: new float(B * T), discount: turned("discounts"), back, B, T };
}

/** ln π(action) of each row of logits [rows, actions]. */
function logProbs(logits: ArrayLike<number>, actions: ArrayLike<number>): Float64Array {
  const n = logits.length / actions.length;
  return Float64Array.from(actions, (a, row) => {
    const x = Array.from({ length: n }, (_, j) => logits[row * n + j]);
    const max = Math.max(...x);
    return x[a] - max - math.log(x.reduce((sum, v) => sum + math.exp(v - max), 0));
  });
}

export const scans: Record<string, Adapter> = {
  gae: (c, float) => {
    const r = transitions(c, float);
    const advantages = new float(r.reward.length);
    gae(advantages, r, c.attrs?.gamma, c.attrs?.lambda);
    return { advantages, returns: advantages.map((a, i) => a + r.value[i]) };
  },
  lambdaReturns: (c, float) => {
    const r = transitions(c, float);
    const returns = new float(r.reward.length);
    lambdaReturns(returns, r, c.attrs?.gamma, c.attrs?.lambda);
    return { returns };
  },
  discountedReturns: (c, float) => {
    const r = transitions(c, float);
    const returns = new float(r.reward.length);
    discountedReturns(returns, r, c.attrs?.gamma);
    return { returns };
  },
  rewardToGo: (c, float) => {
    const reward = column(c, "rewards", float);
    const ends = { terminated: decode(c.inputs.done), truncated: new float(reward.length) };
    rewardToGo(reward, { envs: c.inputs.rewards.shape[1] ?? 1, reward, ...ends }, c.attrs?.gamma);
    return { returns: reward };
  },
  nStepReturns: (c, float) => {
    const r = transitions(c, float);
    const returns = new float(r.reward.length);
    nStepReturns(returns, r, c.attrs?.gamma, c.attrs?.n);
    return { returns };
  },
  vtrace: (c, float) => {
    const r = transitions(c, float);
    const [vs, pgAdvantages] = [new float(r.reward.length), new float(r.reward.length)];
    const { gamma, lambda, rhoBar, cBar, pgRhoBar } = c.attrs ?? {};
    const caps = { lambda, rhoBar, cBar, pgRhoBar };
    vtrace({ target: vs, advantage: pgAdvantages }, r, column(c, "logRhos", float), gamma, caps);
    return { vs, pgAdvantages };
  },
  standardize: (c, float) => {
    const y = column(c, "x", float);
    standardize(y, y, { ddof: c.attrs?.ddof, eps: c.attrs?.eps });
    return { y };
  },
  "standardize.masked": (c, float) => {
    const y = column(c, "x", float);
    const mask = decode(c.inputs.mask);
    standardize(y, y, { ddof: c.attrs?.ddof, eps: c.attrs?.eps, mask });
    return { y };
  },
  runningMeanStd: (c) => {
    const batches = Object.keys(c.inputs).filter((name) => name.startsWith("batch")).length;
    const moments = new RunningMoments(c.inputs.batch0.shape[1], c.attrs?.initialCount);
    moments.mean.fill(c.attrs?.initialMean);
    moments.variance.fill(c.attrs?.initialVar);
    const got: Record<string, Float64Array> = {};
    for (let i = 0; i < batches; i++) {
      const batch = decode(c.inputs[`batch${i}`]);
      moments.update(batch);
      got[`mean${i}`] = moments.mean.slice();
      got[`var${i}`] = moments.variance.slice();
      got.normalized = batch;
    }
    const { eps, clip } = c.attrs ?? {};
    moments.normalize(got.normalized, got.normalized, { eps, clip });
    return got;
  },
  rewardNormalisation: (c) => {
    const [rewards, done] = [decode(c.inputs.rewards), decode(c.inputs.done)];
    const { gamma, eps, clip } = c.attrs ?? {};
    const scaler = new RewardScaler(c.inputs.rewards.shape[1], { gamma, eps, clip });
    scaler.scale(rewards, rewards, done, new Float64Array(done.length));
    return { normalized: rewards, finalVar: scaler.moments.variance };
  },
  explainedVariance: (c) => ({
    ev: [explainedVariance(decode(c.inputs.pred), decode(c.inputs.target))],
  }),

  "rlax.lambdaReturns": (c, float) => {
    const { r, out, discount, back } = rlax(c, float);
    lambdaReturns(out, r, discount, c.attrs?.lambda);
    return { returns: back(out) };
  },
  "rlax.discountedReturns": (c, float) => {
    const { r, out, discount, back } = rlax(c, float);
    discountedReturns(out, r, discount);
    return { returns: back(out) };
  },
  "rlax.nStepReturns": (c, float) => {
    const { r, out, discount, back } = rlax(c, float);
    nStepReturns(out, r, discount, c.attrs?.n);
    return { returns: back(out) };
  },
  "rlax.gae": (c, float) => {
    const { r, out, discount, back } = rlax(c, float);
    gae(out, r, discount, c.attrs?.lambda);
    return { advantages: back(out) };
  },
  "rlax.vtrace": (c, float) => {
    const { r, out, discount, back, B } = rlax(c, float);
    const actions = decode(c.inputs.actions);
    const [target, behaviour] = ["targetLogits", "behaviourLogits"].map((n) =>
      logProbs(decode(c.inputs[n]), actions),
    );
    const logRatio = transposed(
      target.map((x, i) => x - behaviour[i]),
      B,
      float,
    );
    const advantage = new float(out.length);
    const { rhoBar, pgRhoBar, lambda } = c.attrs ?? {};
    vtrace({ target: out, advantage }, r, logRatio, discount, {
      lambda,
      rhoBar,
      cBar: 1,
      pgRhoBar,
    });
    return {
      errors: back(out.map((v, i) => v - r.value[i])),
      pgAdvantages: back(advantage),
      rho: back(logRatio.map((x) => math.exp(x))),
    };
  },
};
