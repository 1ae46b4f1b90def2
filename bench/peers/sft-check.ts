/**
 * `npx tsx bench/peers/sft-check.ts`: trains supervised here and in PyTorch, from the same weights on the same
 * batches; prints both losses. Exit code 1 if they end more than 0.02 nats apart, 0 if no Python has torch.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LanguageTraining } from "../../src/algos/language-training.ts";
import { TextLoss, textsOf } from "../../src/algos/sft.ts";
import { simd } from "../../src/backends/simd.ts";
import { Random } from "../../src/core/random.ts";
import { settle } from "../../src/core/settings.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { AdamW } from "../../src/optim/adam.ts";
import { clipGlobalNorm } from "../../src/optim/clip.ts";
import { numberWordsSettings, numberWordsTask } from "../../src/tasks/text/number-words.ts";

const steps = 300;
const batchSize = 32;
const learningRate = 1e-3;
const python = ["python3", "/usr/bin/python3"].find(
  (name) => spawnSync(name, ["-c", "import torch"]).status === 0,
);
if (python === undefined) {
  console.log("no Python with torch: nothing to compare with");
  process.exit(0);
}

const task = numberWordsTask(settle(numberWordsSettings));
const shape = { vocab: task.tokenizer.vocab, context: 48, layers: 2, heads: 4, width: 64 };
const random = new Random(1);
const gpt = new Gpt(simd(), shape, random);
const training = new LanguageTraining(gpt, task, random, 1);
const { texts } = textsOf(training, task.examples.train);
const heldOut = textsOf(training, task.examples.heldOut).texts;
const batches = Array.from({ length: steps }, () =>
  Array.from({ length: batchSize }, () => texts[random.below(texts.length)]),
);
const weights = Object.fromEntries(
  gpt.parameters.list.map(({ name, shape: s, data }) => [name, { shape: s, data: [...data] }]),
);

const longest = 49;
const learning = new TextLoss(training, longest, null, true);
const judging = new TextLoss(training, longest, null, false);
const adam = new AdamW(gpt.parameters, { learningRate, weightDecay: 0.01 });
const ours: number[] = [];
for (const batch of batches) {
  ours.push(learning.run(batch));
  clipGlobalNorm(adam.regions, 1);
  adam.step();
}
const ourValidation = judging.run(heldOut);

const folder = mkdtempSync(join(tmpdir(), "pigrad-sft-"));
try {
  const file = join(folder, "case.json");
  writeFileSync(file, JSON.stringify({ ...shape, learningRate, weights, batches, heldOut }));
  const script = fileURLToPath(new URL("sft_check.py", import.meta.url));
  const { stdout, stderr, status } = spawnSync(python, [script, file], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  const theirs = JSON.parse(stdout) as { losses: number[]; validation: number };
  for (const step of [0, 9, 49, 99, 199, steps - 1])
    console.log(
      `step ${step + 1}: ${ours[step].toFixed(5)}, PyTorch ${theirs.losses[step].toFixed(5)}`,
    );
  console.log(`held out: ${ourValidation.toFixed(5)}, PyTorch ${theirs.validation.toFixed(5)}`);
  const apart = Math.abs(ourValidation - theirs.validation);
  console.log(`${apart.toFixed(5)} nats apart after ${steps} steps`);
  process.exitCode = apart <= 0.02 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}
