/** Reference cases of losses, KL, off-policy correction and aggregation; by name where inputs are alike. */
import { loops } from "../../../src/backends/loops.ts";
import { exp, log } from "../../../src/core/math.ts";
import { Tape } from "../../../src/core/tape.ts";
import { input, type Tensor, variable } from "../../../src/core/tensor.ts";
import { categoricalEntropy, categoricalLogProb } from "../../../src/distributions/categorical.ts";
import { topEntropyMask } from "../../../src/estimators/entropy.ts";
import { klDefaults, klLoss, klOf } from "../../../src/estimators/kl.ts";
import {
  ratios,
  type SurrogateSettings,
  surrogateDefaults,
  surrogateLoss,
} from "../../../src/estimators/surrogate.ts";
import { valueLoss } from "../../../src/estimators/value.ts";
import { type Aggregation, tokenWeights } from "../../../src/estimators/weights.ts";
import { importanceWeights, offPolicySequenceMask } from "../../../src/extra/correction.ts";
import { lambdaReturns } from "../../../src/extra/lambda.ts";
import * as o from "../../../src/ops/index.ts";
import type { ReferenceAdapter, ReferenceCase } from "../types.ts";

const k = loops(Float64Array);
type Rows = number[] | number[][];
const run = (f: () => Tensor): number[] => [...new Tape(k).run(f).data];
const flat = (x: Rows): number[] => (x as number[]).flat();
const shapeOf = (x: Rows): number[] => (Array.isArray(x[0]) ? [x.length, x[0].length] : [x.length]);
const tensor = (x: Rows): Tensor => input(k, shapeOf(x), flat(x));
const filled = (x: Rows, value: number): Rows =>
  Array.isArray(x[0]) ? (x as number[][]).map((row) => row.map(() => value)) : x.map(() => value);
const unflat = (x: number[], like: Rows): Rows => {
  if (!Array.isArray(like[0])) return x;
  const n = like[0].length;
  return like.map((_, i) => x.slice(i * n, (i + 1) * n)) as number[][];
};

/** Each token's loss, by linearity in the weights, and the ratios. */
function tokenLosses(c: ReferenceCase, settings: Partial<SurrogateSettings>, old?: Rows) {
  const { advantages, logprobs, mask } = c.inputs;
  const s = {
    ...surrogateDefaults,
    clipLow: c.inputs.clip_low ?? 0.2,
    clipHigh: c.inputs.clip_high ?? 0.2,
    ...settings,
  };
  const [p, A] = [tensor(logprobs), tensor(advantages)];
  const q = tensor(
    old ??
      (typeof c.inputs.old_logprobs === "string" ? filled(logprobs, -1) : c.inputs.old_logprobs),
  );
  const weight = tensor(mask ?? filled(logprobs, 1));
  const tape = new Tape(k);
  const lossAt = (): number => tape.run(() => surrogateLoss(p, q, A, weight, s)).data[0];
  const base = lossAt();
  const each = Array.from(weight.data, (w, i) => {
    if (w === 0) return 0;
    weight.data[i]++;
    const loss = lossAt() - base;
    weight.data[i]--;
    return loss;
  });
  const loss = tape.run(() => surrogateLoss(p, q, A, weight, s));
  return { each, total: base, ratios: [...ratios(loss)] };
}
const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;
const sum = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);

/** Importance weights of one row of tokens. */
function weightsOf(
  from: number[],
  to: number[],
  mask: number[],
  s: Parameters<typeof importanceWeights>[2],
): number[] {
  const out = new Float64Array(from.length);
  importanceWeights(out, { logProb: from, samplerLogProb: to, mask, steps: from.length }, s);
  return [...out];
}

const aggregate = (
  losses: number[][],
  mask: number[][],
  aggregation: Aggregation,
  more = {},
): number => {
  const w = new Float64Array(mask.flat().length);
  tokenWeights(w, mask.flat(), mask[0].length, { aggregation, ...more });
  return sum(losses.flat().map((l, i) => (w[i] === 0 ? 0 : w[i] * l)));
};
const modes: Record<string, Aggregation> = { token_mean: "token", seq_mean_token_mean: "sequence" };
const kls = (c: ReferenceCase, estimator: "k1" | "k2" | "k3"): number[] =>
  c.inputs.logprobs.map((p: number, i: number) =>
    c.inputs.mask?.[i] === 0
      ? 0
      : klOf(p, c.inputs.reference_logprobs[i], {
          estimator,
          inputClamp: c.inputs.input_clamp ?? null,
          outputClamp: c.inputs.output_clamp ?? null,
        }),
  );
const estimators: ReferenceAdapter = (c) => {
  const k1 = kls(c, "k1");
  return { k1, k2: kls(c, "k2"), k3: kls(c, "k3"), abs: k1.map(Math.abs) };
};

export const referenceLosses: Record<string, ReferenceAdapter> = {
  rlax_policy_gradient_loss: ({ inputs: c }) => ({
    loss: c.logits.map((logits: number[][], i: number) => {
      const n = logits.length;
      const weighted = c.advantages[i].map((a: number, t: number) => a * c.weights[i][t]);
      const p = input(
        k,
        [n],
        run(() => categoricalLogProb(tensor(logits), tensor(c.actions[i]))),
      );
      const weight = tensor(filled(weighted, 1 / n));
      const settings = { ...surrogateDefaults, form: "reinforce" } as const;
      return run(() => surrogateLoss(p, p, tensor(weighted), weight, settings))[0];
    }),
  }),
  rlax_entropy_loss: ({ inputs: c }) => ({
    loss: c.logits.map(
      (logits: number[][], i: number) =>
        -mean(run(() => categoricalEntropy(tensor(logits))).map((h, t) => h * c.weights[i][t])),
    ),
  }),
  rlax_qpg_rm_rpg: () => ({
    skip: "losses over all actions' values are not among pigrad's estimators",
  }),
  trfl_sequence_a2c_loss: ({ inputs: c }) => {
    const n = c.rewards.length;
    const zeros = new Float64Array(n);
    const returns = new Float64Array(n);
    const nextValue = Float64Array.from([...c.values.slice(1), c.bootstrap_value]);
    const [reward, discount] = [c.rewards, c.discounts].map((x: number[]) => Float64Array.from(x));
    lambdaReturns(
      returns,
      { envs: 1, reward, nextValue, terminated: zeros, truncated: zeros },
      discount,
      1,
    );
    const advantages = [...returns].map((g, i) => g - c.values[i]);
    const logits = tensor(c.logits);
    const p = run(() => categoricalLogProb(logits, tensor(c.actions)));
    const entropy = run(() => categoricalEntropy(logits));
    const half = tensor(filled(c.rewards, 0.5 * c.baseline_cost));
    const baseline = run(() => valueLoss(tensor(c.values), input(k, [n], returns), half))[0];
    const policy = -sum(p.map((x, i) => x * advantages[i]));
    const entropyLoss = -c.entropy_cost * sum(entropy);
    return {
      returns: [...returns],
      advantages,
      baseline_loss: baseline,
      policy_gradient_loss: policy,
      entropy_sum: sum(entropy),
      entropy_loss: entropyLoss,
      total: baseline + policy + entropyLoss,
      entropy_loss_normalised: entropyLoss / log(c.logits[0].length),
    };
  },
  nemo_reinforce: (c) => {
    const { each } = tokenLosses(c, { form: "reinforce" }, c.inputs.logprobs);
    return { loss_per_token: each, loss_mean: mean(each) };
  },
  nemo_on_policy_ratio_forced: (c) => {
    const { each, ratios: r } = tokenLosses(c, {}, c.inputs.logprobs);
    return { loss_mean: mean(each), ratio: r[0] };
  },
  nemo_cispo: (c) => {
    const { each } = tokenLosses(c, { form: "cispo" });
    return { loss_per_token: each, loss_mean: mean(each) };
  },
  nemo_dual_clip: (c) => {
    const before = tokenLosses(c, {});
    const { each } = tokenLosses(c, { dualClip: c.inputs.dual_clip_c });
    return {
      ratios: before.ratios,
      loss_before_dual: before.each,
      loss_per_token: each,
      loss_mean: mean(each),
    };
  },
  nemo_gspo_batch2: (c) => {
    const { each, ratios: r } = tokenLosses(c, { ratioLevel: "sequence" });
    const n = c.inputs.logprobs[0].length;
    return {
      sequence_ratios: c.inputs.logprobs.map((_: number[], i: number) => r[i * n]),
      loss_per_token: unflat(each, c.inputs.logprobs),
      loss: mean(each),
    };
  },
  nemo_truncated_is_sequence: (c) => {
    const i = c.inputs;
    const row = {
      ...c,
      inputs: {
        ...i,
        advantages: [i.advantages],
        logprobs: [i.logprobs],
        old_logprobs: [i.old_logprobs],
      },
    };
    const { each } = tokenLosses(row, { ratioLevel: "sequence" });
    const settings = { level: "sequence", mode: "truncate", low: 0, high: i.truncate_at } as const;
    const [weight] = weightsOf(i.old_logprobs, i.sampler_logprobs, [1, 1, 1], settings);
    return { weight, loss_per_token: each.map((l) => l * weight), loss_mean: mean(each) * weight };
  },
  nemo_sampler_correction_actor_loss: (c) => {
    const { each } = tokenLosses(c, {});
    const settings = { level: "token", mode: "truncate", low: 0, high: Infinity } as const;
    const weights = weightsOf(
      c.inputs.old_logprobs,
      c.inputs.sampler_logprobs,
      [1, 1, 1],
      settings,
    );
    const corrected = each.map((l, i) => l * weights[i]);
    return { weights, loss_per_token: corrected, loss_mean: mean(corrected) };
  },
  nemo_icepop: (c) => {
    const { each } = tokenLosses(c, {});
    const {
      old_logprobs: old,
      sampler_logprobs: sampler,
      keep_range: [low, high],
    } = c.inputs;
    const ones = [1, 1, 1];
    const kept = weightsOf(old, sampler, ones, { level: "token", mode: "mask", low, high });
    const weights = weightsOf(old, sampler, ones, {
      level: "token",
      mode: "mask",
      low: 0,
      high: Infinity,
    });
    return { weights, kept_weights: kept, loss_mean: mean(each.map((l, i) => l * kept[i])) };
  },
  nemo_tis_bounds_min_none: ({ inputs: c }) => {
    const logs = c.importance_weights.map((w: number) => log(w));
    const bounds = { low: c.min ?? 0, high: c.max ?? Infinity };
    const weights = weightsOf(logs, filled(logs, 0) as number[], filled(logs, 1) as number[], {
      level: "token",
      mode: "truncate",
      ...bounds,
    });
    return {
      weights,
      loss_mean: -mean(weights.map((w, i) => w * c.advantages[i])),
      out_of_bounds_fraction: mean(
        c.importance_weights.map((w: number) => Number(w < bounds.low || w > bounds.high)),
      ),
    };
  },
  nemo_entropy_approximation: ({ inputs: c }) => ({
    // −E ln π under the policy, from the sampler's tokens by importance weights
    entropy: -mean(c.logprobs.map((p: number, i: number) => exp(p - c.sampler_logprobs[i]) * p)),
  }),
  openrlhf_policy_kl_metric: ({ inputs: c }) => ({
    policy_kl: mean(
      c.old_logprobs.map(
        (q: number, i: number) => -klOf(c.logprobs[i], q, { ...klDefaults, estimator: "k1" }),
      ),
    ),
    sampler_kl: mean(
      c.sampler_logprobs.map(
        (q: number, i: number) => -klOf(c.old_logprobs[i], q, { ...klDefaults, estimator: "k1" }),
      ),
    ),
  }),
  nemo_kl_estimators: estimators,
  nemo_kl_estimators_clamped: estimators,
  skyrl_kl_estimators: estimators,
  torchrl_k3: estimators,
  nemo_kl_clamp_gradient: ({ inputs: c }) => {
    const settings = {
      estimator: c.estimator,
      inputClamp: c.input_clamp,
      outputClamp: null,
      importance: true,
    };
    const p = variable(k, [c.logprobs.length], c.logprobs);
    const [q, weight] = [tensor(c.reference_logprobs), tensor(filled(c.logprobs, 1))];
    const tape = new Tape(k);
    tape.backward(tape.run(() => klLoss(p, q, weight, settings)));
    return {
      kl: c.logprobs.map((x: number, i: number) => klOf(x, c.reference_logprobs[i], settings)),
      grad_logprobs: [...p.grad],
    };
  },
  nemo_kl_penalty_loss: (c) => {
    const k3 = kls(c, "k3");
    return { k3, mean: mean(k3), loss: c.inputs.beta * mean(k3) };
  },
  skyrl_cispo_sum: (c) => ({ loss_sum: tokenLosses(c, { form: "cispo" }).total }),
  skyrl_cispo_sampler_anchor: (c) => {
    const { total, ratios: r } = tokenLosses(c, { form: "cispo" }, c.inputs.sampler_logprobs);
    return { ratios: r, loss_sum: total };
  },
  skyrl_gspo_vs_token_sum: (c) => {
    const sequence = tokenLosses(c, { ratioLevel: "sequence" });
    const n = c.inputs.logprobs[0].length;
    return {
      token_level_loss_sum: tokenLosses(c, {}).total,
      sequence_ratios: c.inputs.logprobs.map((_: number[], i: number) => sequence.ratios[i * n]),
      sequence_level_loss_sum: sequence.total,
    };
  },
  skyrl_sapo: () => ({ skip: "soft gates (SAPO) are not among pigrad's estimators" }),
  skyrl_dppo_tv_wrong_direction: (c) => {
    const { delta_low: clipLow, delta_high: clipHigh } = c.inputs;
    const { each, total } = tokenLosses(c, { form: "tv", clipLow, clipHigh });
    return { mask: each.map((loss) => (loss === 0 ? 0 : 1)), loss_sum: total };
  },
  skyrl_tis_sequence: ({ inputs: c }) => ({
    weights: c.masks.map((mask: number[], i: number) => {
      const high = i === 0 ? c.clip_high : c.second_clip_high;
      return weightsOf(c.old_logprobs, c.sampler_logprobs, mask, {
        level: "sequence",
        mode: "truncate",
        low: 0,
        high,
      })[0];
    }),
  }),
  skyrl_tis_sequence_capped: ({ inputs: c }) => {
    const at = (high: number) =>
      weightsOf(c.old_logprobs, c.sampler_logprobs, [1, 1, 1], {
        level: "sequence",
        mode: "truncate",
        low: 0,
        high,
      })[0];
    return { uncapped: at(Infinity), weight: at(c.clip_high) };
  },
  skyrl_outlier_token_masks_sequence: ({ inputs: c }) => ({
    keep: c.log_ratios.map((row: number[], i: number) => {
      const settings = { level: "token", mode: "drop", low: c.low, high: c.high } as const;
      return Number(
        weightsOf(row, filled(row, 0) as number[], c.mask[i], settings).some((w) => w !== 0),
      );
    }),
  }),
  skyrl_token_mask: ({ inputs: c }) => ({
    keep: c.log_ratios.map((row: number[]) => {
      const settings = { level: "token", mode: "mask", low: c.low, high: c.high } as const;
      return weightsOf(row, filled(row, 0) as number[], filled(row, 1) as number[], settings).map(
        (w) => Number(w !== 0),
      );
    }),
  }),
  verl_rollout_correction_weights: ({ inputs: c }) => {
    const [low, high] = c.keep_range;
    const at = (mode: "mask" | "truncate", bounds: { low: number; high: number }): number[] =>
      c.old_logprobs.map(
        (row: number[], i: number) =>
          weightsOf(row, c.sampler_logprobs[i], filled(row, 1) as number[], {
            level: "sequenceMean",
            mode,
            ...bounds,
          })[0],
      );
    const keep = at("mask", { low, high }).map((w) => Number(w !== 0));
    return {
      weights: at("truncate", { low: 0, high: Infinity }),
      keep,
      masked_fraction: 1 - mean(keep),
    };
  },
  trl_off_policy_sequence_mask_padding: ({ inputs: c }) => {
    const keep = new Float64Array(c.advantages.length);
    const sampler =
      typeof c.sampler_logprobs === "string"
        ? c.logprobs.flat().map(() => 0)
        : c.sampler_logprobs.flat();
    offPolicySequenceMask(
      keep,
      c.advantages,
      { logProb: c.logprobs.flat(), samplerLogProb: sampler, mask: c.mask.flat() },
      c.threshold,
    );
    return { keep: [...keep] };
  },
  "loss:entropies,mask,quantile": ({ inputs: c }) => {
    const top = new Float64Array(c.mask.flat().length);
    topEntropyMask(top, c.entropies.flat(), c.mask.flat(), c.quantile);
    return { keep: unflat([...top], c.mask) };
  },
  "aggregation:loss,mask,mode": ({ inputs: c }) => ({
    value: aggregate(c.loss, c.mask, modes[c.mode]),
  }),
  skyrl_agg_microbatch_token_mean: ({ inputs: c }) => {
    const size = c.micro_batch_size;
    const totals = { totalTokens: sum(c.mask.flat()), totalSequences: c.mask.length };
    let [legacy, exact, parts] = [0, 0, 0];
    for (let at = 0; at < c.loss.length; at += size, parts++) {
      const [losses, mask] = [c.loss.slice(at, at + size), c.mask.slice(at, at + size)];
      legacy += aggregate(losses, mask, "token");
      exact += aggregate(losses, mask, "token", totals);
    }
    return { mean_of_microbatch_means: legacy / parts, global_token_mean: exact };
  },
  skyrl_agg_prompt_mean: ({ inputs: c }) => ({
    value: mean(
      c.prompt_rows.map((rows: number[]) =>
        aggregate(
          rows.map((r) => c.loss[r]),
          rows.map((r) => c.mask[r]),
          "token",
        ),
      ),
    ),
  }),
  openrlhf_token_mean: ({ inputs: c }) => {
    const totals = { totalTokens: sum(c.mask.flat()) };
    const ranks = c.rank_rows.map((rows: number[]) =>
      aggregate(
        rows.map((r) => c.loss[r]),
        rows.map((r) => c.mask[r]),
        "token",
        totals,
      ),
    );
    return { value: sum(ranks) };
  },
  openrlhf_fully_masked_row: () => ({
    skip: "a sequence without tokens counts as 0 here (documented in weights.ts), there not at all",
  }),
  openrlhf_policy_loss_token_mean: (c) => {
    const { each } = tokenLosses(c, {});
    return { loss: sum(each) / sum(c.inputs.mask.flat()) };
  },
  "aggregation:mask,values": ({ inputs: c }) => ({
    row_then_batch: aggregate(c.values, c.mask, "sequence"),
    all: aggregate(c.values, c.mask, "token"),
  }),
  "aggregation:masks,values": ({ inputs: c }) => ({
    row_then_batch: c.masks.map((mask: number[][]) => aggregate(c.values, mask, "sequence")),
  }),
  rlax_huber_delta1: ({ inputs: c }) => ({
    loss: run(() => o.huber(tensor(c.x), tensor(filled(c.x, 0)), c.delta, "none")),
  }),
  rlax_expectile: () => ({ skip: "expectile losses are not among pigrad's estimators" }),
};
