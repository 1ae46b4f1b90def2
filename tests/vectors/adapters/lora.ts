/** Adapters of peft's form: outputs, gradients and merged weights; and GRPO steps on them alone. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Backend } from "../../../src/core/backend.ts";
import { Tape } from "../../../src/core/tape.ts";
import { input, type Tensor } from "../../../src/core/tensor.ts";
import { categoricalLogProb } from "../../../src/distributions/categorical.ts";
import { klLoss } from "../../../src/estimators/kl.ts";
import {
  diagnostics,
  surrogateDefaults,
  surrogateLoss,
} from "../../../src/estimators/surrogate.ts";
import { tokenWeights } from "../../../src/estimators/weights.ts";
import { decodeSafetensors } from "../../../src/io/safetensors.ts";
import { loadModel } from "../../../src/models/load.ts";
import type { Lora } from "../../../src/models/lora.ts";
import { loadLora } from "../../../src/models/lora-files.ts";
import { hubTensors } from "../../../src/models/save.ts";
import { modelFolder } from "../../../src/node/model-folder.ts";
import { add, mul } from "../../../src/ops/arithmetic.ts";
import { indexSelect } from "../../../src/ops/indexing.ts";
import { reshape } from "../../../src/ops/layout.ts";
import { crossEntropy } from "../../../src/ops/loss.ts";
import { AdamW } from "../../../src/optim/adam.ts";
import { clipGlobalNorm, globalNorm } from "../../../src/optim/clip.ts";
import { close, decode } from "../compare.ts";
import type { WholeCase } from "../types.ts";
import { eachBackend, wrongGreedy, wrongPass } from "./hub.ts";

// biome-ignore lint/suspicious/noExplicitAny: attributes and cases have whatever form the file gives
type Any = any;

function adapted(k: Backend, c: Any, folder: string): Lora {
  const { model } = loadModel(k, modelFolder(join(folder, c.folder)), { frozen: true });
  return loadLora(model, modelFolder(join(folder, c.adapter)));
}

/** Compares tensors with those of a file, by name. */
function wrongFile(
  path: string,
  got: (name: string) => ArrayLike<number> | undefined,
  tol: { readonly rtol: number; readonly atol: number },
): string | null {
  const { tensors } = decodeSafetensors(readFileSync(path));
  for (const [name, { data }] of tensors) {
    const wrong = close(got(name) ?? [], data, tol);
    if (wrong !== null) return `${path}: ${name}${wrong}`;
  }
  return tensors.size === 0 ? `${path}: no tensors` : null;
}

const runLora: WholeCase = (c: Any, { folder }) =>
  eachBackend((k) => {
    const lora = adapted(k, c, folder);
    const { model } = lora;
    const base = loadModel(k, modelFolder(join(folder, c.folder))).model;
    const n = model.parameters.list.reduce((sum, { data }) => sum + data.length, 0);
    if (n !== c.attrs.trainable) return `want ${c.attrs.trainable} trainable, got ${n}`;
    const wrong = wrongPass(model, c, folder) ?? wrongGreedy(model, c);
    if (wrong !== null) return wrong;
    lora.enabled = false;
    const off = lossOf(model, c);
    if (off !== lossOf(base, c)) return "switched off, it differs from the base";
    const near = close([off], [c.expected.baseLoss], { rtol: c.tol.rtol, atol: c.tol.lossAtol });
    if (near !== null) return `baseLoss${near}`;
    lora.enabled = true;
    const before = lossOf(model, c);
    lora.merge();
    const merged = new Map(hubTensors(model).map(({ name, data }) => [name, data]));
    return (
      wrongFile(join(folder, c.mergedFile), (name) => merged.get(name), {
        rtol: c.tol.rtol,
        atol: c.tol.mergedAtol,
      }) ?? close([lossOf(model, c)], [before], { rtol: c.tol.rtol, atol: c.tol.lossAtol })
    );
  });

function lossOf(model: Lora["model"], c: Any): number {
  const { backend: k } = model.parameters;
  const [B, T] = c.inputs.tokens.shape;
  const [tokens, mask] = [decode(c.inputs.tokens), decode(c.inputs.mask)];
  const next = Array.from(tokens, (_, i) =>
    (i + 1) % T === 0 || !mask[i + 1] ? -1 : tokens[i + 1],
  );
  const [x, positions] = [input(k, [B, T], tokens), input(k, [B, T])];
  for (let i = 0; i < B * T; i++) positions.data[i] = i % T;
  const targets = input(k, [B * T], next);
  const tape = new Tape(k, { grads: false });
  const loss = tape.run(() => {
    const logits = model.logits(reshape(model.hidden(x, positions), [B * T, -1]));
    return crossEntropy(logits, targets, { ignoreIndex: -1 });
  }).data[0];
  tape.drop();
  return loss;
}

const runGrpo: WholeCase = (c: Any, { folder }) =>
  eachBackend((k) => {
    const lora = adapted(k, c, folder);
    const { parameters } = lora.model;
    const { lr, betas, eps, weightDecay, maxGradNorm, steps, beta, clipEps } = c.attrs;
    const [beta1, beta2] = betas;
    const adam = new AdamW(parameters, { learningRate: lr, beta1, beta2, eps, weightDecay });
    const { logProbs, old, reference, advantage, weight } = grpoTensors(k, lora, c);
    const tape = new Tape(k);
    const settings = { ...surrogateDefaults, clipLow: clipEps, clipHigh: clipEps };
    const { rtol, lossAtol, logProbsAtol, gradsAtol, weightsAtol } = c.tol;
    for (let step = 0; step < steps; step++) {
      const made = tape.run(() => {
        const logProb = logProbs();
        const policy = surrogateLoss(logProb, old, advantage, weight, settings);
        const kl = klLoss(logProb, reference, weight);
        return { logProb, policy, kl, loss: add(policy, mul(kl, beta)) };
      });
      tape.backward(made.loss);
      const { clipFraction } = diagnostics(made.policy);
      if (step === 0) {
        const wrong =
          wrongLogProbs(made.logProb, c.expected.logProbs, c) ??
          wrongFile(join(folder, c.gradsFile), (name) => parameters.get(name)?.grad, {
            rtol,
            atol: gradsAtol,
          });
        if (wrong !== null) return wrong;
      }
      const norm = maxGradNorm
        ? clipGlobalNorm(parameters.list, maxGradNorm)
        : globalNorm(parameters.list);
      const e = c.expected;
      const got = [made.loss.data[0], made.policy.data[0], made.kl.data[0], norm, clipFraction];
      const want = [e.loss, e.policyLoss, e.kl, e.gradNormBeforeClip, e.clipFraction];
      const limits = { rtol: 10 * rtol, atol: Math.max(lossAtol, logProbsAtol) };
      const wrong = close(
        got,
        want.map((list) => list[step]),
        limits,
      );
      if (wrong !== null) return `step ${step}: ${wrong}`;
      adam.step();
    }
    const wrong = wrongFile(join(folder, c.afterFile), (name) => parameters.get(name)?.data, {
      rtol,
      atol: weightsAtol,
    });
    if (wrong !== null) return wrong;
    lora.enabled = false;
    return wrongLogProbs(new Tape(k).run(logProbs), c.expected.refLogProbs, c);
  });

function wrongLogProbs(got: Tensor, want: readonly number[][], c: Any): string | null {
  const mask = decode(c.inputs.completionMask);
  const masked = Array.from(got.data, (x, i) => (mask[i] ? x : 0));
  const tol = { rtol: c.tol.rtol, atol: c.tol.logProbsAtol };
  const wrong = close(masked, want.flat(), tol);
  return wrong === null ? null : `logProbs${wrong}`;
}

/** The tensors of a GRPO loss [B, T − 1], and the pass that computes the log-probabilities. */
function grpoTensors(k: Backend, { model }: Lora, c: Any) {
  const [B, T] = c.inputs.tokens.shape;
  const tokens = decode(c.inputs.tokens);
  const shape = [B, T - 1];
  const place = input(k, shape);
  const chosen = input(k, [B * T]);
  const positions = input(k, [B, T]);
  for (let i = 0; i < B * T; i++) {
    positions.data[i] = i % T;
    chosen.data[i] = (i + 1) % T === 0 ? 0 : tokens[i + 1];
  }
  for (let i = 0; i < place.data.length; i++) place.data[i] = i + Math.floor(i / (T - 1));
  const x = input(k, [B, T], tokens);
  const weight = input(k, shape);
  tokenWeights(weight.data, decode(c.inputs.completionMask), T - 1, {
    aggregation: c.attrs.normalizer,
  });
  const logProbs = (): Tensor => {
    const logits = model.logits(reshape(model.hidden(x, positions), [B * T, -1]));
    return indexSelect(categoricalLogProb(mul(logits, 1 / c.attrs.temperature), chosen), place);
  };
  const old = input(k, shape, decode(c.inputs.oldLogProbs));
  const reference = input(k, shape, decode(c.inputs.refLogProbs));
  const advantage = input(k, [B], decode(c.inputs.advantages));
  return { logProbs, old, reference, advantage, weight };
}

export const lora: Record<string, WholeCase> = { hfLora: runLora, hfLoraGrpo: runGrpo };
