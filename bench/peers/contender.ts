/** Code shared by contenders in JavaScript: the common data, timing, and the protocol with run.ts. */
import { createInterface } from "node:readline";

/** A workload: its kind and its sizes. */
export interface Work {
  readonly name: string;
  readonly kind:
    | "update"
    | "act"
    | "gemm"
    | "conv"
    | "rows"
    | "gae"
    | "train"
    | "generate"
    | "read"
    | "lora";
  readonly sizes: Readonly<Record<string, number>>;
  readonly op?: string;
  /** The folder of a published model; run.ts writes it, and puts its path in place of its shape's name. */
  readonly model?: string;
}

/** A contender's implementation of a workload: a step to time, and numbers that all contenders must agree on. */
export interface Made {
  readonly step: () => unknown;
  readonly check: () => number[] | Promise<number[]>;
}
/** Implementations by kind; null or missing if a contender has none. */
export type Makers = Partial<
  Record<Work["kind"], (work: Work) => Made | null | Promise<Made | null>>
>;

/** Returns tensor k of the data: evenly distributed over [−scale, scale], by a formula that any language can repeat. */
export function tensor(k: number, length: number, scale = 1): Float32Array {
  const x = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    x[i] = scale * (((i * i * (k + 1) + 31 * i + 7 * k) % 10007) / 5003 - 1);
  }
  return x;
}
/** The numbers k of a batch's tensors, after those of the parameters. */
export const columns = { observation: 20, action: 21, advantage: 22, oldValue: 23, target: 24 };
/** Returns a layer's weights [outputs, inputs], tensor k, and its bias, tensor k + 1. */
export const layer = (k: number, inputs: number, outputs: number) => ({
  weight: tensor(k, inputs * outputs, 1.7 / Math.sqrt(inputs)),
  bias: tensor(k + 1, outputs, 0.1),
});
/** Returns the tokens of a text and their successors, also by formula. */
export const tokens = (n: number, vocab: number): Int32Array =>
  Int32Array.from({ length: n }, (_, i) => (7 * i * i + 3 * i) % vocab);
export const labels = (n: number, vocab: number): Int32Array =>
  Int32Array.from({ length: n }, (_, i) => (5 * i * i + 11 * i + 1) % vocab);
/** The numbers k of a GPT's matrices: its embeddings, and four per block. Norms are 1, biases 0. */
export const gptTensors = {
  tokens: 0,
  positions: 1,
  block: (layer: number) => {
    const first = 2 + 12 * layer;
    return { qkv: first + 2, proj: first + 4, up: first + 8, down: first + 10 };
  },
};
export const gptScale = 0.05;

/** Returns the losses of an update's first steps, which are compared between contenders. */
export const losses = async (step: () => unknown): Promise<number[]> => {
  const all: number[] = [];
  for (let i = 0; i < 5; i++) all.push(Number(await step()));
  return all;
};
/** Returns a few entries from all over a result. */
export const some = (x: ArrayLike<number>): number[] =>
  [0, 0.123, 0.5, 0.877, 1].map((share) => x[Math.floor(share * (x.length - 1))]);
export const transposed = (x: Float32Array, rows: number, columns: number): Float32Array =>
  x.map((_, i) => x[(i % rows) * columns + Math.floor(i / rows)]);

const now = (): number => Number(process.hrtime.bigint()) / 1e3;

/** Returns the lower quartile of samples of at least 1 ms, in µs per step, which is near the undisturbed time. */
async function time(step: () => unknown, milliseconds: number): Promise<number> {
  const isAsync = step() instanceof Promise;
  const sample = async (count: number): Promise<number> => {
    const start = now();
    if (isAsync) for (let i = 0; i < count; i++) await step();
    else for (let i = 0; i < count; i++) step();
    return (now() - start) / count;
  };
  const warmEnd = now() + 500 * milliseconds;
  let each = await sample(1);
  while (now() < warmEnd) each = await sample(Math.ceil(1000 / each));
  const count = Math.max(1, Math.ceil(2000 / each));
  const samples: number[] = [];
  for (const end = now() + 1000 * milliseconds; now() < end || samples.length < 3; ) {
    samples.push(await sample(count));
  }
  return samples.sort((a, b) => a - b)[samples.length >> 2];
}

/** Answers each request of run.ts with a line. */
export async function serve(makers: Makers): Promise<void> {
  let current = "";
  let made: Made | null = null;
  for await (const line of createInterface({ input: process.stdin })) {
    const { work, ask, milliseconds } = JSON.parse(line) as {
      work: Work;
      ask: "check" | "time";
      milliseconds: number;
    };
    let answer: unknown = null;
    try {
      if (work.name !== current) {
        current = work.name;
        made = null;
        made = (await makers[work.kind]?.(work)) ?? null;
      }
      if (made !== null)
        answer = ask === "check" ? await made.check() : await time(made.step, milliseconds);
    } catch (error) {
      process.stderr.write(`${work.name}: ${(error as Error).stack}\n`);
    }
    process.stdout.write(`@@${JSON.stringify(answer)}\n`);
  }
}
