/**
 * Several threads on one batch: each has a model of its own and runs its rows forward and backward; the
 * gradients are added in the threads' order, so that a number of threads always gives the same bits. The
 * calling thread is the first of them and works too. Opt-in: the others spin, then sleep, between runs.
 */
import type { Worker } from "node:worker_threads";
import { UsageError } from "../core/errors.ts";
import type { Parameters } from "../core/tensor.ts";
import { messageOf } from "../core/thrown.ts";
import { startWorker } from "./worker.ts";

/** One thread's share of the work, as the program's `makePart` makes it. */
export interface Part {
  readonly parameters: Parameters;
  /** Runs rows first … end − 1 of the batch, adds to the gradients, and returns their part of the loss. */
  run(first: number, end: number): number;
}
/** The batch's columns by name, shared by all threads. */
export type Columns = Readonly<Record<string, Float32Array>>;
/** Exports of a program module: the same settings give the same model in each thread. */
export type MakePart = (settings: unknown, columns: Columns) => Part;

export interface TeamOptions {
  /** The module that exports `makePart`. */
  readonly program: URL;
  /** For `makePart`: what a message between threads can hold. */
  readonly settings: unknown;
  /** Threads in all, the calling one included. One where the runtime cannot share memory; `note` says so. */
  readonly threads: number;
  /** Length of each column of the batch. */
  readonly columns: Readonly<Record<string, number>>;
}

/** @internal What the other threads are told, and where they answer. */
export interface TeamMemory {
  /** The run's number, its rows, then each thread's last finished run: negative where that failed. */
  readonly control: Int32Array;
  readonly losses: Float64Array;
  readonly values: Float32Array;
  readonly grads: readonly Float32Array[];
  readonly columns: Columns;
}
/** @internal */
export const slots = { run: 0, rows: 1, done: 2 } as const;
/** Turns of a spin before a thread sleeps: some tens of microseconds. */
const spins = 20_000;
const patience = 60_000; // milliseconds after which a silent thread counts as lost

const canShare = (): boolean => typeof SharedArrayBuffer !== "undefined";
const bytes = (n: number): ArrayBuffer | SharedArrayBuffer =>
  canShare() ? new SharedArrayBuffer(n) : new ArrayBuffer(n);
const shared = (n: number): Float32Array => new Float32Array(bytes(4 * n));

export class Team {
  readonly columns: Columns;
  readonly part: Part;
  /** Threads at work. */
  readonly threads: number;
  /** Why there are fewer than asked for; null where there are not. */
  readonly note: string | null;
  private readonly memory: TeamMemory;
  private readonly workers: Worker[];
  private runs = 0;

  private constructor(options: TeamOptions, part: Part, columns: Columns) {
    this.threads = canShare() ? options.threads : 1;
    this.note =
      this.threads < options.threads
        ? `threads: this runtime cannot share memory; one thread instead of ${options.threads}`
        : null;
    this.columns = columns;
    this.part = part;
    const size = sizeOf(part.parameters);
    this.memory = {
      control: new Int32Array(bytes(4 * (slots.done + this.threads))),
      losses: new Float64Array(bytes(8 * this.threads)),
      values: shared(size),
      grads: Array.from({ length: this.threads }, () => shared(size)),
      columns,
    };
    this.workers = Array.from({ length: this.threads - 1 }, (_, i) => {
      const worker = startWorker("team-worker", {
        program: options.program.href,
        settings: options.settings,
        memory: this.memory,
        index: i + 1,
      });
      worker.unref();
      return worker;
    });
  }

  /** Starts the threads. Throws UsageError for a number of threads that is none. */
  static async start(options: TeamOptions): Promise<Team> {
    const { threads } = options;
    if (!(Number.isInteger(threads) && threads >= 1 && threads <= 64)) {
      throw new UsageError(`threads: expected 1 to 64, got ${threads}`);
    }
    const { makePart } = (await import(options.program.href)) as { makePart: MakePart };
    const columns = Object.fromEntries(
      Object.entries(options.columns).map(([name, n]) => [name, shared(n)]),
    );
    const team = new Team(options, makePart(options.settings, columns), columns);
    await Promise.all(
      team.workers.map(
        (worker, i) =>
          new Promise<void>((resolve, reject) => {
            worker.once("message", () => resolve());
            worker.once("error", (thrown: unknown) =>
              reject(new Error(`thread ${i + 1} failed: ${messageOf(thrown)}`)),
            );
          }),
      ),
    );
    return team;
  }

  /** Runs the batch's first `rows` rows; gradients are added to the part's parameters. Returns the loss. */
  run(rows: number): number {
    const { control, losses, values, grads } = this.memory;
    const { parameters } = this.part;
    if (this.threads === 1) return this.part.run(0, rows);
    copyOut(parameters, values);
    control[slots.rows] = rows;
    Atomics.store(control, slots.run, ++this.runs);
    Atomics.notify(control, slots.run);
    let loss = this.part.run(0, shareOf(rows, this.threads, 1));
    for (let i = 1; i < this.threads; i++) {
      this.await(i);
      loss += losses[i];
      addIn(parameters, grads[i]);
    }
    return loss;
  }

  private await(i: number): void {
    const { control } = this.memory;
    const at = slots.done + i;
    const wanted = this.runs;
    for (let turn = 0; turn < spins && Atomics.load(control, at) !== wanted; turn++);
    while (Atomics.load(control, at) !== wanted) {
      const seen = Atomics.load(control, at);
      if (seen < 0) throw new Error(`thread ${i} failed; its message is above`);
      if (seen === wanted) return;
      if (Atomics.wait(control, at, seen, patience) === "timed-out") {
        throw new Error(`thread ${i} gave no answer in ${patience / 1000} s`);
      }
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}

/** @internal The first row of thread i's share; the next thread's first row is its end. */
export const shareOf = (rows: number, threads: number, i: number): number =>
  Math.floor((rows * i) / threads);

const sizeOf = (parameters: Parameters): number =>
  parameters.regions().reduce((n, { data }) => n + data.length, 0);

function copyOut(parameters: Parameters, to: Float32Array): void {
  let at = 0;
  for (const { data } of parameters.regions()) {
    to.set(data, at);
    at += data.length;
  }
}

function addIn(parameters: Parameters, from: Float32Array): void {
  let at = 0;
  for (const { grad } of parameters.regions()) {
    for (let i = 0; i < grad.length; i++) grad[i] += from[at + i];
    at += grad.length;
  }
}

/** @internal What the other threads do: wait for a run, take the values, work, leave gradients and loss. */
export function serve(part: Part, memory: TeamMemory, index: number): void {
  const { control, losses, values, grads } = memory;
  const threads = grads.length;
  const regions = part.parameters.regions();
  for (let last = 0; ; ) {
    for (let turn = 0; turn < spins && Atomics.load(control, slots.run) === last; turn++);
    while (Atomics.load(control, slots.run) === last) Atomics.wait(control, slots.run, last);
    last = Atomics.load(control, slots.run);
    let at = 0;
    for (const { data, grad } of regions) {
      data.set(values.subarray(at, at + data.length));
      grad.fill(0);
      at += data.length;
    }
    const rows = control[slots.rows];
    losses[index] = part.run(shareOf(rows, threads, index), shareOf(rows, threads, index + 1));
    at = 0;
    for (const { grad } of regions) {
      grads[index].set(grad, at);
      at += grad.length;
    }
    Atomics.store(control, slots.done + index, last);
    Atomics.notify(control, slots.done + index);
  }
}
