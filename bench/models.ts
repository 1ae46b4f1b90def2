/**
 * `npm run bench:models`: a model of SmolLM2-135M's shape with random weights, on one thread: reading eight prompts of 64
 * tokens, continuing eight texts by a token, a LoRA step on four texts of 128 tokens, for each form of the weights; and
 * the memory. `npm run bench:models -- int8` runs one form; --quick takes a small shape. Times are user CPU, the least.
 * `-- int8 --memory kept` or `--memory recomputed` runs LoRA steps of eight texts alone, and prints their memory.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { simd } from "../src/backends/simd.ts";
import type { Backend } from "../src/core/backend.ts";
import { Random } from "../src/core/random.ts";
import { Tape } from "../src/core/tape.ts";
import { input } from "../src/core/tensor.ts";
import type { HubModel } from "../src/models/build.ts";
import { loadModel } from "../src/models/load.ts";
import { Lora } from "../src/models/lora.ts";
import { Decoder } from "../src/nn/decode.ts";
import { perToken, type ReadLogits, recompute } from "../src/nn/recompute.ts";
import { type WeightForm, weightForms } from "../src/nn/stored.ts";
import { modelFolder } from "../src/node/model-folder.ts";
import { reshape } from "../src/ops/layout.ts";
import { crossEntropy } from "../src/ops/loss.ts";
import { mean } from "../src/ops/reduce.ts";
import { AdamW } from "../src/optim/adam.ts";
import { shapes, writePublished } from "./published.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    memory: { type: "string" },
    folder: { type: "string" },
  },
});
const { quick, memory, folder } = values;
const forms = weightForms.filter((form) => positionals.length === 0 || positionals.includes(form));
const rounds = quick ? 1 : memory === undefined ? 4 : 0;
const [texts, promptLength] = [8, 64];
const [batch, steps] = quick ? [2, 16] : [memory === undefined ? 4 : 8, 128];

/** Returns the least of some runs' user CPU time, in seconds. */
function least(run: () => void, before: () => void = () => {}): number {
  const times = Array.from({ length: rounds + 1 }, () => {
    before();
    const start = process.cpuUsage();
    run();
    return process.cpuUsage(start).user / 1e6;
  });
  return Math.min(...times);
}

function say(what: string, tokens: number, seconds: number): void {
  const rate = Math.round(tokens / seconds);
  console.log(
    `  ${what.padEnd(36)} ${(1000 * seconds).toFixed(1).padStart(9)} ms  ${rate} tokens/s`,
  );
}

function decoding(model: HubModel, random: Random): void {
  const decoder = new Decoder(model, texts);
  const push = (n: number): void => {
    for (let text = 0; text < texts; text++)
      for (let i = 0; i < n; i++) decoder.push(text, random.below(model.options.vocab));
  };
  const prefill = least(
    () => decoder.run(),
    () => {
      decoder.clearAll();
      push(promptLength);
    },
  );
  say(`prefill ${texts}×${promptLength}`, texts * promptLength, prefill);
  const step = least(() => {
    for (let i = 0; i < 8; i++) {
      push(1);
      decoder.run();
    }
  });
  say(`decoding step of ${texts} texts`, texts, step / 8);
  decoder.free();
}

const each = { reduction: "none" } as const;
const losses: ReadLogits = {
  results: 1,
  of: (logits, [label]) => [crossEntropy(logits, label, each)],
};

function training(k: Backend, model: HubModel, random: Random): void {
  new Lora(model, { rank: 8, alpha: 16, targets: ["q_proj", "v_proj"] }, random);
  const adam = new AdamW(model.parameters, { learningRate: 1e-4 });
  const [tokens, positions] = [0, 1].map(() => input(k, [batch, steps]));
  const labels = input(k, [batch * steps]);
  for (let i = 0; i < batch * steps; i++) {
    tokens.data[i] = random.below(model.options.vocab);
    labels.data[i] = random.below(model.options.vocab);
    positions.data[i] = i % steps;
  }
  const tape = new Tape(k);
  const flat = Object.freeze([batch * steps, -1]);
  const loss = () => {
    const hidden = reshape(model.hidden(tokens, positions), flat);
    return mean(perToken(model, hidden, [labels], losses)[0]);
  };
  const seconds = least(() => {
    tape.backward(tape.run(loss));
    adam.step();
  });
  say(`LoRA step ${batch}×${steps}`, batch * steps, seconds);
}

function run(weights: WeightForm, folder: string): void {
  const k = simd({ memory: quick ? 2 ** 27 : 2 ** 32 - 2 ** 16 });
  const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
  console.log(weights);
  const { model } = loadModel(k, modelFolder(folder), { context: 256, frozen: true, weights });
  console.log(`  weights ${mib(k.live())}`);
  const random = new Random(2);
  if (memory === undefined) {
    decoding(model, random);
    console.log(`  resident after decoding ${mib(process.memoryUsage.rss())}`);
  } else {
    recompute(model, memory === "recomputed");
    console.log(`  resident ${mib(process.memoryUsage.rss())}`);
  }
  training(k, model, random);
  console.log(`  with the LoRA step's activations ${mib(k.live())}`);
  if (memory === undefined) return;
  console.log(`  most in use at once ${mib(k.used())}`);
  console.log(`  resident, at most ${mib(1024 * process.resourceUsage().maxRSS)}`);
}

if (folder !== undefined) run(forms[0], folder);
else {
  const written = writePublished(quick ? shapes.tiny : shapes.smol);
  for (const form of forms) {
    // a process each, so that resident memory is that of one form
    const args = [...process.execArgv, fileURLToPath(import.meta.url), form, "--folder", written];
    if (quick) args.push("--quick");
    if (memory !== undefined) args.push("--memory", memory);
    const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
    if (status !== 0) process.exitCode = status ?? 1;
  }
  rmSync(written, { recursive: true });
}
