/**
 * Group relative policy optimization (Shao et al. 2024, arXiv:2402.03300) of a small GPT, in one file; without the
 * penalty for moving away from a reference model. From rewards alone the GPT learns to count down: asked "7", it
 * answers "6543210.".
 */
import * as pg from "pigrad";

const seed = 1;
const updates = 120;
const groupSize = 32; // completions per prompt
const epochs = 2; // gradient steps per batch
const learningRate = 3e-3; // annealed to 0
const clipRange = 0.2;

// The task: prompts, and a reward from 0 to 1. A token is an index into the alphabet.
const prompts = [..."0123456789"];
const alphabet = "0123456789.";
const stop = alphabet.indexOf("."); // ends a completion

/** Returns the share of the answer that is right before the first mistake. */
function rewardOf(prompt: string, completion: string): number {
  const answer = `${"9876543210".slice(10 - Number(prompt))}.`;
  let right = 0;
  while (right < answer.length && completion[right] === answer[right]) right++;
  return right / answer.length;
}

const backend = pg.simd();
const random = new pg.Random(seed);
const length = 12; // most tokens of a text: a prompt of one, a completion of up to eleven
const size = { vocab: alphabet.length, context: length, layers: 1, heads: 2, width: 32 };
const gpt = new pg.Gpt(backend, size, random);
const adam = new pg.Adam(gpt.parameters);
const oldTape = new pg.Tape(backend);
const lossTape = new pg.Tape(backend);

// A batch: one row per text. The model reads all tokens but the last and predicts all but the first.
const count = prompts.length * groupSize;
const width = length - 1;
const read = pg.input(backend, [count, width]);
const position = pg.input(backend, [count, width]);
const predicted = pg.input(backend, [count * width]);
const oldLogProb = pg.input(backend, [count * width]);
const advantage = pg.input(backend, [count * width]);
const weight = pg.input(backend, [count * width]); // of each token in the mean; 0 for padding
for (let i = 0; i < count * width; i++) position.data[i] = i % width;

/** Returns ln π of every predicted token, [count · width]. */
function logProbOfTokens(): pg.Tensor {
  const logits = gpt.logits(gpt.hidden(read, position));
  return pg.categoricalLogProb(pg.reshape(logits, [count * width, alphabet.length]), predicted);
}

const decoder = new pg.Decoder(gpt, count);
const logits = pg.input(backend, [count, alphabet.length]);
const chosen = new Float32Array(count);
const noise = new Float64Array(count);

/** Completes every prompt `groupSize` times, token by token. Returns tokens, the prompt's included. */
function complete(greedy: boolean): number[][] {
  const texts = prompts.flatMap((prompt) =>
    Array.from({ length: groupSize }, () => [alphabet.indexOf(prompt)]),
  );
  decoder.clearAll(); // its cache was computed with older weights
  for (let t = 0; t < width; t++) {
    const open = texts.map((text) => text.length === t + 1 && text[t] !== stop);
    for (let i = 0; i < count; i++) if (open[i]) decoder.push(i, texts[i][t]);
    decoder.run();
    logits.data.set(decoder.logits);
    random.fillUniform(noise);
    if (greedy) pg.categoricalMode(chosen, logits);
    else pg.categoricalSample(chosen, logits, noise);
    for (let i = 0; i < count; i++) if (open[i]) texts[i].push(chosen[i]);
  }
  return texts;
}

const textOf = (tokens: number[]): string => tokens.map((token) => alphabet[token]).join("");
const meanOf = (values: number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

for (let update = 1; update <= updates; update++) {
  // 1. Collect: a group of completions per prompt, each with its reward.
  const texts = complete(false);
  const rewards = texts.map(textOf).map((text) => rewardOf(text[0], text.slice(1)));

  // 2. Estimate: a completion's advantage is its reward, standardized within its group. Its tokens share it.
  for (let first = 0; first < count; first += groupSize) {
    const group = rewards.slice(first, first + groupSize);
    const mean = meanOf(group);
    const deviation = Math.sqrt(meanOf(group.map((reward) => (reward - mean) ** 2)));
    for (let i = first; i < first + groupSize; i++) {
      const standardized = (rewards[i] - mean) / (deviation + 1e-4);
      advantage.data.fill(standardized, i * width, (i + 1) * width);
    }
  }
  for (let i = 0; i < count; i++) {
    const completionLength = texts[i].length - 1;
    for (let t = 0; t < width; t++) {
      const inside = t < completionLength;
      read.data[i * width + t] = inside ? texts[i][t] : stop;
      predicted.data[i * width + t] = inside ? texts[i][t + 1] : stop;
      weight.data[i * width + t] = inside ? 1 / (count * completionLength) : 0;
    }
  }
  oldLogProb.data.set(oldTape.run(logProbOfTokens).data);

  // 3. Improve: gradient steps on the clipped objective.
  for (let epoch = 0; epoch < epochs; epoch++) {
    const loss = lossTape.run(() => {
      const ratio = pg.exp(pg.sub(logProbOfTokens(), oldLogProb));
      const clipped = pg.clip(ratio, 1 - clipRange, 1 + clipRange);
      const objective = pg.minimum(pg.mul(ratio, advantage), pg.mul(clipped, advantage));
      return pg.neg(pg.sum(pg.mul(objective, weight)));
    });
    lossTape.backward(loss);
    pg.clipGlobalNorm(gpt.parameters.regions(), 1);
    adam.step(learningRate * (1 - update / updates));
  }
  if (update % 20 === 0) console.log(`update ${update}: mean reward ${meanOf(rewards).toFixed(3)}`);
}

const answers = complete(true).map(textOf);
for (let i = 0; i < count; i += groupSize)
  console.log(`${prompts[i / groupSize]}: ${answers[i].slice(1)}`);
