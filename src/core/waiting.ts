/**
 * Work that may have to wait, as a generator: it yields a promise and is resumed with its result. The same code then
 * runs to its end at once where nothing waits, and under `await` where something does.
 */
import { UsageError } from "./errors.ts";

/** Yields a promise per wait; returns a T. */
export type Waiting<T> = Generator<Promise<unknown>, T, unknown>;

const isPromise = (x: unknown): x is Promise<unknown> =>
  typeof (x as { then?: unknown } | null | undefined)?.then === "function";

/** Waits for a value that may be a promise. */
export function* wait<T>(value: T | Promise<T>): Waiting<T> {
  return isPromise(value) ? ((yield value) as T) : value;
}

/** Runs work to its end. Throws UsageError, with `where`, if it has to wait. */
export function runNow<T>(work: Waiting<T>, where: string): T {
  const step = work.next();
  if (step.done) return step.value;
  step.value.catch(() => {}); // nobody else hears of its failure
  throw new UsageError(
    `${where}: expected a result at once, got a promise; use the asynchronous form`,
  );
}

/** Runs work to its end, awaiting what it waits for; a promise that fails throws where the work waits. */
export async function runLater<T>(work: Waiting<T>): Promise<T> {
  for (let step = work.next(); ; ) {
    if (step.done) return step.value;
    let result: unknown;
    try {
      result = await step.value;
    } catch (error) {
      step = work.throw(error);
      continue;
    }
    step = work.next(result);
  }
}

/**
 * Draws the next value of a generator whose yields are values or, where something waits, promises. Used for reports,
 * which wait only where the task does.
 */
export async function nextAwaited<T, R>(
  values: Generator<T, R> | AsyncGenerator<T, R>,
): Promise<IteratorResult<T, R>> {
  let step = await values.next();
  while (step.done !== true && isPromise(step.value)) {
    const resume = values as unknown as Generator<T, R, unknown>;
    let result: unknown;
    try {
      result = await step.value;
    } catch (error) {
      step = resume.throw(error);
      continue;
    }
    step = resume.next(result);
  }
  return step;
}
