/**
 * Heads turn the output of a policy's last layer, `params` [batch, outputs], into a distribution over an environment's
 * actions. `mask` [batch, masked] has 1 where a choice is allowed, or is NONE.
 */
import type { Floats } from "../core/backend.ts";
import { SettingError } from "../core/errors.ts";
import type { Parameters, Shape, Tensor } from "../core/tensor.ts";
import * as bernoulli from "../distributions/bernoulli.ts";
import * as categorical from "../distributions/categorical.ts";
import * as gaussian from "../distributions/gaussian.ts";
import * as multi from "../distributions/multi-categorical.ts";
import * as squashed from "../distributions/squashed-gaussian.ts";
import type { Box, Space } from "../envs/space.ts";

export interface Head {
  readonly kind: "categorical" | "multiCategorical" | "bernoulli" | "gaussian" | "squashed";
  /** Numbers that the head takes per row. */
  readonly outputs: number;
  /** Numbers of one action in the form for learning. */
  readonly actionSize: number;
  /** Returns the shape of `rows` actions: [rows] for a categorical head, [rows, actionSize] for others. */
  actionShape(rows: number): Shape;
  /** Numbers of one mask; 0 if choices cannot be masked. */
  readonly masked: number;
  /** Kind of noise that `sample` takes, `actionSize` numbers per action. */
  readonly noise: "uniform" | "normal";
  /** Returns ln π(action), [batch]. */
  logProb(params: Tensor, action: Tensor, mask: Tensor): Tensor;
  /**
   * Returns the entropy in nats, [batch]. With `samplesEntropy` it has no closed form: the result is −ln π of the
   * action sampled with `noise`, with the gradient through the sample (reparameterized), unbiased over normal noise.
   */
  entropy(params: Tensor, mask: Tensor, noise: Tensor): Tensor;
  readonly samplesEntropy: boolean;
  sample(action: Floats, params: Tensor, noise: ArrayLike<number>, mask: Tensor): void;
  /** Writes the likeliest action. */
  mode(action: Floats, params: Tensor, mask: Tensor): void;
  /** Writes actions in the environment's form, within bounds. May be the same array. */
  command(commands: Floats, action: Floats): void;
}

/** Name of the parameter of a Gaussian head, ln σ. */
export const logStdName = "policy.logStd";

const copyAction = (commands: Floats, action: Floats): void => {
  for (let i = 0; i < action.length; i++) commands[i] = action[i];
};

/** Learning counts choices from 0, the environment from `start`, which has a number per choice. */
const commandFrom = (start: readonly number[]): Head["command"] =>
  start.every((first) => first === 0)
    ? copyAction
    : (commands, action) => {
        for (let i = 0; i < action.length; i++) commands[i] = start[i % start.length] + action[i];
      };

export interface HeadOptions {
  /** Squashes a Gaussian into its bounds by tanh; false clips the environment's actions. Default false. */
  readonly squash?: boolean;
  /** Initial ln σ. Default 0. */
  readonly logStd?: number;
}

/** Returns the head for an action space. A Gaussian adds its free ln σ to `parameters`, as `policy.logStd`. */
export function headFor(space: Space, parameters: Parameters, options: HeadOptions = {}): Head {
  if (space.kind === "dict")
    throw new SettingError("policy: expected actions in one space, got a dictionary");
  if (space.kind === "discrete") return categoricalHead(space.n, space.start);
  if (space.kind === "multiDiscrete") return multiCategoricalHead(space.choices, space.start);
  if (space.kind === "multiBinary") return bernoulliHead(space.size);
  return options.squash === true
    ? squashedHead(space, parameters, options.logStd ?? 0)
    : gaussianHead(space, parameters, options.logStd ?? 0);
}

const headDefaults = { command: copyAction, samplesEntropy: false };

const categoricalHead = (n: number, start: number): Head => ({
  ...headDefaults,
  command: commandFrom([start]),
  kind: "categorical",
  outputs: n,
  actionSize: 1,
  actionShape: (rows) => [rows],
  masked: n,
  noise: "uniform",
  logProb: categorical.categoricalLogProb,
  entropy: categorical.categoricalEntropy,
  sample: categorical.categoricalSample,
  mode: categorical.categoricalMode,
});

const multiCategoricalHead = (choices: readonly number[], start: readonly number[]): Head => {
  const outputs = choices.reduce((total, n) => total + n, 0);
  return {
    ...headDefaults,
    command: commandFrom(start),
    kind: "multiCategorical",
    outputs,
    actionSize: choices.length,
    actionShape: (rows) => [rows, choices.length],
    masked: outputs,
    noise: "uniform",
    logProb: (params, action, mask) => multi.multiCategoricalLogProb(params, action, choices, mask),
    entropy: (params, mask) => multi.multiCategoricalEntropy(params, choices, mask),
    sample: (action, params, noise, mask) =>
      multi.multiCategoricalSample(action, params, noise, choices, mask),
    mode: (action, params, mask) => multi.multiCategoricalMode(action, params, choices, mask),
  };
};

const bernoulliHead = (size: number): Head => ({
  ...headDefaults,
  kind: "bernoulli",
  outputs: size,
  actionSize: size,
  actionShape: (rows) => [rows, size],
  masked: 0,
  noise: "uniform",
  logProb: bernoulli.bernoulliLogProb,
  entropy: bernoulli.bernoulliEntropy,
  sample: bernoulli.bernoulliSample,
  mode: bernoulli.bernoulliMode,
});

function gaussianHead(space: Box, parameters: Parameters, start: number): Head {
  const { size, low, high } = space;
  const logStd = parameters.add(logStdName, [size], new Float64Array(size).fill(start));
  return {
    kind: "gaussian",
    outputs: size,
    actionSize: size,
    actionShape: (rows) => [rows, size],
    masked: 0,
    noise: "normal",
    samplesEntropy: false,
    logProb: (mean, action) => gaussian.gaussianLogProb(mean, logStd, action),
    entropy: (mean) => gaussian.gaussianEntropy(mean, logStd),
    sample: (action, mean, noise) => gaussian.gaussianSample(action, mean, logStd, noise),
    mode: (action, mean) => copyAction(action, mean.data),
    command(commands, action) {
      for (let i = 0; i < action.length; i++) {
        commands[i] = Math.min(Math.max(action[i], low[i % size]), high[i % size]);
      }
    },
  };
}

/** The form for learning is u, before the squashing: the action itself may round to a bound. */
function squashedHead(space: Box, parameters: Parameters, start: number): Head {
  if (!space.low.every((low, i) => Number.isFinite(space.high[i] - low) && low < space.high[i])) {
    throw new SettingError(
      `squash: expected finite bounds with low < high, got [${space.low}] to [${space.high}]`,
    );
  }
  const bounds = squashed.boundsOf(space.low, space.high);
  const plain = gaussianHead(space, parameters, start);
  const logStd = parameters.get(logStdName) as Tensor;
  return {
    ...plain,
    kind: "squashed",
    samplesEntropy: true,
    entropy: (mean, _mask, noise) => squashed.squashedEntropySample(mean, logStd, noise, bounds),
    logProb: (mean, action) => squashed.squashedLogProb(mean, logStd, action, bounds),
    command: (commands, action) => squashed.squashInto(commands, action, bounds),
  };
}
