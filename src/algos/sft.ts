/**
 * Supervised fine-tuning: next-token cross-entropy on texts or on completions of prompts. Texts are packed into rows.
 * Prompts carry no loss. A batch is learned in passes whose gradients add up to exactly its mean per token. AdamW, a
 * linear warm-up, then half a cosine down to a tenth.
 */
import { SettingError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { integer, real, type Values } from "../core/settings.ts";
import { type Kept, numberOf, numbersOf, type State } from "../core/state.ts";
import { Tape } from "../core/tape.ts";
import { solo } from "../core/team.ts";
import { input, type Parameters, type Tensor } from "../core/tensor.ts";
import { Dropout } from "../nn/dropout.ts";
import { perToken, type ReadLogits } from "../nn/recompute.ts";
import { mul } from "../ops/arithmetic.ts";
import { reshape } from "../ops/layout.ts";
import { crossEntropy } from "../ops/loss.ts";
import { sum } from "../ops/reduce.ts";
import { adamWith, moments } from "../optim/adam-bf16.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { cosine, type Schedule, withWarmup } from "../optim/schedule.ts";
import { Pack } from "../rollout/pack.ts";
import { type Example, evenly, singleTurns } from "../text/corpus.ts";
import { exampleTokens, type LearnedText, noLabel } from "../text/task.ts";
import type { LanguageTraining, Stage } from "./language-training.ts";
import { passTokensFor } from "./pass-tokens.ts";
import { Shards } from "./shards.ts";
import { descend, type Report } from "./training.ts";

export const sftSettings = {
  sftUpdates: integer(300, "optimizer steps"),
  sftTexts: integer(64, "texts per step", { min: 1, max: 1_000_000 }),
  sftLearningRate: real(3e-3, "AdamW's step size", { min: 0, max: 10 }),
  sftWarmup: integer(20, "steps over which it rises"),
  sftDecay: real(0.01, "weight decay of matrices", { min: 0, max: 10 }),
  sftDropout: real(0, "fraction dropped", { min: 0, max: 0.99 }),
  sftValidate: integer(50, "steps between validation losses", { min: 1 }),
  moments,
};
export type SftConfig = Values<typeof sftSettings>;

export interface SftReport extends Report {
  /** Mean loss per token of the step's texts, in nats. */
  readonly loss: number;
  /** Mean loss per token of the validation texts, in nats; NaN in updates that do not measure it. */
  readonly validationLoss: number;
  /** Tokens learned from so far. */
  readonly trainedTokens: number;
  /** Examples left out because they do not fit the context. */
  readonly skipped: number;
  readonly gradNorm: number;
  readonly learningRate: number;
}

/** Dropout on what blocks add, and before adapters; each pass has random numbers of its own. */
export class TextDropout {
  /** null for none. */
  readonly added: Dropout | null;
  private readonly adapters: LanguageTraining["adapters"];
  private readonly random: Random;
  private stream: Random;

  constructor(
    { gpt, adapters }: Pick<LanguageTraining, "gpt" | "adapters">,
    p: number,
    random: Random,
  ) {
    this.added = p > 0 ? new Dropout(gpt.parameters.backend, p, random) : null;
    this.adapters = adapters;
    this.random = random;
    this.stream = random;
  }

  /** Draws for the next pass. */
  split(): void {
    this.added?.split();
    if (this.adapters !== null) this.stream = this.random.split();
  }

  /** Begins a pass; call it first in a tape's body. */
  begin(): void {
    this.added?.begin();
    this.adapters?.begin(this.stream);
  }

  end(): void {
    this.adapters?.end();
  }
}

const passTokens = 512;
const mostValidated = 512;

const summed = Object.freeze({ reduction: "sum", ignoreIndex: noLabel } as const);
const each = Object.freeze({ ...summed, reduction: "none" } as const);
const tokenLosses: ReadLogits = {
  results: 1,
  of: (logits, [label]) => [crossEntropy(logits, label, each)],
};

/** The loss of packed texts. */
export class TextLoss {
  readonly tape: Tape;
  private readonly pack: Pack;
  private readonly label: Tensor;
  private readonly perToken: Tensor;
  private readonly body: () => Tensor;
  private readonly drop: TextDropout | null;
  /** Adds gradients. */
  private readonly learns: boolean;
  private readonly shards: Shards;

  constructor(
    { gpt, team = solo() }: Pick<LanguageTraining, "gpt"> & Partial<Pick<LanguageTraining, "team">>,
    longest: number,
    drop: TextDropout | null,
    learns: boolean,
  ) {
    const k = gpt.parameters.backend;
    const positions = Math.max(32, (longest - 1 + 3) & ~3);
    const rows = Math.max(1, Math.round(passTokensFor(gpt.options, passTokens) / positions));
    this.pack = new Pack(k, rows, positions);
    this.label = input(k, [rows * positions]);
    this.perToken = input(k, [1]);
    this.tape = new Tape(k, { grads: learns });
    this.drop = drop;
    this.learns = learns;
    const { parameters } = gpt;
    this.shards = new Shards(team, learns ? { numbers: 1, parameters } : { numbers: 1 });
    const { tokens, positions: at, allowed } = this.pack;
    const flat = Object.freeze([rows * positions, -1]);
    const beside = [this.label];
    this.body = () => {
      drop?.begin();
      const hidden = reshape(gpt.hidden(tokens, at, allowed, drop?.added ?? null), flat);
      const total = gpt.recompute
        ? sum(perToken(gpt, hidden, beside, tokenLosses)[0])
        : crossEntropy(gpt.logits(hidden), this.label, summed);
      return sum(mul(total, this.perToken));
    };
  }

  /** Returns the mean loss per token of the texts, and adds its gradient if `learns`. */
  run(texts: readonly LearnedText[]): number {
    this.perToken.data[0] = 1 / countTokens(texts);
    let loss = 0;
    this.shards.run(
      (visit) => this.packAll(texts, visit),
      (numbers) => {
        const part = this.tape.run(this.body);
        if (this.learns) this.tape.backward(part);
        this.drop?.end();
        numbers[0] = part.data[0];
      },
      ([part]) => {
        loss += part;
      },
    );
    return loss;
  }

  /** Packs the texts into passes, and visits each. */
  private packAll(texts: readonly LearnedText[], visit: () => void): void {
    const { pack, label } = this;
    const pass = (): void => {
      this.drop?.split();
      visit();
    };
    this.clear();
    let placed = 0;
    for (const { tokens, labels } of texts) {
      let place = pack.add(tokens);
      if (place < 0) {
        pass();
        this.clear();
        placed = 0;
        place = pack.add(tokens);
      }
      placed++;
      label.data.set(labels, place);
    }
    if (placed > 0) pass();
  }

  private clear(): void {
    this.pack.clear();
    this.label.data.fill(noLabel);
  }
}

/** Returns the number of tokens that carry loss: those of completions, with their ends. */
export const countTokens = (texts: readonly LearnedText[]): number =>
  texts.reduce((n, { labels }) => n + labels.filter((label) => label !== noLabel).length, 0);

/**
 * Returns the texts of examples that fit the context. Of a conversation that does not fit, each turn is a text of its
 * own; plain text that does not fit is cut into pieces.
 */
export function textsOf(
  { task, gpt }: Pick<LanguageTraining, "task" | "gpt">,
  examples: readonly Example[],
): { readonly texts: LearnedText[]; readonly skipped: number } {
  const most = gpt.options.context + 1;
  const texts: LearnedText[] = [];
  let skipped = 0;
  const add = (example: Example): void => {
    const { tokens, labels } = exampleTokens(task, example);
    if (tokens.length <= most) texts.push({ tokens, labels });
    else if (example.turns !== undefined) for (const turn of singleTurns(example)) add(turn);
    else if (labels[0] === noLabel) skipped++;
    else {
      for (let at = 0; at + 1 < tokens.length; at += most - 1)
        texts.push({
          tokens: tokens.slice(at, at + most),
          labels: labels.slice(at, at + most - 1),
        });
    }
  };
  for (const example of examples) add(example);
  return { texts, skipped };
}

/** Draws texts so that each comes once before any comes again, in another order. */
class TextQueue implements Kept {
  /** Tokens learned from so far. */
  trainedTokens = 0;
  private readonly texts: readonly LearnedText[];
  private readonly random: Random;
  private readonly noise: Random;
  private readonly order: Int32Array;
  private next: number;

  /** `random` orders the texts. `noise`, dropout's generator, is saved with the queue. */
  constructor(texts: readonly LearnedText[], random: Random, noise: Random) {
    this.texts = texts;
    this.random = random;
    this.noise = noise;
    this.order = Int32Array.from({ length: texts.length }, (_, i) => i);
    this.next = texts.length;
  }

  take(count: number): LearnedText[] {
    const { order, random } = this;
    return Array.from({ length: count }, () => {
      if (this.next === order.length) {
        random.shuffle(order);
        this.next = 0;
      }
      return this.texts[order[this.next++]];
    });
  }

  save(): State {
    const { order, noise, next, trainedTokens: trained } = this;
    return { order: order.slice(), noise: noise.save(), next, trained };
  }

  restore(state: State): void {
    this.noise.restore(Array.from(numbersOf(state, "noise")));
    this.order.set(numbersOf(state, "order", this.order.length));
    this.next = numberOf(state, "next");
    this.trainedTokens = numberOf(state, "trained");
  }
}

/** Returns AdamW that decays matrices only. */
function optimizerOf(
  { list }: Parameters,
  { sftDecay: weightDecay, moments }: SftConfig,
): Optimizer {
  const isMatrix = ({ shape }: { shape: readonly number[] }): boolean => shape.length === 2;
  const groups = [
    { parameters: list.filter(isMatrix), weightDecay },
    { parameters: list.filter((p) => !isMatrix(p)), weightDecay: 0 },
  ];
  return adamWith(moments, groups, { decoupled: true });
}

function scheduleOf({ sftUpdates, sftWarmup, sftLearningRate }: SftConfig): Schedule {
  const rest = Math.max(1, sftUpdates - sftWarmup);
  const decay = cosine(sftLearningRate, rest, sftLearningRate / 10);
  return withWarmup(sftLearningRate, sftWarmup, decay, false);
}

/** Sets up the supervised stage of a training. It ends after `sftUpdates`. */
export function supervised(t: LanguageTraining, c: SftConfig): Stage<SftReport> {
  const { gpt, random, task } = t;
  const { texts, skipped } = textsOf(t, task.examples.train);
  const validationTexts = textsOf(t, evenly(task.examples.validation, mostValidated)).texts;
  if (texts.length === 0 && c.sftUpdates > 0)
    throw new SettingError(
      skipped > 0
        ? `sft: expected examples, got none that fits (${skipped} are too long)`
        : "sft: expected examples to imitate, got none: a row needs a completion, a text, or an assistant's message; sftUpdates=0 leaves this stage out",
    );
  const longest = [...texts, ...validationTexts].reduce(
    (n, { tokens }) => Math.max(n, tokens.length),
    2,
  );
  const noise = random.split();
  const drop = new TextDropout(t, c.sftDropout, noise);
  const learning = new TextLoss(t, longest, drop, true);
  const validation = new TextLoss(t, longest, null, false);
  const adam = optimizerOf(gpt.parameters, c);
  const schedule = scheduleOf(c);
  const queue = new TextQueue(texts, random, noise);

  function* run(): Generator<SftReport, void> {
    while (adam.steps < c.sftUpdates) {
      t.next();
      const batch = queue.take(c.sftTexts);
      const learningRate = schedule(adam.steps);
      const loss = learning.run(batch);
      const gradNorm = descend(adam, 1, learningRate, learning.tape, t.update);
      queue.trainedTokens += countTokens(batch);
      const validates = adam.steps % c.sftValidate === 0 || adam.steps === c.sftUpdates;
      const validationLoss =
        validates && validationTexts.length > 0 ? validation.run(validationTexts) : Number.NaN;
      yield {
        ...t.report(),
        loss,
        validationLoss,
        trainedTokens: queue.trainedTokens,
        skipped,
        gradNorm,
        learningRate,
      };
    }
  }
  return { parts: { adam, place: queue }, start: () => {}, run, batch: null };
}
