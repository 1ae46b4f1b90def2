/**
 * Work that may wait for promises, as a generator that yields a Pending per promise and is resumed with its result. The
 * same code runs synchronously (`runNow`) if nothing waits, and asynchronously (`runLater`) if something does.
 */
import { UsageError } from "./errors.ts";

/** A promise that a generator waits for, with its time limit. */
export class Pending {
  readonly promise: Promise<unknown>;
  /** Seconds that it may take, and the message of the error when it takes longer. */
  readonly seconds: number;
  readonly late: string;

  constructor(promise: Promise<unknown>, seconds: number, late: string) {
    this.promise = promise;
    this.seconds = seconds;
    this.late = late;
  }
}

/** Yields a Pending per wait; returns a T. */
export type Waiting<T> = Generator<Pending, T, unknown>;

export const isPromise = <T>(x: T | PromiseLike<T>): x is PromiseLike<T> =>
  typeof (x as { then?: unknown } | null | undefined)?.then === "function";

/** Yields a Pending if the value is a promise. Returns the value, or the promise's result. */
export function* wait<T>(value: T | Promise<T>, seconds: number, late: string): Waiting<T> {
  return isPromise(value) ? ((yield new Pending(value, seconds, late)) as T) : value;
}

/** Runs work to its end synchronously. Throws UsageError, with `where`, if it yields a Pending. */
export function runNow<T>(work: Waiting<T>, where: string): T {
  const step = work.next();
  if (step.done) return step.value;
  step.value.promise.catch(() => {}); // nobody else hears of its failure
  throw new UsageError(
    `${where}: expected a result at once, got a promise; use the form that returns a promise`,
  );
}

/** Awaits a promise; a caller with a clock sets limits. */
export type Awaiting = (pending: Pending) => Promise<unknown>;
const untilDone: Awaiting = ({ promise }) => promise;

/**
 * Draws the next value of a generator, awaiting each Pending that it yields before. A promise that fails throws where
 * the generator waits.
 */
export async function nextOf<T, R>(
  values: Generator<T | Pending, R> | AsyncGenerator<T, R>,
  awaiting: Awaiting = untilDone,
): Promise<IteratorResult<T, R>> {
  const drawn = values as Generator<T | Pending, R, unknown>;
  for (let step = await drawn.next(); ; ) {
    if (step.done === true) return step;
    const { value } = step;
    if (!(value instanceof Pending)) return { done: false, value };
    let result: unknown;
    try {
      result = await awaiting(value);
    } catch (error) {
      step = drawn.throw(error);
      continue;
    }
    step = drawn.next(result);
  }
}

/** Starts work at once and runs it to its end, awaiting each Pending. */
export async function runLater<T>(work: Waiting<T>, awaiting?: Awaiting): Promise<T> {
  const { value } = await nextOf<never, T>(work, awaiting);
  return value;
}
