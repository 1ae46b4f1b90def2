/** Language models in folders as on the hub: their configs, logits, losses, gradients, log-probabilities, greedy tokens. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Backend } from "../../../src/core/backend.ts";
import { FormatError } from "../../../src/core/errors.ts";
import { Random } from "../../../src/core/random.ts";
import { Tape } from "../../../src/core/tape.ts";
import { input, type Parameter } from "../../../src/core/tensor.ts";
import { categoricalEntropy, categoricalLogProb } from "../../../src/distributions/categorical.ts";
import { parseJson } from "../../../src/io/json.ts";
import { decodeSafetensors } from "../../../src/io/safetensors.ts";
import type { HubModel } from "../../../src/models/build.ts";
import { modelConfig } from "../../../src/models/config.ts";
import { gpt2Name } from "../../../src/models/gpt2-names.ts";
import { loadModel } from "../../../src/models/load.ts";
import { generate } from "../../../src/nn/decode.ts";
import { Gpt } from "../../../src/nn/gpt.ts";
import { modelFolder } from "../../../src/node/model-folder.ts";
import { mul } from "../../../src/ops/arithmetic.ts";
import { reshape } from "../../../src/ops/layout.ts";
import { crossEntropy } from "../../../src/ops/loss.ts";
import { backendFor } from "../backend.ts";
import { close, decode } from "../compare.ts";
import type { WholeCase } from "../types.ts";

// biome-ignore lint/suspicious/noExplicitAny: attributes and cases have whatever form the file gives
type Any = any;

export const eachBackend = (check: (k: Backend) => string | null): string | null => {
  for (const float of [Float32Array, Float64Array]) {
    const wrong = check(backendFor(float));
    if (wrong !== null) return `${float.name}: ${wrong}`;
  }
  return null;
};

/** A parameter's gradient under its name in the hub's files, in their layout. */
export function hubGradient(model: HubModel, parameter: Parameter): [string, ArrayLike<number>] {
  const { name, shape, grad } = parameter;
  if (!(model instanceof Gpt) || name.startsWith("base_model.")) return [name, grad];
  const { theirs, isTransposed } = gpt2Name(name);
  const hub = `transformer.${theirs}`;
  if (!isTransposed) return [hub, grad];
  const [outputs, inputs] = shape;
  return [hub, grad.map((_, i) => grad[(i % outputs) * inputs + Math.floor(i / outputs)])];
}

const runModel: WholeCase = (c, { folder }) =>
  eachBackend((k) => {
    const { model } = loadModel(k, modelFolder(join(folder, (c as Any).folder)));
    return wrongPass(model, c, folder) ?? wrongGreedy(model, c);
  });

/** Runs the texts of a case, and compares logits, losses, log-probabilities and gradients. */
export function wrongPass(model: HubModel, c: Any, folder: string): string | null {
  const { backend: k } = model.parameters;
  const [B, T] = c.inputs.tokens.shape;
  const { vocab } = model.options;
  const [tokens, mask] = [decode(c.inputs.tokens), decode(c.inputs.mask)];
  const next = Array.from(tokens, (_, i) =>
    (i + 1) % T === 0 || !mask[i + 1] ? -1 : tokens[i + 1],
  );
  const x = input(k, [B, T], tokens);
  const positions = input(
    k,
    [B, T],
    Array.from(tokens, (_, i) => i % T),
  );
  const targets = input(k, [B * T], next);
  const chosen = input(
    k,
    [B * T],
    next.map((t) => Math.max(t, 0)),
  );
  const tape = new Tape(k, { poison: true });
  const body = () => {
    const logits = reshape(model.logits(model.hidden(x, positions)), [B * T, vocab]);
    const warm = mul(logits, 1 / 0.7);
    return {
      logits,
      logProbs: categoricalLogProb(logits, chosen),
      logProbsT07: categoricalLogProb(warm, chosen),
      entropyT07: categoricalEntropy(warm),
      loss: crossEntropy(logits, targets, { ignoreIndex: -1 }),
    };
  };
  tape.run(body);
  const made = tape.run(body); // replayed
  if (made.loss.grad !== null) tape.backward(made.loss); // null if all weights are frozen
  const { rtol, logitsAtol, logProbsAtol, lossAtol } = c.tol;
  const rows = c.expected.positions.map(([row, t]: [number, number]) => row * T + t);
  const logits = rows.flatMap((at: number) =>
    Array.from(made.logits.data.subarray(at * vocab, (at + 1) * vocab)),
  );
  const wrong =
    close(logits, decode(c.expected.logits, false), { rtol, atol: logitsAtol }) ??
    close(made.loss.data, [c.expected.loss], { rtol, atol: lossAtol });
  if (wrong !== null) return `logits or loss ${wrong}`;
  for (const name of ["logProbs", "logProbsT07", "entropyT07"] as const) {
    for (const [row, want] of ((c.expected[name] ?? []) as number[][]).entries()) {
      const got = made[name].data.subarray(row * T, row * T + want.length);
      const differs = close(got, want, { rtol, atol: logProbsAtol });
      if (differs !== null) return `${name}[${row}]${differs}`;
    }
  }
  return wrongGradients(model, c, folder);
}

function wrongGradients(model: HubModel, c: Any, folder: string): string | null {
  const grads = new Map(model.parameters.list.map((p) => hubGradient(model, p)));
  const names = Object.keys(c.expected.gradSums);
  if (names.length !== grads.size) return `want ${names.length} gradients, got ${grads.size}`;
  for (const name of names) {
    const wrong = wrongSums(grads.get(name) ?? [], c.expected.gradSums[name]);
    if (wrong !== null) return `gradient of ${name}: ${wrong}`;
  }
  if (c.gradsFile === undefined) return null;
  const { tensors } = decodeSafetensors(readFileSync(join(folder, c.gradsFile)));
  for (const [name, { data }] of tensors) {
    const tol = { rtol: c.tol.rtol, atol: c.tol.gradsAtol };
    const wrong = close(grads.get(name) ?? [], data, tol);
    if (wrong !== null) return `${c.gradsFile} ${name}${wrong}`;
  }
  return tensors.size === grads.size ? null : `${c.gradsFile}: ${tensors.size} tensors`;
}

/** Compares a gradient's sums, one of them with weights that tell its elements apart. */
function wrongSums(g: ArrayLike<number>, want: Any): string | null {
  let [sum, dot, sumSq, absMax] = [0, 0, 0, 0];
  for (let i = 0; i < g.length; i++) {
    sum += g[i];
    sumSq += g[i] * g[i];
    absMax = Math.max(absMax, Math.abs(g[i]));
    dot += g[i] * ((Math.imul(i + 1, 0x9e3779b1) >>> 0) / 4294967296 - 0.5);
  }
  return (
    close([sum, dot, absMax], [want.sum, want.dot, want.absMax], { rtol: 0, atol: want.atol }) ??
    close([sumSq], [want.sumSq], { rtol: want.sumSqRtol, atol: 0 })
  );
}

export function wrongGreedy(model: HubModel, c: Any): string | null {
  for (const { prompt, tokens, logProbs } of c.expected.greedy) {
    const got: number[] = [];
    const said: number[] = [];
    for (const step of generate(model, prompt, new Random(1), { greedy: true })) {
      got.push(step.token);
      said.push(step.logProb);
      if (got.length === tokens.length) break;
    }
    const wrong =
      close(got, tokens, { rtol: 0, atol: 0 }) ??
      close(said, logProbs ?? said, {
        rtol: c.tol.rtol,
        atol: c.tol.logProbsAtol ?? 2 * c.tol.logitsAtol,
      });
    if (wrong !== null) return `greedy${wrong}`;
  }
  return null;
}

const runConfig: WholeCase = (c: Any) => {
  const { config, generationConfig } = c.inputs;
  const { error, ...want } = c.expected;
  let got: Any;
  try {
    const json = (x: unknown, name: string) => parseJson(JSON.stringify(x), name);
    got = labeled(
      modelConfig(
        json(config, "config.json"),
        json(generationConfig ?? null, "generation_config.json"),
      ),
    );
  } catch (thrown) {
    if (thrown instanceof FormatError && error === true) return null;
    throw thrown;
  }
  if (error === true) return "want an error";
  for (const [name, value] of Object.entries(want)) {
    const [a, b] = [JSON.stringify(got[name]), JSON.stringify(value)];
    if (a !== b) return `${name}: want ${b}, got ${a}`;
  }
  return null;
};

/** A config under the names of the schema. */
function labeled(config: ReturnType<typeof modelConfig>): Any {
  const { rope } = config;
  const { type = null, ...scaling } = rope?.scaling ?? {};
  const { originalContext, ...rest } = scaling as Any;
  return {
    ...config,
    hiddenSize: config.width,
    kvHeads: config.keyHeads,
    headDim: config.headWidth,
    intermediateSize: config.inner,
    vocabSize: config.vocab,
    normEps: config.eps,
    ropeTheta: rope?.theta ?? null,
    ropeType: type,
    ropeScaling: originalContext ? { ...rest, originalMaxPositions: originalContext } : rest,
    slidingWindow: config.windows.map((window) => (window === 0 ? null : window)),
    maxPositions: config.context,
    eosTokenIds: config.stop,
  };
}

export const hub: Record<string, WholeCase> = { hfModel: runModel, hfConfig: runConfig };
