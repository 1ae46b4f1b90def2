/**
 * Supervised fine-tuning: next-token cross-entropy on texts or on completions of prompts. Texts are packed
 * into rows; prompts carry no loss; a batch is learned in passes whose gradients add up to exactly its mean a
 * token. AdamW, a linear warm-up, then half a cosine down to a tenth.
 */
import { SettingError } from "../core/errors.ts";
import { integer, real, type Values } from "../core/settings.ts";
import { type Kept, numberOf, numbersOf } from "../core/state.ts";
import { Tape } from "../core/tape.ts";
import { input, type Tensor } from "../core/tensor.ts";
import { Dropout } from "../nn/dropout.ts";
import { mul } from "../ops/arithmetic.ts";
import { reshape } from "../ops/layout.ts";
import { crossEntropy } from "../ops/loss.ts";
import { sum } from "../ops/reduce.ts";
import { AdamW } from "../optim/adam.ts";
import { cosine, withWarmup } from "../optim/schedule.ts";
import { Pack } from "../rollout/pack.ts";
import { type Example, evenly } from "../text/corpus.ts";
import { exampleTokens } from "../text/task.ts";
import type { LanguageTraining, Stage } from "./language-training.ts";
import { descend, type Report } from "./training.ts";

export const sftSettings = {
  sftUpdates: integer(300, "optimizer steps"),
  sftTexts: integer(64, "texts a step", { min: 1, max: 1_000_000 }),
  sftLearningRate: real(3e-3, "AdamW's step size", { min: 0, max: 10 }),
  sftWarmup: integer(20, "steps over which it rises"),
  sftDecay: real(0.01, "weight decay of matrices", { min: 0, max: 10 }),
  sftDropout: real(0, "share dropped", { min: 0, max: 0.99 }),
  sftValidate: integer(50, "steps between validation losses", { min: 1 }),
};
export type SftConfig = Values<typeof sftSettings>;

export interface SftReport extends Report {
  /** Mean loss a token, in nats: of the step's texts, and of validation's (NaN where not measured now). */
  readonly loss: number;
  readonly validationLoss: number;
  /** Tokens learned from so far, and examples left out because they do not fit the context. */
  readonly trainedTokens: number;
  readonly skipped: number;
  readonly gradNorm: number;
  readonly learningRate: number;
}

interface Text {
  readonly tokens: readonly number[];
  readonly promptLength: number;
}

const passTokens = 512;
const mostValidated = 512;
const none = -1; // no loss here

/** Loss over packs of texts, with gradients or without. */
export class TextLoss {
  readonly tape: Tape;
  private readonly pack: Pack;
  private readonly label: Tensor;
  private readonly perToken: Tensor;
  private readonly body: () => Tensor;
  private readonly learns: boolean;

  constructor(
    { gpt }: Pick<LanguageTraining, "gpt">,
    longest: number,
    drop: Dropout | null,
    learns: boolean,
  ) {
    const k = gpt.parameters.backend;
    const positions = Math.max(32, (longest - 1 + 3) & ~3);
    const rows = Math.max(1, Math.round(passTokens / positions));
    this.pack = new Pack(k, rows, positions);
    this.label = input(k, [rows * positions]);
    this.perToken = input(k, [1]);
    this.tape = new Tape(k, { grads: learns });
    this.learns = learns;
    const { tokens, positions: at, allowed } = this.pack;
    const flat = Object.freeze([rows * positions, -1]);
    const options = Object.freeze({ reduction: "sum", ignoreIndex: none } as const);
    this.body = () => {
      drop?.begin();
      const hidden = reshape(gpt.hidden(tokens, at, allowed, drop), flat);
      const total = crossEntropy(gpt.logits(hidden), this.label, options);
      return sum(mul(total, this.perToken));
    };
  }

  /** Mean loss a token of the texts; adds its gradient where it learns. */
  run(texts: readonly Text[]): number {
    const { pack, label } = this;
    this.perToken.data[0] = 1 / countTokens(texts);
    let loss = 0;
    const pass = (): void => {
      const made = this.tape.run(this.body);
      if (this.learns) this.tape.backward(made);
      loss += made.data[0];
    };
    this.clear();
    let placed = 0;
    for (const { tokens, promptLength } of texts) {
      let place = pack.add(tokens);
      if (place < 0) {
        pass();
        this.clear();
        placed = 0;
        place = pack.add(tokens);
      }
      placed++;
      for (let i = Math.max(1, promptLength); i < tokens.length; i++)
        label.data[place + i - 1] = tokens[i];
    }
    if (placed > 0) pass();
    return loss;
  }

  private clear(): void {
    this.pack.clear();
    this.label.data.fill(none);
  }
}

/** Tokens that carry loss: all but the prompts', and but a text's first. */
export const countTokens = (texts: readonly Text[]): number =>
  texts.reduce((n, { tokens, promptLength }) => n + tokens.length - Math.max(1, promptLength), 0);

/** Texts of examples that fit the context; plain text that does not is cut into pieces that do. */
export function textsOf(
  { task, gpt }: Pick<LanguageTraining, "task" | "gpt">,
  examples: readonly Example[],
): { readonly texts: Text[]; readonly skipped: number } {
  const most = gpt.options.context + 1;
  const texts: Text[] = [];
  let skipped = 0;
  for (const example of examples) {
    const { tokens, promptLength } = exampleTokens(task, example);
    if (tokens.length <= most) texts.push({ tokens, promptLength });
    else if (promptLength > 1) skipped++;
    else {
      for (let at = 0; at + 1 < tokens.length; at += most - 1)
        texts.push({ tokens: tokens.slice(at, at + most), promptLength: 1 });
    }
  }
  return { texts, skipped };
}

/** The supervised stage of a training; it ends after its updates. */
export function supervised(t: LanguageTraining, c: SftConfig): Stage<SftReport> {
  const { gpt, random, task } = t;
  const { texts, skipped } = textsOf(t, task.examples.train);
  const unseen = textsOf(t, evenly(task.examples.validation, mostValidated)).texts;
  if (texts.length === 0 && c.sftUpdates > 0)
    throw new SettingError(`sft: want examples, got none that fits (${skipped} are too long)`);
  const longest = [...texts, ...unseen].reduce(
    (most, { tokens }) => Math.max(most, tokens.length),
    2,
  );
  const noise = random.split();
  const drop = c.sftDropout > 0 ? new Dropout(gpt.parameters.backend, c.sftDropout, noise) : null;
  const learning = new TextLoss(t, longest, drop, true);
  const judging = new TextLoss(t, longest, null, false);
  const isMatrix = ({ shape }: { shape: readonly number[] }): boolean => shape.length === 2;
  const { list } = gpt.parameters;
  const adam = new AdamW([
    { parameters: list.filter(isMatrix), weightDecay: c.sftDecay },
    { parameters: list.filter((p) => !isMatrix(p)), weightDecay: 0 },
  ]);
  const rest = Math.max(1, c.sftUpdates - c.sftWarmup);
  const fall = cosine(c.sftLearningRate, rest, c.sftLearningRate / 10);
  const rate = withWarmup(c.sftLearningRate, c.sftWarmup, fall, false);

  // ---- which texts come next: every one once, then again in another order
  const order = Int32Array.from({ length: texts.length }, (_, i) => i);
  const count = { next: texts.length, trained: 0 };
  const place: Kept = {
    save: () => ({ order: order.slice(), noise: noise.save(), ...count }),
    restore(state) {
      noise.restore(Array.from(numbersOf(state, "noise")));
      order.set(numbersOf(state, "order", order.length));
      count.next = numberOf(state, "next");
      count.trained = numberOf(state, "trained");
    },
  };
  function take(): Text[] {
    return Array.from({ length: c.sftTexts }, () => {
      if (count.next === order.length) {
        random.shuffle(order);
        count.next = 0;
      }
      return texts[order[count.next++]];
    });
  }

  function* run(): Generator<SftReport, void> {
    while (adam.steps < c.sftUpdates) {
      t.update++;
      const batch = take();
      const learningRate = rate(adam.steps);
      const loss = learning.run(batch);
      const gradNorm = descend(adam, 1, learningRate, learning.tape, t.update);
      count.trained += countTokens(batch);
      const now = adam.steps % c.sftValidate === 0 || adam.steps === c.sftUpdates;
      const validationLoss = now && unseen.length > 0 ? judging.run(unseen) : Number.NaN;
      yield {
        ...t.report(),
        loss,
        validationLoss,
        trainedTokens: count.trained,
        skipped,
        gradNorm,
        learningRate,
      };
    }
  }
  const parts = { adam, place };
  return { parts, start: () => {}, run, batch: null };
}
