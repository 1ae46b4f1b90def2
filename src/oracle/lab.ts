/**
 * The lab: the exact bias of every estimator against ∇J, in size and angle, its variance and signal-to-noise ratio, and
 * their dependence on group size, baseline, λ, stale data and clipping.
 */
import { cos } from "../core/math.ts";
import { Random } from "../core/random.ts";
import type { Tabular } from "../envs/env.ts";
import { type EstimatorSettings, presets } from "../estimators/presets.ts";
import { surrogateDefaults } from "../estimators/surrogate.ts";
import { type EstimateSetup, estimator } from "./estimate.ts";
import { exactGradient, exactReturn, exactValues } from "./exact.ts";
import { expectation } from "./expectation.ts";
import { tokenTask } from "./token-task.ts";
import { trajectories } from "./trajectories.ts";

export interface LabProblem {
  readonly about: string;
  readonly problem: Tabular;
}

/** Problems that are small enough to enumerate all pairs, and most triples, of samples. */
export const labProblems: Readonly<Record<string, LabProblem>> = {
  bandit: {
    about: "4 arms, rewards 1, −0.5, 2, 0.25",
    problem: tokenTask(4, 1, ([a]) => [1, -0.5, 2, 0.25][a]),
  },
  parity: {
    about: "3 bits, reward 1 for an odd sum: it depends on all tokens together",
    problem: tokenTask(2, 3, (t) => (t[0] + t[1] + t[2]) % 2),
  },
  stop: {
    about:
      "up to 3 of 3 tokens, token 2 stops; reward: length plus the first token: lengths differ",
    problem: tokenTask(3, 3, (t) => t.length + t[0], 2),
  },
};

/** Exact properties of one estimator's distribution. */
export interface Figures {
  /** ‖E ĝ‖/‖∇J‖ */
  readonly size: number;
  /** Angle between E ĝ and ∇J, in degrees; null where the mean is 0. */
  readonly angle: number | null;
  /** ‖E ĝ − c·∇J‖/‖E ĝ‖ at the best c: the bias that no learning rate compensates. */
  readonly skew: number;
  /** ‖E ĝ − ∇J‖/‖∇J‖ */
  readonly bias: number;
  /** E‖ĝ − E ĝ‖² */
  readonly variance: number;
  /** ‖E ĝ‖²/variance, divided by the number of samples per estimate. */
  readonly snr: number;
}

export interface Row extends Figures {
  readonly name: string;
  readonly K: number;
}
/** Properties of estimators against a setting: one curve per name. */
export interface Sweep {
  readonly title: string;
  readonly x: string;
  /** Values of the setting. */
  readonly at: readonly number[];
  readonly curves: Readonly<Record<string, readonly Figures[]>>;
}
export interface LabReport {
  readonly problem: string;
  readonly about: string;
  /** J and ‖∇J‖ of the policy. */
  readonly J: number;
  readonly gradientNorm: number;
  readonly fresh: readonly Row[];
  readonly stale: readonly Row[];
  readonly sweeps: readonly Sweep[];
}

const norm = (x: ArrayLike<number>): number => Math.sqrt(dot(x, x));
function dot(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * y[i];
  return sum;
}

/** Returns the exact properties of an estimator. */
export function figures(setup: EstimateSetup, settings: EstimatorSettings): Figures {
  const { problem, logits, behaviour = logits, K } = setup;
  const gradient = exactGradient(problem, logits);
  const all = trajectories(problem);
  const { mean, variance } = expectation(
    all,
    behaviour,
    problem.actions,
    K,
    estimator(setup, settings),
  );
  const [length, wanted, along] = [norm(mean), norm(gradient), dot(mean, gradient)];
  const difference = norm(mean.map((m, i) => m - gradient[i]));
  const cosine = length === 0 ? 0 : along / (length * wanted);
  return {
    size: length / wanted,
    angle: length < 1e-12 ? null : degrees(cosine),
    skew: length < 1e-12 ? 1 : Math.sqrt(Math.max(0, 1 - cosine * cosine)),
    bias: difference / wanted,
    variance,
    snr: variance === 0 ? Infinity : (length * length) / (variance * K),
  };
}

/** Returns arccos in degrees, by bisection. */
function degrees(cosine: number): number {
  const c = Math.min(1, Math.max(-1, cosine));
  let [low, high] = [0, Math.PI];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (cos(middle) > c) low = middle;
    else high = middle;
  }
  return ((low + high) / 2) * (180 / Math.PI);
}

/**
 * Runs the lab on one of its problems, or another one small enough, in groups of K; `own` are estimators to compare
 * with the known ones, by name. Throws RangeError where there are too many groups to list them.
 */
export function lab(
  name: string,
  own: Readonly<Record<string, EstimatorSettings>> = {},
  { about, problem }: LabProblem = labProblems[name],
  K = 2,
): LabReport {
  const most = trajectories(problem).length;
  if (most ** K > mostGroups)
    throw new RangeError(
      `lab: expected at most ${mostGroups} groups, got ${most} trajectories to the power of ${K}`,
    );
  const all: Readonly<Record<string, EstimatorSettings>> = { ...presets, ...own };
  const logits = new Float64Array(problem.states * problem.actions);
  new Random(1).fillNormal(logits);
  const drift = new Float64Array(logits.length);
  new Random(2).fillNormal(drift);
  const moved = (distance: number): Float64Array => logits.map((x, i) => x + distance * drift[i]);
  const fresh = { problem, logits };
  const stale = { ...fresh, behaviour: moved(0.5) };
  const row = (setup: Omit<EstimateSetup, "K">, preset: string): Row => ({
    name: preset,
    K,
    ...figures({ ...setup, K }, all[preset]),
  });
  const positive = trajectories(problem).every(({ rewards }) => rewards.every((r) => r >= 0));
  const names = Object.keys(all).filter(
    (preset) => positive || all[preset].scale !== "mean", // for rewards ≥ 0 alone
  );
  return {
    problem: name,
    about,
    J: exactReturn(problem, logits),
    gradientNorm: norm(exactGradient(problem, logits)),
    fresh: names.map((preset) => row(fresh, preset)),
    stale: names.map((preset) => row(stale, preset)),
    sweeps: [
      groupSweep(fresh, own),
      baselineSweep(fresh),
      ...(problem.maxSteps > 1 ? [lambdaSweep(fresh)] : []), // one step has no λ
      staleSweep(fresh, moved),
      clipSweep(stale),
    ],
  };
}

/** Groups whose estimates are listed one by one. */
const mostGroups = 40_000;

type Setup = Omit<EstimateSetup, "K">;
const curve = (at: readonly number[], f: (x: number) => Figures): Figures[] => at.map(f);

function groupSweep(setup: Setup, own: Readonly<Record<string, EstimatorSettings>>): Sweep {
  const most = trajectories(setup.problem).length;
  const at = [2, 3, 4, 5, 6].filter((K) => most ** K <= mostGroups);
  const curves: Record<string, Figures[]> = {};
  for (const preset of ["reinforce", "reinforce-mean", "rloo", "grpo", "dr-grpo"] as const) {
    curves[preset] = curve(at, (K) => figures({ ...setup, K }, presets[preset]));
  }
  for (const [name, settings] of Object.entries(own))
    curves[name] = curve(at, (K) => figures({ ...setup, K }, settings));
  return {
    title: "Group size: what leave-one-out keeps, what dividing by the deviation costs",
    x: "samples in a group",
    at,
    curves,
  };
}

function baselineSweep(setup: Setup): Sweep {
  const { V } = exactValues(setup.problem, setup.logits, 1);
  const exact = V[setup.problem.maxSteps];
  const error = new Float64Array(exact.length);
  new Random(3).fillNormal(error);
  const at = [0, 0.25, 0.5, 1, 2, 4];
  const value = { ...presets.reinforce, baseline: "value" } as const;
  const wrong = (e: number): Float64Array => exact.map((v, s) => v + e * error[s]);
  return {
    title: "Baseline quality: a wrong value adds noise, never bias",
    x: "error of the value, standard deviations of 1",
    at,
    curves: {
      "learned value": curve(at, (e) => figures({ ...setup, K: 1, value: wrong(e) }, value)),
      none: curve(at, () => figures({ ...setup, K: 1 }, presets.reinforce)),
    },
  };
}

function lambdaSweep(setup: Setup): Sweep {
  const { V } = exactValues(setup.problem, setup.logits, 1);
  const exact = V[setup.problem.maxSteps];
  const error = new Float64Array(exact.length);
  new Random(3).fillNormal(error);
  const at = [0, 0.25, 0.5, 0.75, 0.9, 1];
  const value = { ...presets.reinforce, baseline: "value" } as const;
  const curves: Record<string, Figures[]> = {};
  for (const e of [0, 0.25, 1]) {
    const wrong = exact.map((v, s) => v + e * error[s]);
    const name = e === 0 ? "exact value" : `value off by ${e}`;
    curves[name] = curve(at, (lambda) => figures({ ...setup, K: 1, value: wrong, lambda }, value));
  }
  return {
    title: "λ of GAE: below 1 a wrong value gives bias, for less noise",
    x: "λ",
    at,
    curves,
  };
}

function staleSweep(setup: Setup, moved: (distance: number) => Float64Array): Sweep {
  const at = [0, 0.1, 0.2, 0.4, 0.8, 1.6];
  const sequence = { ...surrogateDefaults, form: "ratio", ratioLevel: "sequenceSum" } as const;
  const settings = {
    "no correction": presets.reinforce,
    "token ratios": { ...presets.reinforce, surrogate: { ...surrogateDefaults, form: "ratio" } },
    "token ratios, clipped": { ...presets.reinforce, surrogate: surrogateDefaults },
    "sequence ratio": { ...presets.reinforce, aggregation: "sequence", surrogate: sequence },
  } as const;
  const curves: Record<string, Figures[]> = {};
  for (const [name, s] of Object.entries(settings)) {
    curves[name] = curve(at, (d) => figures({ ...setup, K: 1, behaviour: moved(d) }, s));
  }
  return {
    title: "Stale data: what each ratio corrects, and what it costs in noise",
    x: "distance of the policy that sampled",
    at,
    curves,
  };
}

function clipSweep(setup: Setup): Sweep {
  const at = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6];
  const settings = (e: number, form: "clip" | "cispo"): EstimatorSettings => ({
    ...presets.reinforce,
    surrogate: { ...surrogateDefaults, form, clipLow: e, clipHigh: e },
  });
  return {
    title: "Clip range: what clipping gives up on stale data",
    x: "clip range ε",
    at,
    curves: {
      "clip (PPO)": curve(at, (e) => figures({ ...setup, K: 1 }, settings(e, "clip"))),
      "cap (CISPO)": curve(at, (e) => figures({ ...setup, K: 1 }, settings(e, "cispo"))),
    },
  };
}
