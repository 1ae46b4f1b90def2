/** The public list. */
export {
  type ReinforceConfig,
  type ReinforceReport,
  reinforce,
  reinforceSettings,
} from "./algos/reinforce.ts";
export { loops } from "./backends/loops.ts";
export type { Backend, Floats } from "./core/backend.ts";
export {
  EnvError,
  FormatError,
  MaskError,
  SettingError,
  ShapeError,
  UsageError,
} from "./core/errors.ts";
export { Random } from "./core/random.ts";
export { type Settings, settle, type Values } from "./core/settings.ts";
export { apply, type Call, type GradSlot, type Op, type Slot, Tape } from "./core/tape.ts";
export {
  input,
  NONE,
  type Parameter,
  Parameters,
  type Shape,
  type Tensor,
  variable,
} from "./core/tensor.ts";
export {
  categoricalEntropy,
  categoricalGumbelArgmax,
  categoricalKl,
  categoricalLogProb,
  categoricalMode,
  categoricalProbs,
  categoricalSample,
} from "./distributions/categorical.ts";
export { Bandit, type BanditOptions } from "./envs/bandit.ts";
export { checkEnv } from "./envs/check-env.ts";
export {
  type Action,
  Dynamics,
  type Env,
  type Info,
  type Outcome,
  type Reset,
  type ResetOptions,
  type Step,
  type Tabular,
} from "./envs/env.ts";
export { Line, type LineOptions } from "./envs/line.ts";
export { type Box, box, type Discrete, discrete, type Space } from "./envs/space.ts";
export { reinforceLoss } from "./estimators/reinforce.ts";
export { decodeSafetensors, encodeSafetensors, type NamedTensor } from "./io/safetensors.ts";
export * as init from "./nn/init.ts";
export { Linear } from "./nn/linear.ts";
export { Mlp, type MlpOptions } from "./nn/mlp.ts";
export * from "./ops/index.ts";
export { Adagrad } from "./optim/adagrad.ts";
export { Adam, Adamax, type AdamOptions, AdamW } from "./optim/adam.ts";
export { clipGlobalNorm, clipValue, globalNorm } from "./optim/clip.ts";
export { type Group, Optimizer } from "./optim/optimizer.ts";
export { Rmsprop } from "./optim/rmsprop.ts";
export * as schedule from "./optim/schedule.ts";
export { Sgd } from "./optim/sgd.ts";
export { type ExactReturns, exactReturns } from "./oracle/value-iteration.ts";
export { Actor } from "./policies/actor.ts";
export { ActorCritic, type ActorCriticOptions } from "./policies/actor-critic.ts";
export { discountedReturns } from "./returns/discounted.ts";
export type { Transitions } from "./returns/transitions.ts";
export { Episodes } from "./rollout/episodes.ts";
export { type Evaluation, evaluate } from "./rollout/evaluate.ts";
