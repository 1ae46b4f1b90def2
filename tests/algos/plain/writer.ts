/** A GPT read one text at a time, and a task for it that knows all about its completions. */
import { LanguageTraining } from "../../../src/algos/language-training.ts";
import { loops } from "../../../src/backends/loops.ts";
import { Random } from "../../../src/core/random.ts";
import { Tape } from "../../../src/core/tape.ts";
import { input } from "../../../src/core/tensor.ts";
import { categoricalEntropy, categoricalLogProb } from "../../../src/distributions/categorical.ts";
import { Gpt } from "../../../src/nn/gpt.ts";
import type { LanguageModel } from "../../../src/nn/transformer.ts";
import { valuesOf } from "../../../src/nn/value.ts";
import { add, mul } from "../../../src/ops/arithmetic.ts";
import { reshape } from "../../../src/ops/layout.ts";
import { sum } from "../../../src/ops/reduce.ts";
import { tokens } from "../../../src/tasks/text/tokens.ts";
import { endToken, type TextTask } from "../../../src/text/task.ts";
import type { Vector } from "./learner.ts";
import { WatchedRandom } from "./play.ts";

/** Rewards differ by prompt and text; some texts have no end. */
export const letters = (changes: Partial<TextTask> = {}): TextTask => {
  const task = tokens({ letters: 3, length: 2, goal: "same" });
  const value = (text: string): number =>
    [...text].reduce((sum, c, i) => sum + (c.charCodeAt(0) - 97) * (i + 1), 0);
  return {
    ...task,
    reward: (prompt, text) => value(text) * 0.5 - Number(text.includes(prompt)),
    ...changes,
  };
};

const makeGpt = (vocab: number): Gpt => {
  const options = { vocab, context: 8, layers: 1, heads: 2, width: 4, valueHead: true };
  const gpt = new Gpt(loops(Float64Array), options, new Random(1));
  for (const { data } of gpt.parameters.list)
    for (let i = 0; i < data.length; i++) data[i] += 0.2 * Math.sin(3 * i + data.length);
  return gpt;
};

export function writing(task: TextTask, budget: number, vocab = task.tokenizer.vocab) {
  const random = new WatchedRandom(5);
  return { t: new LanguageTraining(makeGpt(vocab), task, random, budget), random };
}

/** A completion, and which tokens it could have been drawn from: all where null. */
export interface Written {
  readonly prompt: readonly number[];
  readonly tokens: readonly number[];
  readonly support: readonly (readonly number[])[] | null;
}
export interface Read {
  readonly logProb: number[];
  readonly entropy: number[];
  readonly value: number[];
}

export class Reader {
  readonly gpt: Gpt;
  readonly temperature: number;
  constructor(of: LanguageModel, temperature = 1) {
    this.gpt = makeGpt(of.options.vocab);
    this.temperature = temperature;
    this.theta = of.parameters.list.flatMap(({ data }) => Array.from(data));
  }
  get theta(): Vector {
    return this.gpt.parameters.list.flatMap(({ data }) => Array.from(data));
  }
  set theta(all: Vector) {
    let at = 0;
    for (const { data } of this.gpt.parameters.list)
      for (let i = 0; i < data.length; i++) data[i] = all[at++];
  }
  /** What the model says of each of the completion's tokens. */
  read(written: Written): Read {
    return this.pass(written, null);
  }
  /** ∂/∂θ of Σ the products of `slopes` and what the model says. */
  gradient(all: readonly (readonly [Written, Read])[]): Vector {
    for (const { grad } of this.gpt.parameters.list) grad.fill(0);
    for (const [written, slopes] of all) this.pass(written, slopes);
    return this.gpt.parameters.list.flatMap(({ grad }) => Array.from(grad));
  }
  private pass({ prompt, tokens: made, support }: Written, slopes: Read | null): Read {
    const { gpt } = this;
    const { backend: k } = gpt.parameters;
    const { vocab } = gpt.options;
    const text = [...prompt, ...made];
    const [n, first] = [text.length - 1, prompt.length - 1];
    const fed = input(k, [1, n], text.slice(0, -1));
    const positions = input(k, [1, n], [...Array(n).keys()]);
    const following = input(k, [n], text.slice(1));
    const allowed = input(k, [n, vocab], new Array(n * vocab).fill(1));
    for (const [i, row] of (support ?? []).entries()) allowed.data.set(row, (first + i) * vocab);
    const column = (x: readonly number[]) => input(k, [n], [...Array(first).fill(0), ...x]);
    const tape = new Tape(k);
    let read: Read = { logProb: [], entropy: [], value: [] };
    const total = tape.run(() => {
      const hidden = reshape(gpt.hidden(fed, positions), [n, -1]);
      const logits = mul(gpt.logits(hidden), 1 / this.temperature);
      const logProb = categoricalLogProb(logits, following, allowed);
      const entropy = categoricalEntropy(logits, allowed);
      const value = valuesOf(gpt, hidden);
      const own = (x: { data: ArrayLike<number> }): number[] => Array.from(x.data).slice(first);
      read = { logProb: own(logProb), entropy: own(entropy), value: own(value) };
      const { logProb: l, entropy: h, value: v } = slopes ?? read;
      const parts = [mul(logProb, column(l)), mul(entropy, column(h)), mul(value, column(v))];
      return parts.map((x) => sum(x)).reduce((a, b) => add(a, b));
    });
    if (slopes !== null) tape.backward(total);
    return read;
  }
  /** The likeliest completion. */
  greedy(task: TextTask, prompt: readonly number[]): number[] {
    const end = task.tokenizer.special(endToken);
    const made: number[] = [];
    while (made.length < task.completionLength && made.at(-1) !== end) {
      const scores = [...Array(task.tokenizer.vocab).keys()].map(
        (next) => this.read({ prompt, tokens: [...made, next], support: null }).logProb.at(-1) ?? 0,
      );
      made.push(scores.indexOf(Math.max(...scores)));
    }
    return made;
  }
}
