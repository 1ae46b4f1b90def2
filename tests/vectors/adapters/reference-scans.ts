/**
 * Reference cases of scans and group advantages, keyed by group and the names of their inputs. Their rows
 * are [batch, time], or one row of time; here they are turned to [time, batch] and back.
 */
import * as math from "../../../src/core/math.ts";
import { lambdaReturns } from "../../../src/extra/lambda.ts";
import { nStepReturns } from "../../../src/extra/n-step.ts";
import { importanceCorrectedTdErrors } from "../../../src/extra/retrace.ts";
import { discountedReturns, discountedSums, rewardToGo } from "../../../src/returns/discounted.ts";
import { gae, tokenGae } from "../../../src/returns/gae.ts";
import {
  batchStandardize,
  groupMean,
  groupStandardize,
  groupsBetween,
  leaveOneOut,
  leaveOneOutMoments,
} from "../../../src/returns/group.ts";
import { standardize } from "../../../src/returns/normalize.ts";
import type { PerStep, Transitions } from "../../../src/returns/transitions.ts";
import { vtrace } from "../../../src/returns/vtrace.ts";
import type { ReferenceAdapter } from "../types.ts";

const rows = (x: number[] | number[][]): number[][] =>
  Array.isArray(x[0]) ? (x as number[][]) : [x as number[]];

/** [batch, time] as [time, batch], made of f(row, step). */
const turned = (B: number, T: number, f: (b: number, t: number) => number): Float64Array =>
  Float64Array.from({ length: B * T }, (_, i) => f(i % B, Math.floor(i / B)));

// biome-ignore lint/suspicious/noExplicitAny: these cases have no common form
function read(i: any) {
  const reward = rows(i.rewards);
  const [B, T] = [reward.length, reward[0].length];
  const column = (x: number[] | number[][] | undefined): Float64Array =>
    turned(B, T, (b, t) => (x === undefined ? 0 : rows(x)[b][t]));
  const bootstrap: number[] = [i.bootstrap_value ?? 0].flat();
  const values = i.values === undefined ? null : rows(i.values);
  const reached = i.values_next ?? i.bootstrap_value_after_step;
  const next = (b: number, t: number): number => {
    if (i.final_values !== undefined && rows(i.truncated)[b][t]) return rows(i.final_values)[b][t];
    if (reached !== undefined) return rows(reached)[b][t];
    return values?.[b][t + 1] ?? (t === T - 1 ? bootstrap[b] : 0);
  };
  const r: Transitions = {
    envs: B,
    reward: column(i.rewards),
    value: column(i.values),
    nextValue: turned(B, T, next),
    terminated: column(i.terminated),
    truncated: column(i.truncated),
  };
  const gamma: PerStep = i.discounts === undefined ? i.gamma : column(i.discounts);
  /** As nested as the rewards are. */
  const back = (x: ArrayLike<number>) => {
    const nested = reward.map((row, b) => row.map((_, t) => x[t * B + b]));
    return Array.isArray(i.rewards[0]) ? nested : nested[0];
  };
  return { r, gamma, out: new Float64Array(B * T), column, back };
}

/** Advantages, and the λ-returns they are of: V(sₜ) is not needed for the latter. */
// biome-ignore lint/suspicious/noExplicitAny: these cases have no common form
function estimates(i: any) {
  const { r, gamma, out, back } = read(i);
  gae(out, r, gamma, i.lambda);
  const advantages = back(out);
  lambdaReturns(out, r, gamma, i.lambda);
  return { advantages, td_errors: advantages, returns: back(out) };
}

/** Every set of inputs that says rewards, values, discounts and ends in one way or another. */
const waysToSay = [
  ["values", "values_next", "values,values_next", "bootstrap_value,values"],
  ["discounts", "gamma", "gamma,terminated", "discounts,terminated"],
  ["", "truncated", "truncated,final_values"],
].reduce(
  (ways, choices) => ways.flatMap((way) => choices.map((c) => `${way},${c}`)),
  ["lambda,rewards"],
);
const everyWay: Record<string, ReferenceAdapter> = Object.fromEntries(
  waysToSay.map((way) => [
    `scan:${way.split(",").filter(Boolean).sort().join()}`,
    ({ inputs }) => estimates(inputs),
  ]),
);

const nStep: ReferenceAdapter = ({ inputs: i }) => {
  const { r, gamma, out, back } = read(i);
  nStepReturns(out, r, gamma, i.n);
  return { returns: back(out) };
};

const discounted: ReferenceAdapter = ({ inputs: i }) => {
  const { r, gamma, out, back } = read(i);
  discountedReturns(out, r, gamma);
  return { returns: back(out) };
};

/** ln π(action) of a row of logits. */
function logProb(logits: number[], action: number): number {
  const max = Math.max(...logits);
  return logits[action] - max - math.log(logits.reduce((sum, x) => sum + math.exp(x - max), 0));
}

/** yₜ = xₜ + decayₜ·yₜ₊₁ (or yₜ₋₁) over one row: a discounted return with a discount a step. */
function scanRow(x: number[], decays: number[], initial: number, reverse: boolean): number[] {
  const inOrder = (row: number[]): Float64Array =>
    Float64Array.from(reverse ? row : [...row].reverse());
  const y = new Float64Array(x.length);
  const zeros = y.slice();
  const r = {
    envs: 1,
    reward: inOrder(x),
    nextValue: y.map(() => initial),
    terminated: zeros,
    truncated: zeros,
  };
  discountedReturns(y, r, inOrder(decays));
  return reverse ? [...y] : [...y].reverse();
}

/** The same over [batch, time] or [batch, time, features]; 0 from a row's length on. */
const recurrence: ReferenceAdapter = ({ inputs: i }) => {
  const over = (x: number[], decays: number[], initial: number, length: number): number[] => [
    ...scanRow(x.slice(0, length), decays.slice(0, length), initial, i.reverse),
    ...x.slice(length).map(() => 0),
  ];
  // biome-ignore lint/suspicious/noExplicitAny: rows of numbers or of features
  const result = i.sequence.map((row: any, b: number) => {
    const length = i.sequence_lengths?.[b] ?? row.length;
    const [decays, initial] = [i.decays[b], i.initial[b]];
    if (!Array.isArray(row[0])) return over(row, decays, initial, length);
    const pick = (x: number[][], j: number): number[] => x.map((step) => step[j]);
    const features = row[0].map((_: number, j: number) =>
      over(pick(row, j), pick(decays, j), initial[j], length),
    );
    return row.map((_: number[], t: number) => features.map((f: number[]) => f[t]));
  });
  return { result };
};

/** Advantages of one row of tokens under a mask, 0 where it is 0; and with the values added. */
function tokens(reward: number[], values: number[], mask: number[], gamma: number, lambda: number) {
  const advantage = Float64Array.from(reward);
  const [value, counts] = [Float64Array.from(values), Float64Array.from(mask)];
  tokenGae(
    advantage,
    { reward: advantage, value, mask: counts, steps: value.length },
    gamma,
    lambda,
  );
  const advantages = [...advantage];
  return {
    advantages,
    advantages_valid: advantages.filter((_, i) => counts[i] !== 0),
    returns: advantages.map((a, i) => a + values[i]),
  };
}

/** A reward for the whole sequence sits on the last token that counts. */
const sequenceReward: ReferenceAdapter = ({ inputs: i }) => {
  const values = i.values.flat();
  const mask = i.mask?.flat() ?? values.map(() => 1);
  const total = [i.sequence_reward ?? i.reward ?? i.rewards].flat()[0];
  const reward = mask.map((_: number, t: number) => (t === mask.lastIndexOf(1) ? total : 0));
  return tokens(reward, values, mask, i.gamma, i.lambda);
};

/** This peer whitens with the statistics of the valid tokens, but neither skips nor zeroes the others. */
const whitened: ReferenceAdapter = ({ inputs: i }) => {
  const everything = i.mask.map(() => 1);
  const { advantages, returns } = tokens(i.token_rewards, i.values, everything, i.gamma, i.lambda);
  const y = Float64Array.from(advantages);
  standardize(y, y, { ddof: 1, eps: 0, mask: Float64Array.from(i.mask) });
  // The library says 0 where masked; the peer's number lies on the line through two valid tokens.
  const [a, b] = [i.mask.indexOf(1), i.mask.lastIndexOf(1)];
  const slope = (y[b] - y[a]) / (advantages[b] - advantages[a]);
  const onLine = (x: number): number => y[a] + slope * (x - advantages[a]);
  return { returns, advantages: [...y].map((v, t) => (i.mask[t] ? v : onLine(advantages[t]))) };
};

/** Sums that stop before a masked token. */
const restarted: ReferenceAdapter = ({ inputs: i }) => ({
  returns: i.cases.map(({ mask, gamma }: { mask: number[]; gamma: number }) => {
    const reward = Float64Array.from(i.token_rewards);
    const terminated = reward.map((_, t) => (mask[t + 1] === 0 ? 1 : 0));
    rewardToGo(
      reward,
      { envs: 1, reward, terminated, truncated: new Float64Array(reward.length) },
      gamma,
    );
    return [...reward];
  }),
});

/** An episode's only reward, 1, at its terminal end; in one rollout with two more of them. */
const lastStepReward: ReferenceAdapter = ({ inputs: i }) => {
  const isLast = Array.from({ length: 3 * i.steps }, (_, t) => Number((t + 1) % i.steps === 0));
  const { advantages, returns } = estimates({
    rewards: isLast,
    terminated: isLast,
    values: isLast.map(() => i.constant_value),
    gamma: i.gamma,
    lambda: i.lambda,
  });
  const at = (x: number[]): number[] => i.check_indices.map((t: number) => x[t + i.steps]);
  return { advantages: at(advantages as number[]), returns: at(returns as number[]) };
};

/** The mean of the others is what leaveOneOut took off; the deviation is the library's own. */
const leftOut: ReferenceAdapter = ({ inputs: i }) => {
  const reward = Float64Array.from(i.rewards, Number);
  const valid = i.valid === undefined ? undefined : Float64Array.from(i.valid);
  const [baseline, std, advantage] = [reward.slice(), reward.slice(), reward.slice()];
  leaveOneOutMoments(baseline, std, reward, i.group, valid);
  leaveOneOut(advantage, reward, i.group, valid);
  for (let j = 0; j < reward.length; j++) {
    const others = [...reward.keys()].filter((m) => m !== j && i.group[m] === i.group[j]);
    const scored = others.filter((m) => valid === undefined || valid[m] !== 0);
    if (valid?.[j] === 0) {
      // The peer takes off a sample that was never in: of the n others, the sum over n − 1, and so on.
      baseline[j] *= scored.length / Math.max(scored.length - 1, 1);
      if (scored.length < 3) std[j] = 0;
    } else baseline[j] = reward[j] - advantage[j];
  }
  return { baseline: [...baseline], std: [...std] };
};

export const referenceScans: Record<string, ReferenceAdapter> = {
  ...everyWay,
  "scan:discounts,n,rewards,values_next": nStep,
  "scan:bootstrap_value_after_step,gamma,n,rewards,terminated,truncated": nStep,
  "scan:bootstrap_value,discounts,rewards": discounted,
  "scan:bootstrap_value,gamma,rewards": discounted,
  "scan:gamma,rewards": ({ inputs: i }) => {
    const returns = Float64Array.from(i.rewards);
    discountedSums(returns, returns, i.gamma);
    return { returns: [...returns] };
  },
  "scan:actions,behaviour_logits,bootstrap_value,clip_pg_rho,clip_rho,discounts,lambda,rewards,target_logits,values":
    ({ inputs: i }) => {
      const { r, gamma, out, column, back } = read(i);
      const logRatio = column(
        rows(i.actions).map((row, b) =>
          row.map(
            (a, t) => logProb(i.target_logits[b][t], a) - logProb(i.behaviour_logits[b][t], a),
          ),
        ),
      );
      const advantage = out.slice();
      const caps = { lambda: i.lambda, rhoBar: i.clip_rho, cBar: 1, pgRhoBar: i.clip_pg_rho };
      vtrace({ target: out, advantage }, r, logRatio, gamma, caps);
      return { errors: back(out.map((v, j) => v - r.value[j])), pg_advantages: back(advantage) };
    },
  "scan:discounts,lambda,rewards,rho,values": ({ inputs: i }) => {
    const { r, gamma, out, column, back } = read(i);
    importanceCorrectedTdErrors(out, r, column(i.rho).map(math.log), gamma, i.lambda);
    return { td_errors: back(out), errors: back(out) };
  },
  "scan:decays,initial,reverse,sequence": recurrence,
  "scan:decays,initial,reverse,sequence,sequence_lengths": recurrence,
  "scan:lambda,rewards,termination_case,truncation_case,values": ({ inputs: i }) => ({
    truncation_advantages: estimates({ ...i, ...i.truncation_case }).advantages,
    termination_advantages: estimates({ ...i, ...i.termination_case }).advantages,
  }),
  "scan:discounts,lambda,rewards,truncated,values": ({ inputs: i }) => {
    const got = estimates(i);
    const atEnd = (got.advantages as number[][]).map((row) => row[row.length - 1]);
    return { ...got, advantages_at_t2: atEnd };
  },
  "scan:check_indices,constant_value,gamma,lambda,rewards,steps,terminated": lastStepReward,
  "scan:gamma,lambda,mask,token_rewards,values": ({ inputs: i }) =>
    tokens(i.token_rewards, i.values, i.mask, i.gamma, i.lambda),
  "scan:gamma,lambda,sequence_reward,values": sequenceReward,
  "scan:gamma,lambda,mask,sequence_reward,values": sequenceReward,
  nemo_gae_interior_gap: sequenceReward,
  "scan:algorithm,env,gamma": () => ({
    skip: "a whole training run of A2C, not a scan; truncation's bootstrap is tested in tests/returns",
  }),
  "advantage:gamma,lambda,mask,token_rewards,values": whitened,
  "advantage:cases,token_rewards": restarted,
  "advantage:group,rewards,std": ({ inputs: i }) => {
    const advantage = Float64Array.from(i.rewards);
    const ddof = i.std === "unbiased" ? 1 : 0;
    groupStandardize(advantage, advantage, i.group, { ddof, eps: 0 });
    return { advantages: [...advantage] };
  },
  "advantage:group,minus_baseline,rewards,tokens_per_sequence": ({ inputs: i }) => {
    const reward = Float64Array.from(i.rewards);
    if (i.minus_baseline) groupMean(reward, reward, i.group);
    const n = i.tokens_per_sequence;
    const token = Float64Array.from(
      { length: reward.length * n },
      (_, j) => reward[Math.floor(j / n)],
    );
    batchStandardize(token, token, { ddof: 0, eps: 0 });
    return { advantages_per_sequence: i.rewards.map((_: number, j: number) => token[j * n]) };
  },
  "advantage:group,rewards": leftOut,
  "advantage:group,rewards,valid": leftOut,
  "advantage:groups,keep_return_bounds": ({ inputs: i }) => {
    const reward = Float64Array.from(i.groups.flat());
    const group = i.groups.flatMap((members: number[], g: number) => members.map(() => g));
    const keep = new Float64Array(reward.length);
    groupsBetween(keep, reward, group, i.keep_return_bounds[0], i.keep_return_bounds[1]);
    return { keep: i.groups.map((_: number[], g: number) => keep[group.indexOf(g)]) };
  },
};
