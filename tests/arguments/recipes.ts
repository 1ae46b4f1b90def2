/** For each exported function a call that works, argument by argument; what is left out stands in `exempt`, with why. */
import { Random } from "../../src/core/random.ts";
import { Parameters } from "../../src/core/tensor.ts";
import { tokenTask } from "../../src/oracle/token-task.ts";
import {
  anyTensor,
  array,
  atLeast0,
  axes,
  axis,
  backend,
  count,
  fields,
  given,
  indices,
  type Kind,
  list,
  name,
  real,
  tensor,
  unit,
  whole,
  wholes,
} from "./kinds.ts";

type Recipes = Readonly<Record<string, readonly Kind[]>>;
const same = (names: string, ...kinds: readonly Kind[]): Recipes =>
  Object.fromEntries(names.split(" ").map((key) => [key, kinds]));

const x = anyTensor([2, 3]);
const pair = [tensor([2, 3]), tensor([2, 3])];
const cell = (gates: number): Kind =>
  fields({
    wIh: tensor([gates * 2, 3]),
    wHh: tensor([gates * 2, 2]),
    bIh: tensor([gates * 2]),
    bHh: tensor([gates * 2]),
  });
const image = tensor([1, 2, 4, 4]);
const windowOptions = fields({ stride: count(1), padding: count(0), dilation: count(1) });

export const ops: Recipes = {
  ...same(
    "abs atanh cos erf exp expm1 floor log log1p neg reciprocal rsqrt sign sin sqrt square",
    x,
  ),
  ...same("gelu logSigmoid relu sigmoid silu softplus stopGradient tanh", x),
  ...same("add addSame sub mul div pow minimum maximum", ...pair),
  ...same("equal notEqual less lessEqual greater greaterEqual", ...pair),
  where: [tensor([2, 3]), tensor([2, 3]), tensor([2, 3])],
  clip: [x, real(-1), real(1)],
  dropout: [tensor([2, 3]), tensor([2, 3]), unit(0.5)],
  ...same("elu leakyRelu", x, real(0.5)),
  ...same("sum mean max min prod argmax argmin logsumexp", x, axes([0, 1], 2)),
  ...same("softmax logSoftmax", x, axis(1, 2)),
  ...same("std variance", x, axes([0, 1], 2), given(false), atLeast0(1)),
  norm: [x, axes([0, 1], 2), given(false), atLeast0(2)],
  ...same("cumsum cumprod", x, axis(1, 2)),
  ...same("mse l1 bceWithLogits", ...pair, name("mean")),
  ...same("huber smoothL1", ...pair, atLeast0(1), name("sum")),
  crossEntropy: [shorter(tensor([2, 3])), indices([2], 3), crossEntropyOptions()],
  nllLoss: [shorter(tensor([2, 3])), indices([2], 3), crossEntropyOptions()],
  layerNorm: [tensor([2, 3]), tensor([3]), tensor([3]), atLeast0(1e-5), count(1)],
  siluGate: pair,
  rotate: [bounded(tensor([2, 4])), indices([2], 3), tensor([3, 2])],
  rmsNorm: [tensor([2, 3]), tensor([3]), atLeast0(1e-5)],
  attention: [
    tensor([2, 4, 3]),
    tensor([2, 4, 3]),
    bounded(tensor([2, 4, 3])),
    given(true),
    given(null),
    real(0.5),
  ],
  matmul: [tensor([2, 3]), bounded(tensor([3, 2]))],
  linear: [tensor([2, 3]), tensor([4, 3]), tensor([4]), name("tanh")],
  quantileHuber: [
    {
      ...tensor([2, 3]),
      wrong: { ...bounded(tensor([2, 3])).wrong, "other rows": () => anyTensor([3, 3]).right() },
    },
    bounded(tensor([2, 4])),
    atLeast0(1),
    name("sum"),
  ],
  conv2d: [
    {
      ...image,
      wrong: {
        ...image.wrong,
        "too short": anyTensor([1, 1, 4, 4]).right,
        "too long": anyTensor([1, 3, 4, 4]).right,
      },
    },
    {
      ...tensor([3, 2, 2, 2]),
      wrong: {
        foreign: tensor([3, 2, 2, 2]).wrong.foreign,
        "too long": anyTensor([3, 3, 2, 2]).right,
      },
    },
    tensor([3]),
    windowOptions,
  ],
  ...same("maxPool2d avgPool2d", anyTensor([1, 2, 4, 4]), count(2), count(2), count(0)),
  concat: [list(tensor([2, 3]), tensor([2, 3])), axis(0, 2)],
  stack: [list(tensor([2, 3]), tensor([2, 3])), axis(0, 3)],
  broadcastTo: [tensor([2, 3]), wholes([4, 2, 3])],
  reshape: [tensor([2, 3]), wholes([3, 2])],
  permute: [x, axes([1, 0], 2)],
  flip: [x, axes([1, 0], 2)],
  swapAxes: [x, axis(0, 2), axis(1, 2)],
  slice: [x, list(list(whole(0), whole(1), count(1)))],
  tile: [x, wholes([2, 2])],
  pad: [x, list(list(whole(1), whole(0)), list(whole(0), whole(2))), real(0)],
  ...same("tril triu", x, whole(0)),
  rows: [x, count(0), count(1)],
  gather: [shorter(tensor([2, 3])), bounded(indices([2, 3], 3)), axis(1, 2)],
  scatterAdd: [shorter(tensor([2, 3])), indices([2, 3], 3), tensor([2, 3]), axis(1, 2)],
  indexSelect: [x, bounded(indices([2], 2)), axis(0, 2)],
  embedding: [x, bounded(indices([2], 2))],
  oneHot: [bounded(indices([2], 3)), count(3)],
  lstmCell: [tensor([2, 3]), tensor([2, 2]), tensor([2, 2]), cell(4)],
  gruCell: [tensor([2, 3]), tensor([2, 2]), cell(3)],
  lstm: [tensor([2, 2, 3]), tensor([2, 2]), tensor([2, 2]), cell(4), tensor([2, 2], [0, 1, 0, 0])],
};
function crossEntropyOptions(): Kind {
  return fields({ reduction: name("sum"), ignoreIndex: whole(-100), labelSmoothing: unit(0.1) });
}
/** Of which there may be more, or fewer. */
function shorter({ right, wrong: { "too long": _, ...wrong } }: Kind): Kind {
  return { right, wrong };
}
function longer({ right, wrong: { "too short": _, "too long": __, ...wrong } }: Kind): Kind {
  return { right, wrong: { ...wrong, "too many": () => new Float32Array(4) } };
}
/** Indices of which there may be any number. */
function bounded(kind: Kind): Kind {
  const { "too long": _, "too short": __, ...wrong } = kind.wrong;
  return { ...kind, wrong };
}
/** A tensor that is read as numbers: of any backend. */
const read = ({ right, wrong }: Kind): Kind => ({ right, wrong: { old: wrong.old } });

const logits = tensor([2, 3]);
const mask = tensor([2, 3], [1, 1, 0, 1, 1, 1]);
const noise = array(2, [0.25, 0.75]);
const numbers = ({ right, wrong: { foreign: _, ...wrong } }: Kind): Kind => ({ right, wrong });
const nvec: Kind = {
  ...wholes([1, 2]),
  wrong: { ...wholes([1, 2]).wrong, "too long": () => [1, 2, 1] },
};
const gaussian = [tensor([2, 3]), tensor([2, 3])];
const bounds = given({ low: -1, high: 1 });
const klSettings = fields({
  estimator: name("k3"),
  inputClamp: atLeast0(10),
  outputClamp: atLeast0(10),
  importance: given(true),
});
const groups: Kind = {
  right: () => 3,
  wrong: {
    NaN: () => Number.NaN,
    fraction: () => 1.5,
    negative: () => -3,
    "not whole groups": () => 4,
    "too long": () => [1, 1, 1, 2, 2, 2, 2],
  },
};
const groupOptions = fields({
  ddof: atLeast0(1),
  eps: atLeast0(1e-4),
  valid: array(6, [1, 1, 1, 1, 1, 1]),
});
const ends = {
  envs: count(2),
  reward: array(6),
  terminated: array(6, [0, 0, 1, 0, 0, 0]),
  truncated: array(6, [0, 1, 0, 0, 0, 0]),
};
const rollout = fields({ ...ends, value: array(6), nextValue: array(6) });
const withoutValue = fields({ ...ends, nextValue: array(6) });

const gradients = (): Kind => {
  const parameters = new Parameters(backend);
  const w = parameters.add("w", [3], [1, 2, 3]);
  w.grad.set([1, 2, 3]);
  return {
    right: () => parameters.regions(),
    wrong: { "one, not a list": () => w, numbers: () => [1, 2, 3], nothing: () => undefined },
  };
};
const product = given((out: Float64Array, v: Float64Array) => out.set(v));

/** A problem of two states and two actions, and its trajectories. */
const twoSteps = tokenTask(2, 2, () => 1);
const problem = given({ ...twoSteps, states: 2, startProbabilities: [1, 0], outcomes: flip });
const all = given([{ states: [0, 1], actions: [1, 0], rewards: [0, 1], chance: 1 }]);
function flip(state: number) {
  return [{ probability: 1, next: 1 - state, reward: 1, terminated: false }];
}
/** Of which there may be more. */
function fewer({ right, wrong: { "too long": _, ...wrong } }: Kind): Kind {
  return { right, wrong };
}

export const numeric: Recipes = {
  categoricalLogProb: [logits, indices([2], 3), mask],
  categoricalEntropy: [logits, mask],
  categoricalKl: [logits, logits, mask],
  categoricalProbs: [logits, mask],
  categoricalSample: [array(2), read(logits), noise, numbers(mask)],
  categoricalGumbelArgmax: [array(2), read(logits), array(6), numbers(mask)],
  categoricalMode: [array(2), read(logits), numbers(mask)],
  multiCategoricalLogProb: [logits, indices([2, 2], 1), nvec, mask],
  multiCategoricalEntropy: [logits, nvec, mask],
  multiCategoricalKl: [logits, logits, nvec, mask],
  multiCategoricalSample: [array(4), read(logits), array(4), nvec, numbers(mask)],
  multiCategoricalMode: [array(4), read(logits), nvec, numbers(mask)],
  bernoulliLogProb: [logits, logits],
  bernoulliEntropy: [x],
  bernoulliKl: [logits, logits],
  bernoulliSample: [array(6), read(logits), array(6)],
  bernoulliMode: [array(6), read(logits)],
  gaussianLogProb: [...gaussian, tensor([2, 3])],
  gaussianEntropy: gaussian,
  gaussianKl: [...gaussian, ...gaussian],
  gaussianRsample: [...gaussian, tensor([2, 3])],
  gaussianSample: [array(6), read(logits), read(logits), array(6)],
  squash: [x, bounds],
  squashedLogProb: [...gaussian, tensor([2, 3]), bounds],
  squashedLogProbOfAction: [...gaussian, tensor([2, 3]), bounds],
  squashedRsample: [...gaussian, tensor([2, 3]), bounds],
  squashedSample: [
    fields({ action: array(6), u: array(6) }),
    read(logits),
    read(logits),
    array(6),
    bounds,
  ],
  squashedMode: [array(6), read(logits), bounds],

  surrogateLoss: [
    tensor([2, 3]),
    tensor([2, 3]),
    tensor([2, 3]),
    tensor([2, 3]),
    fields({
      form: name("clip"),
      ratioLevel: name("token"),
      clipLow: atLeast0(0.2),
      clipHigh: atLeast0(0.2),
      dualClip: atLeast0(3),
      delta: atLeast0(4),
    }),
  ],
  valueLoss: [
    tensor([2]),
    tensor([2]),
    tensor([2]),
    tensor([2]),
    fields({ clip: name("max"), clipRange: atLeast0(0.2) }),
  ],
  entropyLoss: [tensor([2]), tensor([2])],
  klLoss: [tensor([2]), tensor([2]), tensor([2]), klSettings],
  reinforceLoss: [tensor([2]), tensor([2]), atLeast0(2)],
  minimumRiskLoss: [tensor([4]), tensor([4]), count(2), atLeast0(1)],
  fisherForm: [tensor([2, 3]), tensor([2, 3]), mask],
  tokenWeights: [
    array(6),
    array(6, [1, 1, 0, 1, 0, 0]),
    count(3),
    fields({
      aggregation: name("token"),
      maxLength: atLeast0(3),
      totalTokens: atLeast0(3),
      totalSequences: atLeast0(2),
    }),
  ],
  topEntropyMask: [array(6), array(6), array(6), unit(0.5)],
  importanceWeights: [
    array(6),
    fields({ logProb: array(6), samplerLogProb: array(6), mask: array(6), steps: count(3) }),
    fields({ level: name("token"), mode: name("truncate"), low: real(0), high: real(2) }),
  ],
  offPolicySequenceMask: [
    array(2),
    array(2),
    fields({ logProb: array(6), samplerLogProb: array(6), mask: array(6) }),
    real(1),
  ],
  klShapedRewards: [
    array(6),
    fields({
      score: longer(array(2)),
      logProb: array(6),
      refLogProb: array(6),
      mask: array(6),
    }),
    real(0.1),
    klSettings,
  ],
  adaptiveKlWeight: [atLeast0(0.1), real(0.1), atLeast0(0.1)],
  proportionalKlWeight: [atLeast0(0.1), real(0.1), atLeast0(0.1), count(8), atLeast0(100)],
  conjugateGradient: [product, given([1, 2, 3]), count(5), atLeast0(1e-9)],
  trustRegionScale: [product, given(Float64Array.of(1, 2)), atLeast0(0.01)],
  lineSearch: [
    given(Float32Array.of(1, 2)),
    array(2),
    given(1),
    given(() => ({ loss: 0, kl: 0 })),
    fields({ maxKl: atLeast0(0.1), tries: count(2), accept: real(0) }),
  ],
  globalNorm: [gradients()],
  clipGlobalNorm: [gradients(), atLeast0(1)],
  clipValue: [gradients(), atLeast0(1)],

  gae: [array(6), rollout, unit(0.9), unit(0.9)],
  discountedReturns: [array(6), withoutValue, unit(0.9)],
  rewardToGo: [array(6), fields(ends), unit(0.9)],
  discountedSums: [array(6), array(6), unit(0.9)],
  lambdaReturns: [array(6), withoutValue, unit(0.9), unit(0.9)],
  nStepReturns: [array(6), withoutValue, unit(0.9), count(2)],
  vtrace: [
    fields({ target: array(6), advantage: array(6) }),
    rollout,
    array(6),
    unit(0.9),
    fields({ lambda: unit(1), rhoBar: atLeast0(1), cBar: atLeast0(1), pgRhoBar: atLeast0(1) }),
  ],
  retrace: [array(6), rollout, array(6), unit(0.9), unit(0.9)],
  importanceCorrectedTdErrors: [array(6), rollout, array(6), unit(0.9), unit(0.9)],
  tokenGae: [
    array(6),
    fields({ reward: array(6), value: array(6), mask: array(6), steps: count(3) }),
    unit(0.9),
    unit(0.9),
  ],
  nextValues: [
    array(6),
    fields({
      value: array(6),
      lastValue: array(2),
      finalValue: array(6),
      terminated: array(6),
      truncated: array(6),
      envs: count(2),
    }),
  ],
  explainedVariance: [array(6), array(6)],
  standardize: [
    array(6),
    array(6),
    fields({ ddof: atLeast0(1), eps: atLeast0(0), mask: array(6) }),
  ],
  leaveOneOut: [array(6), array(6), groups, array(6)],
  groupMean: [array(6), array(6), groups, array(6)],
  groupStandardize: [array(6), array(6), groups, groupOptions],
  groupOverMean: [
    array(6),
    array(6),
    groups,
    fields({ eps: atLeast0(1e-4), valid: array(6, [1, 1, 1, 1, 1, 1]) }),
  ],
  batchStandardize: [array(6), array(6), groupOptions],
  leaveOneOutMoments: [array(6), array(6), array(6), groups, array(6)],
  groupsBetween: [array(6), array(6), groups, real(0), real(1)],

  exactValues: [problem, array(4), unit(0.9)],
  exactReturn: [problem, array(4), unit(0.9)],
  exactGradient: [problem, array(4), unit(0.9)],
  exactKl: [problem, array(4), array(4)],
  exactEntropy: [problem, array(4)],
  probabilities: [
    all,
    fewer(array(4)),
    { ...count(2), wrong: { ...count(2).wrong, zero: () => 0 } },
  ],
  tokenTask: [count(2), count(1), given(() => 1)],
  expectation: [all, fewer(array(4)), count(2), count(1), given(() => new Float64Array(4))],

  bleu: [given(["a", "b"]), given([["a", "b"]]), count(2)],
  chrF: [given("a"), given("a"), count(2), atLeast0(2)],
  rougeL: [given(["a"]), given(["a"]), atLeast0(1)],
  distinct: [given([1, 2, 3]), count(2)],
  repetition: [count(2), atLeast0(1)],
  overlong: [atLeast0(10), atLeast0(2), atLeast0(1)],
  softOverlong: [atLeast0(10), atLeast0(2)],
  cosineLength: [given(() => 1), atLeast0(10)],
  mappedReward: [given(() => 1), list(real(0), real(1)), list(real(0), real(1))],
  split: [given(["a"]), unit(0.1), given((x: string) => x)],
  trainBpe: [given("aaaa"), count(2)],

  discrete: [count(2), whole(0)],
  multiDiscrete: [wholes([2, 3])],
  multiBinary: [count(2)],
  image: [count(4), count(4), count(3)],
  box: [array(2, [0, 0]), array(2, [1, 1]), wholes([2])],

  input: [given(backend), wholes([2, 3]), array(6)],
  variable: [given(backend), wholes([2, 3]), array(6)],
};

/** Constructors. */
export const made: Recipes = {
  Random: [count(1)],
  Bandit: [fields({ means: list(real(0), real(1)), deviation: atLeast0(1) })],
  Line: [fields({ maxSteps: count(5) })],
  Sampler: [
    count(5),
    fields({
      temperature: atLeast0(1),
      topK: count(2),
      topP: unit(0.9),
      topPRule: name("reach"),
      minP: unit(0.1),
      repetitionPenalty: atLeast0(1),
    }),
    count(3),
  ],
  ExponentialMoments: [unit(0.9)],
  RunningMoments: [count(2), atLeast0(1)],
  RewardScaler: [count(2), fields({ gamma: unit(0.9), eps: atLeast0(0), clip: atLeast0(10) })],
  Sgd: [
    gradientsOf(),
    fields({
      learningRate: atLeast0(0.1),
      momentum: unit(0.5),
      dampening: atLeast0(0),
      weightDecay: atLeast0(0),
    }),
  ],
  Adam: [gradientsOf(), adamOptions()],
  AdamW: [gradientsOf(), adamOptions()],
  Adamax: [gradientsOf(), adamOptions()],
  AdamBf16: [gradientsOf(), adamOptions()],
  Adagrad: [
    gradientsOf(),
    fields({ learningRate: atLeast0(0.1), eps: atLeast0(0), weightDecay: atLeast0(0) }),
  ],
  Rmsprop: [
    gradientsOf(),
    fields({
      learningRate: atLeast0(0.1),
      alpha: unit(0.9),
      eps: atLeast0(0),
      momentum: atLeast0(0),
      weightDecay: atLeast0(0),
    }),
  ],
  Mlp: [
    parametersKind(),
    given("m"),
    { ...wholes([3, 4, 2]), wrong: { ...wholes([3, 4, 2]).wrong, "one size": () => [3] } },
    given(new Random(1)),
    fields({ activation: name("tanh") }),
  ],
  Linear: [parametersKind(), given("l"), list(count(3), count(2)), given(new Random(1))],
  Gpt: [
    given(backend),
    fields({
      vocab: count(7),
      context: count(4),
      layers: count(1),
      heads: count(2),
      width: count(8),
    }),
    given(new Random(1)),
  ],
};
function parametersKind(): Kind {
  return { right: () => new Parameters(backend), wrong: {} };
}
function gradientsOf(): Kind {
  return {
    right: () => {
      const parameters = new Parameters(backend);
      parameters.add("w", [2], [1, 2]);
      return parameters;
    },
    wrong: {},
  };
}
function adamOptions(): Kind {
  return fields({
    learningRate: atLeast0(0.1),
    beta1: unit(0.9),
    beta2: unit(0.9),
    eps: atLeast0(0),
    weightDecay: atLeast0(0),
  });
}
