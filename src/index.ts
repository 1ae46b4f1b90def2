/** The public list. */

export { type A2cConfig, type A2cReport, a2c, a2cSettings } from "./algos/a2c.ts";
export { evaluateLanguage, type LanguageEvaluation } from "./algos/evaluate-language.ts";
export {
  type GroupAlgorithmName,
  groupAlgorithms,
  type TuneConfig,
  tuneSettings,
} from "./algos/group-algorithms.ts";
export { inStages, LanguageTraining } from "./algos/language-training.ts";
export { type PpoConfig, type PpoReport, ppo, ppoSettings } from "./algos/ppo.ts";
export {
  type ReinforceConfig,
  type ReinforceReport,
  reinforce,
  reinforceSettings,
} from "./algos/reinforce.ts";
export {
  learnedReward,
  type Preference,
  preferenceAccuracy,
  rewardModelSettings,
  trainRewardModel,
} from "./algos/reward-model.ts";
export { type SftConfig, type SftReport, sftSettings, supervised } from "./algos/sft.ts";
export { type Report, Training } from "./algos/training.ts";
export { type TrpoConfig, type TrpoReport, trpo, trpoSettings } from "./algos/trpo.ts";
export { type TuneReport, tuning } from "./algos/tune.ts";
export { loops } from "./backends/loops.ts";
export {
  type SimdBackend,
  type SimdOptions,
  simd,
  simdAvailable,
  simdFor,
} from "./backends/simd.ts";
export type { Backend, Floats } from "./core/backend.ts";
export {
  EnvError,
  FormatError,
  MaskError,
  NumericError,
  OwnCodeError,
  SettingError,
  ShapeError,
  UsageError,
} from "./core/errors.ts";
export { firstNotFinite } from "./core/not-finite.ts";
export type { Call, GradRun, Has, Op, Run } from "./core/op.ts";
export { Random } from "./core/random.ts";
export { type Settings, settle, type Values } from "./core/settings.ts";
export { apply, Tape } from "./core/tape.ts";
export {
  free,
  input,
  NONE,
  type Parameter,
  Parameters,
  type Shape,
  type Tensor,
  variable,
} from "./core/tensor.ts";
export {
  bernoulliEntropy,
  bernoulliKl,
  bernoulliLogProb,
  bernoulliMode,
  bernoulliSample,
} from "./distributions/bernoulli.ts";
export {
  categoricalEntropy,
  categoricalGumbelArgmax,
  categoricalKl,
  categoricalLogProb,
  categoricalMode,
  categoricalProbs,
  categoricalSample,
  gumbel,
} from "./distributions/categorical.ts";
export {
  gaussianEntropy,
  gaussianKl,
  gaussianLogProb,
  gaussianRsample,
  gaussianSample,
} from "./distributions/gaussian.ts";
export {
  multiCategoricalEntropy,
  multiCategoricalKl,
  multiCategoricalLogProb,
  multiCategoricalMode,
  multiCategoricalSample,
} from "./distributions/multi-categorical.ts";
export {
  type Bounds,
  squash,
  squashedLogProb,
  squashedLogProbOfAction,
  squashedMode,
  squashedRsample,
  squashedSample,
} from "./distributions/squashed-gaussian.ts";
export { Bandit, type BanditOptions } from "./envs/bandit.ts";
export { CartPole } from "./envs/cartpole.ts";
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
export {
  fromGymnasium,
  type GymnasiumDynamics,
  type GymnasiumEnv,
  type PlainSpace,
} from "./envs/gymnasium.ts";
export { Line, type LineOptions } from "./envs/line.ts";
export {
  type Box,
  type BoxOptions,
  box,
  type Dict,
  type Discrete,
  dict,
  discrete,
  image,
  type MultiBinary,
  type MultiDiscrete,
  multiBinary,
  multiDiscrete,
  type Space,
  tuple,
} from "./envs/space.ts";
export {
  ClipAction,
  FrameStack,
  RescaleAction,
  ScaleObservation,
  TimeLimit,
  Wrapper,
} from "./envs/wrappers.ts";
export { entropyLoss, topEntropyMask } from "./estimators/entropy.ts";
export { fisherForm } from "./estimators/fisher.ts";
export {
  adaptiveKlWeight,
  type KlSettings,
  klDefaults,
  klLoss,
  klShapedRewards,
  proportionalKlWeight,
} from "./estimators/kl.ts";
export { minimumRiskLoss } from "./estimators/minimum-risk.ts";
export { conjugateGradient, lineSearch, trustRegionScale } from "./estimators/natural.ts";
export {
  type EstimatorSettings,
  type Preset,
  type PresetName,
  presets,
} from "./estimators/presets.ts";
export {
  type Diagnostics,
  diagnostics,
  ratios,
  type SurrogateSettings,
  surrogateDefaults,
  surrogateLoss,
} from "./estimators/surrogate.ts";
export { type ValueSettings, valueDefaults, valueLoss } from "./estimators/value.ts";
export { type Aggregation, tokenWeights, type WeightOptions } from "./estimators/weights.ts";
export { type GptModuleOptions, gptModule } from "./export/gpt-js.ts";
export { gptOnnx } from "./export/gpt-onnx.ts";
export { gpt2Tensors, loadGpt } from "./export/gpt-weights.ts";
export { loadActorCritic } from "./export/import-policy.ts";
export { policyModule } from "./export/policy-js.ts";
export { policyOnnx } from "./export/policy-onnx.ts";
export type { PolicyPlan } from "./export/policy-plan.ts";
export { policyPlan } from "./export/policy-plan-of.ts";
export { Adagrad } from "./extra/adagrad.ts";
export {
  type CorrectionFractions,
  type CorrectionSettings,
  importanceWeights,
  offPolicySequenceMask,
} from "./extra/correction.ts";
export { lambdaReturns } from "./extra/lambda.ts";
export { nStepReturns } from "./extra/n-step.ts";
export { reinforceLoss } from "./extra/reinforce-loss.ts";
export { importanceCorrectedTdErrors, retrace } from "./extra/retrace.ts";
export { Sgd } from "./extra/sgd.ts";
export { decodeNpy, decodeNpz, type NpyArray } from "./io/npy.ts";
export {
  decodeSafetensors,
  encodeSafetensors,
  type NamedTensor,
  readSafetensors,
  type StoredTensor,
} from "./io/safetensors.ts";
export { type BuildOptions, buildModel, type HubModel } from "./models/build.ts";
export { type ModelConfig, modelConfig } from "./models/config.ts";
export { type FetchOptions, fetchModel } from "./models/fetch.ts";
export { type BlobLike, type ModelFiles, modelFiles } from "./models/files.ts";
export { type LoadedModel, loadModel, loadModelLater } from "./models/load.ts";
export { type Adapter, Lora, type LoraOptions } from "./models/lora.ts";
export { loadLora, loadLoraLater, saveLora } from "./models/lora-files.ts";
export { type SaveOptions, saveModel } from "./models/save.ts";
export {
  type LoadedTokenizer,
  loadTokenizer,
  loadTokenizerLater,
  type TokenizerNotes,
  tokenizerNotes,
} from "./models/tokenizer.ts";
export { Decoder, type Generated, generate } from "./nn/decode.ts";
export { FrozenWeights } from "./nn/frozen.ts";
export { Gpt, type GptOptions } from "./nn/gpt.ts";
export * as init from "./nn/init.ts";
export { Linear } from "./nn/linear.ts";
export { Llama, type LlamaOptions } from "./nn/llama.ts";
export { Mlp, type MlpOptions } from "./nn/mlp.ts";
export { seePictures } from "./nn/pictures.ts";
export { perToken, type ReadLogits, recompute } from "./nn/recompute.ts";
export { Sampler, type Sampling, samplingSettings } from "./nn/sampler.ts";
export type { LanguageModel, ModelOptions } from "./nn/transformer.ts";
export { valuesOf } from "./nn/value.ts";
export * from "./ops/index.ts";
export { Adam, Adamax, type AdamOptions, AdamW } from "./optim/adam.ts";
export { AdamBf16 } from "./optim/adam-bf16.ts";
export { clipGlobalNorm, clipValue, globalNorm } from "./optim/clip.ts";
export { type Group, Optimizer } from "./optim/optimizer.ts";
export { Rmsprop } from "./optim/rmsprop.ts";
export * as schedule from "./optim/schedule.ts";
export { type EstimateSetup, estimator } from "./oracle/estimate.ts";
export {
  enumeratedGradient,
  exactEntropy,
  exactGradient,
  exactKl,
  exactReturn,
  exactValues,
} from "./oracle/exact.ts";
export { expectation, type Moments } from "./oracle/expectation.ts";
export {
  type CheckInput,
  type GradCheckOptions,
  GradientError,
  gradCheck,
} from "./oracle/grad-check.ts";
export { type TokenTask, tokenTask } from "./oracle/token-task.ts";
export { probabilities, type Trajectory, trajectories } from "./oracle/trajectories.ts";
export { type ExactReturns, exactReturns } from "./oracle/value-iteration.ts";
export { Actor } from "./policies/actor.ts";
export { ActorCritic, type ActorCriticOptions } from "./policies/actor-critic.ts";
export { discountedReturns, discountedSums, rewardToGo } from "./returns/discounted.ts";
export { gae, tokenGae } from "./returns/gae.ts";
export {
  batchStandardize,
  groupMean,
  groupOverMean,
  groupStandardize,
  groupsBetween,
  leaveOneOut,
  leaveOneOutMoments,
} from "./returns/group.ts";
export { explainedVariance, standardize } from "./returns/normalize.ts";
export { ExponentialMoments, RewardScaler, RunningMoments } from "./returns/running.ts";
export { nextValues, type PerStep, type Transitions } from "./returns/transitions.ts";
export { type VtraceOptions, vtrace } from "./returns/vtrace.ts";
export { AsyncVectorEnv } from "./rollout/async-vector-env.ts";
export { Completer, type CompleterOptions, Completions } from "./rollout/completions.ts";
export { type Evaluation, evaluate } from "./rollout/evaluate.ts";
export { Rollout } from "./rollout/rollout.ts";
export { RolloutChunks } from "./rollout/rollout-chunks.ts";
export { VectorEnv, type VectorEnvOptions } from "./rollout/vector-env.ts";
export type { EnvironmentSession } from "./tasks/environment-session.ts";
export { type TaskName, tasks } from "./tasks/index.ts";
export {
  type AlgorithmDefinition,
  defineAlgorithm,
  type EstimatorDefinition,
  type GeneratorDefinition,
} from "./tasks/own-algorithm.ts";
export {
  defineTask,
  type EnvironmentDefinition,
  type TaskDefinition,
} from "./tasks/own-task.ts";
export { type ResolvedRun, type RunConfig, type RunRequest, resolve } from "./tasks/run.ts";
export { open, type Session } from "./tasks/session.ts";
export {
  type EnvironmentTask,
  environmentTask,
  type LanguageTask,
  languageTask,
  type Task,
} from "./tasks/task.ts";
export type { Row, TextDefinition } from "./tasks/text/own-text.ts";
export type { LanguageSession } from "./tasks/text/session.ts";
export { type Policy, TrainingRun, type TrainOptions, train, type Writer } from "./tasks/train.ts";
export { bpe, trainBpe } from "./text/bpe.ts";
export type { Chat, Message } from "./text/chat.ts";
export {
  type ChatMessage,
  ChatTemplate,
  type ChatVariables,
  type Jinja,
  type MarkedText,
  type TemplateSource,
} from "./text/chat-template.ts";
export { type ChatTokens, chatTokens } from "./text/chat-tokens.ts";
export { Cider } from "./text/cider.ts";
export { type Example, jsonLines, pairs, split, texts } from "./text/corpus.ts";
export { tokenizerFrom } from "./text/load.ts";
export { bleu, chrF, editDistance, errorRate, rougeL } from "./text/overlap.ts";
export type {
  BatchFunction,
  RewardFunction,
  RewardOptions,
  RewardSource,
  Sample,
} from "./text/own-reward.ts";
export * as rewards from "./text/ready-rewards.ts";
export {
  cosineLength,
  distinct,
  exactMatch,
  format,
  lexiconScore,
  mappedReward,
  overlong,
  type Reward,
  repetition,
  softOverlong,
  weightedSum,
} from "./text/rewards.ts";
export { symbols } from "./text/symbols.ts";
export { endToken, type Patches, type TextTask } from "./text/task.ts";
export { bytes, characters, type Tokenizer } from "./text/tokenizer.ts";
export {
  type DecodeOptions,
  type EncodeOptions,
  type HubTokenizer,
  readTokenizerJson,
  writeTokenizerJson,
} from "./text/tokenizer-json.ts";
