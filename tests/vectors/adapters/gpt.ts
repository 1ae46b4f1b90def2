/** Whole language models: logits, losses, gradients, optimizer steps, greedy tokens; and their files. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loops } from "../../../src/backends/loops.ts";
import type { Backend } from "../../../src/core/backend.ts";
import { Random } from "../../../src/core/random.ts";
import { Tape } from "../../../src/core/tape.ts";
import { input } from "../../../src/core/tensor.ts";
import { decodeSafetensors, encodeSafetensors } from "../../../src/io/safetensors.ts";
import { generate } from "../../../src/nn/decode.ts";
import { Gpt } from "../../../src/nn/gpt.ts";
import { crossEntropy } from "../../../src/ops/loss.ts";
import { AdamW } from "../../../src/optim/adam.ts";
import { backendFor } from "../backend.ts";
import { close, decode } from "../compare.ts";
import type { VectorCase, VectorTensor, WholeCase, WholeFile } from "../types.ts";

// biome-ignore lint/suspicious/noExplicitAny: attributes and cases have whatever form the file gives
type Any = any;
type Tensors = Record<string, VectorTensor>;

const floats = [Float32Array, Float64Array] as const;
const eachBackend = (check: (k: Backend) => string | null): string | null => {
  for (const float of floats) {
    const wrong = check(backendFor(float));
    if (wrong !== null) return `${float.name}: ${wrong}`;
  }
  return null;
};

/** The model a case describes, with its weights. */
function model(k: Backend, c: Any): Gpt {
  const { vocab, context, layers, heads, width, tiedEmbeddings: tied } = c.attrs;
  const gpt = new Gpt(k, { vocab, context, layers, heads, width, tied }, new Random(1));
  for (const { name, data } of gpt.parameters.list) data.set(decode(c.initial[name]));
  return gpt;
}

function firstDifference(
  got: (name: string) => ArrayLike<number> | undefined,
  want: Tensors,
  tol: { rtol: number; atol: number },
  what: string,
): string | null {
  for (const [name, tensor] of Object.entries(want)) {
    const data = got(name);
    if (data === undefined) return `${what}: no ${name}`;
    const wrong = close(data, decode(tensor, false), tol);
    if (wrong !== null) return `${what}.${name}${wrong}`;
  }
  return null;
}

const train: WholeCase = (c, file) => wrongFile(c, file) ?? eachBackend((k) => trainOn(k, c));

function trainOn(k: Backend, c: Any): string | null {
  const gpt = model(k, c);
  const { lr, betas, eps, weightDecayMatrices, weightDecayOthers } = c.attrs;
  const [steps, B, T] = c.inputs.tokens.shape;
  const tokens = input(k, [B, T]);
  const targets = input(k, [B, T]);
  const positions = input(
    k,
    [B, T],
    Float32Array.from({ length: B * T }, (_, i) => i % T),
  );
  const { list } = gpt.parameters;
  const isMatrix = ({ shape }: { shape: readonly number[] }): boolean => shape.length === 2;
  const groups = [
    { parameters: list.filter(isMatrix), weightDecay: weightDecayMatrices },
    { parameters: list.filter((p) => !isMatrix(p)), weightDecay: weightDecayOthers },
  ];
  const [beta1, beta2] = betas;
  const adam = new AdamW(groups, { learningRate: lr, beta1, beta2, eps });
  const tape = new Tape(k, { poison: true });
  let logits = tokens;
  const loss = () => {
    logits = gpt.logits(gpt.hidden(tokens, positions));
    return crossEntropy(logits, targets);
  };
  const { rtol, logitsAtol, gradsAtol, weightsAtol } = c.tol;
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const batch = (t: VectorTensor) => t.data.slice(step * B * T, (step + 1) * B * T) as number[];
    tokens.data.set(batch(c.inputs.tokens));
    targets.data.set(batch(c.inputs.targets));
    const made = tape.run(loss);
    losses.push(made.data[0]);
    tape.backward(made);
    if (step === 0) {
      const want = decode(c.expected.logits, false);
      const wrong =
        close(logits.data, want, { rtol, atol: logitsAtol }) ??
        firstDifference(
          (name) => gpt.parameters.get(name)?.grad,
          c.expected.grads,
          { rtol, atol: gradsAtol },
          "grads",
        );
      if (wrong !== null) return wrong;
    }
    adam.step();
  }
  return (
    close(losses, c.expected.losses, { rtol, atol: logitsAtol }) ??
    firstDifference(
      (name) => gpt.parameters.get(name)?.data,
      c.expected.afterThreeSteps,
      { rtol, atol: weightsAtol },
      "afterThreeSteps",
    )
  );
}

/** The case's weights file holds exactly its initial weights, and is what we write for them. */
function wrongFile(c: Any, { folder }: WholeFile): string | null {
  const bytes = readFileSync(join(folder, c.weightsFile));
  const { tensors, metadata } = decodeSafetensors(bytes);
  const gpt = model(loops(), c);
  for (const { name, data } of gpt.parameters.list) {
    const wrong = close(tensors.get(name)?.data ?? [], data, { rtol: 0, atol: 0 });
    if (wrong !== null) return `${c.weightsFile}: ${name}${wrong}`;
  }
  if (tensors.size !== gpt.parameters.list.length) return `${c.weightsFile}: other tensors`;
  const again = decodeSafetensors(
    encodeSafetensors(gpt.parameters.list, Object.fromEntries(metadata)),
  );
  for (const [name, { data }] of tensors) {
    const wrong = close(again.tensors.get(name)?.data ?? [], data, { rtol: 0, atol: 0 });
    if (wrong !== null) return `written: ${name}${wrong}`;
  }
  return null;
}

const greedy: WholeCase = (c, file) => {
  const described = file.cases.find(({ op }) => op === "gpt");
  if (described === undefined) return "no case describes the model";
  return eachBackend((k) => greedyOn(k, c, described));
};

function greedyOn(k: Backend, c: Any, described: VectorCase): string | null {
  const gpt = model(k, described);
  const tokens: number[] = [];
  const logProbs: number[] = [];
  const entropies: number[] = [];
  for (const made of generate(gpt, c.inputs.prompt, new Random(1), { greedy: true })) {
    tokens.push(made.token);
    logProbs.push(made.logProb);
    entropies.push(made.entropy);
    if (tokens.length === c.attrs.newTokens) break;
  }
  return (
    close(tokens, c.expected.tokens, { rtol: 0, atol: 0 }) ??
    close(logProbs, c.expected.logProbs, c.tol) ??
    close(entropies, c.expected.entropies, c.tol)
  );
}

export const gpt: Record<string, WholeCase> = { gpt: train, gptGreedy: greedy };
