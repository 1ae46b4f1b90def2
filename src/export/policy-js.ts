/**
 * Exports a policy as one readable JavaScript module without dependencies, eval, DOM or WebAssembly. Numbers are
 * rounded to float32 between layers, as on the `loops` backend; tanh, exp and log are the runtime's own, so last
 * bits differ between engines.
 */
import type { Floats } from "../core/backend.ts";
import type { Dtype } from "../io/quantize.ts";
import {
  checkNormalizer,
  type PolicyHead,
  type PolicyLayer,
  type PolicyPlan,
} from "./policy-plan.ts";
import { decoders, weightsSource } from "./weights-js.ts";

/** Returns the source of the module, with weights of a dtype, and of its types. */
export function policyModule(
  plan: PolicyPlan,
  dtype: Dtype = "f32",
): { readonly js: string; readonly types: string } {
  checkNormalizer("policyModule", plan);
  const recurrent = plan.layers.some(({ kind }) => kind === "lstm");
  const used = new Set<string>(plan.layers.map(({ kind }) => kind));
  const steps = [...normalizing(plan), ...plan.layers.map(step)];
  const js = [
    `/**`,
    ` * ${plan.title}: a policy trained by pigrad, ready to act. It needs nothing but JavaScript.`,
    ` *`,
    ...(plan.masked
      ? [
          ` *   act(observation, { mask })                       the likeliest action whose mask is 1`,
          ` *   act(observation, { mask, random: Math.random })  one drawn from the policy among them`,
        ]
      : [
          ` *   act(observation)                                the likeliest action`,
          ` *   act(observation, { random: Math.random })        an action drawn from the policy`,
        ]),
    ...(recurrent
      ? [
          ` *   act(observation, { state })                     state = start() at an episode's start`,
        ]
      : []),
    ...(plan.observation.length === 3
      ? [
          ` *`,
          ` * An observation is a flat list of [${plan.observation.join(", ")}]: channels, rows, columns. An image of bytes comes as numbers`,
          ` * from 0 to 1, its channels first.`,
        ]
      : []),
    ...named(" * An observation is", plan.names?.observation),
    ` */`,
    decoders[dtype],
    `const weights = {`,
    ...statistics(plan).map(([name, x]) => `  ${name}: ${weightsSource(x, 0, "f32")},`),
    ...constants(plan).map(
      ([name, x, outputs]) => `  ${name}: ${weightsSource(x, outputs, dtype)},`,
    ),
    `};`,
    ``,
    ...[...used].map((kind) => functions[kind as PolicyLayer["kind"]]),
    headFunction(plan.head),
    ...(recurrent ? [start(plan)] : []),
    ...actionNames(plan).map(
      (names) => `/** Names of the actions. */\nexport const actions = ${names};\n`,
    ),
    `export function act(observation, options = {}) {`,
    `  let x = Float32Array.from(observation);`,
    `  if (x.length !== ${plan.observation.reduce((a, b) => a * b, 1)}) throw new RangeError(\`act: expected ${plan.observation.join(" × ")} numbers, got \${x.length}\`);`,
    `  if (!x.every(Number.isFinite)) throw new RangeError("act: expected finite numbers");`,
    ...maskChecks(plan),
    ...(recurrent
      ? [
          `  const { state } = options;`,
          `  if (state?.length !== ${remembered(plan)}) throw new RangeError("act: expected the state that start() gave, or it forgets each step");`,
        ]
      : []),
    ...steps.map((line) => `  ${line}`),
    `  return choose(x, options);`,
    `}`,
    ``,
  ].join("\n");
  return { js, types: typesOf(plan, recurrent) };
}

/** Returns lines of a comment that list names; a name cannot end the comment. */
const named = (what: string, names: readonly string[] | null = null): string[] =>
  names === null || names.length > 64
    ? []
    : [" *", `${what} ${JSON.stringify(names)}`.replaceAll("*/", "* /")];

/** Returns the source of the list of names of choices, or of an action's numbers; empty without names. */
const actionNames = ({ names }: PolicyPlan): string[] =>
  names?.action ? [JSON.stringify(names.action)] : [];

function maskChecks({ head, masked = false }: PolicyPlan): string[] {
  if (!isMasked(head) || !("choices" in head)) return [];
  const width = head.choices.reduce((sum, n) => sum + n, 0);
  return [
    ...(masked
      ? [
          `  if (!options.mask) throw new RangeError("act: expected a mask, as it was trained with");`,
        ]
      : []),
    `  if (options.mask && options.mask.length !== ${width}) throw new RangeError("act: expected a mask of ${width}");`,
  ];
}

const isMasked = ({ kind }: PolicyHead): boolean =>
  kind === "categorical" || kind === "multiCategorical";

function normalizing({ normalize }: PolicyPlan): string[] {
  if (normalize === null) return [];
  const { clip } = normalize;
  return [
    `x = x.map((v, i) => Math.min(Math.max((v - weights.mean[i]) * weights.scale[i], -${clip}), ${clip}));`,
  ];
}

/** The standardization of observations. It stays float32: its numbers may be beyond half precision. */
function statistics({ normalize }: PolicyPlan): [string, Floats][] {
  if (normalize === null) return [];
  const scale = (v: number): number => 1 / Math.sqrt(v + normalize.eps);
  return [
    ["mean", Float32Array.from(normalize.mean)],
    ["scale", Float32Array.from(normalize.variance, scale)],
  ];
}

/** Names, numbers, and the outputs of a matrix; 0 for a vector. */
function constants({ layers, head }: PolicyPlan): [string, Floats, number][] {
  const list: [string, Floats, number][] = [];
  layers.forEach((layer, i) => {
    const outputs = layer.kind === "lstm" ? 4 * layer.size : layer.bias.length;
    for (const [part, x] of Object.entries(layer))
      if (x instanceof Float32Array || x instanceof Float64Array)
        list.push([`${part}${i}`, x, part.startsWith("w") ? outputs : 0]);
  });
  if ("logStd" in head) list.push(["logStd", head.logStd, 0]);
  return list;
}

function step(layer: PolicyLayer, i: number): string {
  const w = (part: string): string => `weights.${part}${i}`;
  if (layer.kind === "dense") {
    const f = { tanh: ", Math.tanh", relu: ", (v) => Math.max(v, 0)", none: "" };
    return `x = dense(x, ${w("weight")}, ${w("bias")}${f[layer.activation]});`;
  }
  if (layer.kind === "conv")
    return `x = conv(x, ${w("weight")}, ${w("bias")}, ${layer.shape.join(", ")});`;
  return `x = lstm(x, state, ${w("wIh")}, ${w("wHh")}, ${w("bIh")}, ${w("bHh")});`;
}

const functions: Readonly<Record<PolicyLayer["kind"], string>> = {
  dense: `/** activation(w·x + b), w [outputs, inputs] */
function dense(x, w, b, activation = (v) => v) {
  return b.map((bias, j) => {
    let sum = 0;
    for (let i = 0; i < x.length; i++) sum += x[i] * w[j * x.length + i];
    return activation(Math.fround(bias + sum));
  });
}
`,
  conv: `/** max(0, a 3 × 3 convolution of x [planes, height, width] without padding + b) */
function conv(x, w, b, planes, height, width) {
  const y = new Float32Array(b.length * (height - 2) * (width - 2));
  for (let o = 0, at = 0; o < b.length; o++)
    for (let row = 0; row < height - 2; row++)
      for (let column = 0; column < width - 2; column++) {
        let sum = b[o];
        for (let p = 0; p < planes; p++)
          for (let k = 0; k < 9; k++)
            sum += x[(p * height + row + Math.floor(k / 3)) * width + column + (k % 3)] * w[(o * planes + p) * 9 + k];
        y[at++] = Math.max(sum, 0);
      }
  return y;
}
`,
  lstm: `/** One step of a long short-term memory: gates i, f, g, o. Writes the new h and c to the state. */
function lstm(x, state, wIh, wHh, bIh, bHh) {
  const n = state.length / 2;
  const h = state.slice(0, n);
  const gate = (j) => {
    let sum = bIh[j] + bHh[j];
    for (let i = 0; i < x.length; i++) sum += x[i] * wIh[j * x.length + i];
    for (let i = 0; i < n; i++) sum += h[i] * wHh[j * n + i];
    return sum;
  };
  const sigmoid = (v) => 1 / (1 + Math.exp(-v));
  for (let j = 0; j < n; j++) {
    const c = sigmoid(gate(n + j)) * state[n + j] + sigmoid(gate(j)) * Math.tanh(gate(2 * n + j));
    state[n + j] = c;
    state[j] = sigmoid(gate(3 * n + j)) * Math.tanh(c);
  }
  return state.slice(0, n);
}
`,
};

/** Returns the size of the policy's state: h and c of each memory. */
const remembered = ({ layers }: PolicyPlan): number =>
  layers.reduce((n, layer) => n + (layer.kind === "lstm" ? 2 * layer.size : 0), 0);

const start = (plan: PolicyPlan): string =>
  `/** Returns the policy's state at the start of an episode; act writes to it. */
export function start() {
  return new Float32Array(${remembered(plan)});
}
`;

const pick = `/** Draws one of x[first …], or takes the likeliest; only among those that a mask allows, if given. */
function pick(x, mask, random, first, count) {
  const allowed = (i) => !mask || mask[i];
  let best = -1;
  for (let i = first; i < first + count; i++) if (allowed(i) && (best < 0 || x[i] > x[best])) best = i;
  if (best < 0) throw new RangeError("act: expected an allowed choice, the mask has none");
  if (!random) return best - first;
  const chance = (i) => (allowed(i) ? Math.exp(x[i] - x[best]) : 0);
  let left = 0;
  for (let i = first; i < first + count; i++) left += chance(i);
  left *= random();
  for (let i = first; i < first + count; i++) {
    if (chance(i) > 0 && left < chance(i)) return i - first;
    left -= chance(i);
  }
  return best - first;
}
`;

function headFunction(head: PolicyHead): string {
  if (head.kind === "categorical") {
    const [n] = head.choices;
    const { start = 0 } = head;
    const from = start === 0 ? "" : `${start} + `;
    return `${pick}
function choose(x, { mask, random }) {
  return ${from}pick(x, mask, random, 0, ${n});
}
`;
  }
  if (head.kind === "multiCategorical") {
    const { choices, start = [] } = head;
    const shifts = start.some((from) => from !== 0);
    return `${pick}
function choose(x, { mask, random }) {
  let first = 0;
  return [${choices.join(", ")}].map((count${shifts ? ", i" : ""}) => {
    first += count;
    return ${shifts ? `[${start.join(", ")}][i] + ` : ""}pick(x, mask, random, first - count, count);
  });
}
`;
  }
  if (head.kind === "bernoulli") {
    return `function choose(x, { random }) {
  return Array.from(x, (v) => ((random ? random() : 0.5) < 1 / (1 + Math.exp(-v)) ? 1 : 0));
}
`;
  }
  const { low, high, kind } = head;
  const bound = (x: ArrayLike<number>): string =>
    `[${Array.from(x, (v) => (Number.isFinite(v) ? v : v > 0 ? "Infinity" : "-Infinity")).join(", ")}]`;
  const into =
    kind === "squashed"
      ? "low[i] + ((Math.tanh(u) + 1) / 2) * (high[i] - low[i])"
      : "Math.min(Math.max(u, low[i]), high[i])";
  return `const [low, high] = [${bound(low)}, ${bound(high)}];
/** Draws a normal number (Box and Muller). */
const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
function choose(x, { random }) {
  return Array.from(x, (mean, i) => {
    const u = random ? mean + Math.exp(weights.logStd[i]) * normal(random) : mean;
    return ${into};
  });
}
`;
}

function typesOf(plan: PolicyPlan, recurrent: boolean): string {
  const { head, title, masked = false } = plan;
  const action = head.kind === "categorical" ? "number" : "number[]";
  const options = [
    `  /** Returns uniform numbers in [0, 1), to draw an action; without it the likeliest is taken. */`,
    `  readonly random?: () => number;`,
    ...(isMasked(head)
      ? [
          `  /** 1 where a choice is allowed. */`,
          `  readonly mask${masked ? "" : "?"}: ArrayLike<number>;`,
        ]
      : []),
    ...(recurrent
      ? [`  /** The state from start(), which act writes to. */`, `  readonly state: Float32Array;`]
      : []),
  ];
  return [
    `/** ${title} */`,
    `export interface ActOptions {`,
    ...options,
    `}`,
    ...(recurrent ? [`export function start(): Float32Array;`] : []),
    ...actionNames(plan).map((names) => `export declare const actions: readonly ${names};`),
    `export function act(observation: ArrayLike<number>, options${recurrent || masked ? "" : "?"}: ActOptions): ${action};`,
    ``,
  ].join("\n");
}
