/** Exported functions and classes without a recipe, and why: where else their arguments are held. */
const errorClass = "an error: it takes any text";
const session =
  "takes settings through `settle`, which refuses each unknown or wrong one (tests/core, tests/algos)";
const model = "takes a whole model, task or environment; tests of its folder give wrong ones";
const bytesOrText =
  "reads bytes or a text: fuzzed by tests/io and `npm run test:fuzz`, and tests/text";
const anything = "any argument of its type is right";

export const exempt: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    "EnvError FormatError GradientError MaskError NumericError OwnCodeError SettingError ShapeError UsageError"
      .split(" ")
      .map((name) => [name, errorClass]),
  ),
  ...Object.fromEntries(
    "a2c evaluateLanguage inStages open ppo reinforce resolve train trpo settle supervised trainRewardModel tuning"
      .split(" ")
      .map((name) => [name, session]),
  ),
  ...Object.fromEntries(
    `Actor ActorCritic perToken recompute valuesOf Completer Completions Decoder Dynamics LanguageTraining RolloutChunks Optimizer Parameters Rollout
    AsyncVectorEnv CartPole ClipAction FrameStack RescaleAction ScaleObservation Tape TimeLimit Wrapper Training TrainingRun VectorEnv checkEnv defineAlgorithm defineTask dict evaluate fromGymnasium environmentTask generate gpt2Tensors gptModule gptOnnx languageTask learnedReward loadActorCritic
    Cider loadGpt Llama Lora seePictures FrozenWeights saveLora buildModel policyModule policyOnnx policyPlan preferenceAccuracy simdFor tuple`
      .split(/\s+/)
      .map((name) => [name, model]),
  ),
  ...Object.fromEntries(
    `bpe bytes characters decodeNpy decodeNpz decodeSafetensors encodeSafetensors jsonLines pairs readSafetensors
    fetchModel loadLora loadLoraLater loadModel loadModelLater saveModel modelConfig modelFiles loadTokenizer loadTokenizerLater tokenizerNotes ChatTemplate chatTokens readTokenizerJson symbols texts tokenizerFrom writeTokenizerJson`
      .split(/\s+/)
      .map((name) => [name, bytesOrText]),
  ),
  ...Object.fromEntries(
    `editDistance errorRate exactMatch exactReturns format gumbel lexiconScore loops simdAvailable trajectories weightedSum`
      .split(" ")
      .map((name) => [name, anything]),
  ),
  apply: "the tape's own door: every op goes through it",
  firstNotFinite: "takes a tape; the trainers' tests meet its messages",
  diagnostics: "tests/estimators/surrogate.test.ts gives it other tensors",
  ratios: "tests/estimators/surrogate.test.ts gives it other tensors",
  enumeratedGradient: "calls `probabilities`, which checks",
  estimator: "takes presets; tests/oracle",
  free: "tests/backends/memory.test.ts frees twice",
  gradCheck: "it is what checks",
  recomputed: "takes a function; tests/ops/recomputed.test.ts gives it other inputs and results",
  simd: "tests/backends/memory.test.ts and simd.test.ts",
};
