/** The user's own rewards: one or several with weights, each a function per sample or per batch that may return promises. */
import { above, aFunction, aNumber, checkFields, shown } from "../core/definition.ts";
import { OwnCodeError, SettingError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import { messageOf } from "../core/thrown.ts";
import { isPromise, type Waiting, wait } from "../core/waiting.ts";

/** A completion to score, with the row of the data that its prompt came from. */
export interface Sample {
  readonly prompt: string;
  readonly completion: string;
  /** Ids of the completion's tokens, its end token among them. */
  readonly tokens: ArrayLike<number>;
  /** The prompt's row as it was given; `{ prompt }` where only the text was. */
  readonly row: Readonly<Record<string, unknown>>;
}

/** Returns a finite number, or NaN for a completion that cannot be scored. */
export type RewardFunction = (
  prompt: string,
  completion: string,
  context: Pick<Sample, "tokens" | "row">,
) => number | Promise<number>;

/** Returns one number per sample. */
export type BatchFunction = (
  samples: readonly Sample[],
) => ArrayLike<number> | Promise<ArrayLike<number>>;

export type RewardOptions = {
  /** Factor in the sum of several rewards. Default 1. */
  readonly weight?: number;
  /** Seconds that a promise may take, where the caller has a clock, as the command line has. Default 60. */
  readonly timeout?: number;
  /** Calls that run at once, where a function per sample returns promises. Default 16. */
  readonly concurrency?: number;
} & ({ readonly reward: RewardFunction } | { readonly batch: BatchFunction });

/** A reward, or several by name. */
export type RewardSource =
  | RewardFunction
  | RewardOptions
  | Readonly<Record<string, RewardFunction | RewardOptions>>;

/** A named reward with its weight in the sum. */
export interface Judge {
  readonly name: string;
  readonly weight: number;
  /**
   * Returns one number per sample, later where the function returns promises. Throws OwnCodeError that shows the
   * sample. `guard` runs the calls of the user's function.
   */
  score(samples: readonly Sample[], guard?: Guard): Waiting<ArrayLike<number>>;
}

/**
 * Calls `work`, and throws an OwnCodeError with the message `late()` if it takes longer than `seconds`. Work of several steps
 * asks after each whether half of the time is over.
 */
export type Guard = <T>(
  work: (isHalf: () => boolean) => T,
  seconds: number,
  late: () => string,
) => T;
const unguarded: Guard = (work) => work(() => false);

/** The name of a reward that was given without one. */
export const unnamed = "reward";

/** Returns the judges that `source` describes. Throws SettingError, with `where`, for what describes none. */
export function judgesFrom(source: RewardSource, where: string): readonly Judge[] {
  if (typeof source === "function" || (isObject(source) && isOptions(source)))
    return [judgeFrom(unnamed, source, where)];
  if (!isObject(source) || Object.keys(source).length === 0)
    throw new SettingError(
      `${where}: expected reward as a function, as { reward } or { batch }, or as several of these by name, got ${brief(source)}`,
    );
  return Object.entries(source).map(([name, one]) => judgeFrom(name, one, where));
}

const isObject = (x: unknown): x is object => typeof x === "object" && x !== null;
const isOptions = (x: object): x is RewardOptions =>
  typeof (x as { reward?: unknown }).reward === "function" ||
  typeof (x as { batch?: unknown }).batch === "function";

const limits = { weight: aNumber, timeout: above(0), concurrency: above(0) };
const batchFields = { batch: aFunction, ...limits };
const rewardFields = { reward: aFunction, ...limits };

function judgeFrom(name: string, given: RewardFunction | RewardOptions, where: string): Judge {
  const options = typeof given === "function" ? { reward: given } : given;
  if (!isObject(options) || !isOptions(options))
    throw new SettingError(`${where}: expected reward ${name} as a function, got ${brief(given)}`);
  const { weight = 1, timeout = 60, concurrency = 16 } = options;
  const label = name === unnamed ? `${where}: reward` : `${where}: reward ${name}`;
  checkFields(options, "batch" in options ? batchFields : rewardFields, label);
  const late = `${label}: expected an answer within ${timeout} s, got none`;
  const calls = { label, late, timeout, concurrency };
  return {
    name,
    weight,
    *score(samples, guard = unguarded) {
      const scores =
        "batch" in options
          ? scoreBatch(options.batch, samples, calls, guard)
          : scoreEach(options.reward, samples, calls, guard);
      const turns = "batch" in options ? 1 : Math.ceil(samples.length / concurrency);
      return yield* wait(scores, timeout * turns, late);
    },
  };
}

/** Limits of a reward's calls, in seconds and at once, and the words of their errors. */
interface Calls {
  readonly label: string;
  readonly late: string;
  readonly timeout: number;
  readonly concurrency: number;
}

function scoreBatch(
  f: BatchFunction,
  samples: readonly Sample[],
  { label, late, timeout }: Calls,
  guard: Guard,
): ArrayLike<number> | Promise<ArrayLike<number>> {
  const check = (scores: ArrayLike<number>): ArrayLike<number> => {
    if (scores?.length !== samples.length)
      throw new OwnCodeError(
        `${label}: expected ${samples.length} numbers, one per sample, got ${brief(scores?.length)}`,
      );
    for (let i = 0; i < samples.length; i++) checkScore(scores[i], samples[i], label);
    return scores;
  };
  const failed = (error: unknown): never => {
    throw ownError(error, `${label}: failed for ${samples.length} samples`);
  };
  try {
    const scores = guard(
      () => f(samples),
      timeout,
      () => late,
    );
    return isPromise(scores) ? Promise.resolve(scores).then(check).catch(failed) : check(scores);
  } catch (error) {
    return failed(error);
  }
}

/** Calls that return at once run under one guard, which is renewed once it has lasted as long as one call may. */
function scoreEach(
  f: RewardFunction,
  samples: readonly Sample[],
  { label, late, timeout, concurrency }: Calls,
  guard: Guard,
): ArrayLike<number> | Promise<ArrayLike<number>> {
  const scores = new Float64Array(samples.length);
  const call = (i: number): number | Promise<number> => {
    const { prompt, completion, tokens, row } = samples[i];
    const failed = (error: unknown): never => {
      throw ownError(error, `${label}: failed for ${sampleText(samples[i])}`);
    };
    try {
      const score = f(prompt, completion, { tokens, row });
      if (!isPromise(score)) return checkScore(score, samples[i], label);
      return Promise.resolve(score)
        .then((x) => checkScore(x, samples[i], label))
        .catch(failed);
    } catch (error) {
      return failed(error);
    }
  };
  let i = 0;
  const callSome = (isHalf: () => boolean): Promise<number> | null => {
    do {
      const score = call(i);
      if (isPromise(score)) return score;
      scores[i++] = score;
    } while (i < samples.length && !isHalf());
    return null;
  };
  while (i < samples.length) {
    const pending = guard(callSome, 2 * timeout, () => `${late} for ${sampleText(samples[i])}`);
    if (pending !== null) return scoreRest(i, pending);
  }
  return scores;

  async function scoreRest(first: number, pending: Promise<number>): Promise<Float64Array> {
    let next = first + 1;
    const take = async (): Promise<void> => {
      while (next < samples.length) {
        const i = next++;
        const lateFor = () => `${late} for ${sampleText(samples[i])}`;
        scores[i] = await guard(() => call(i), timeout, lateFor);
      }
    };
    const begun = pending.then(async (score) => {
      scores[first] = score;
      await take();
    });
    await Promise.all([
      begun,
      ...Array.from({ length: Math.min(concurrency, samples.length) - 1 }, take),
    ]);
    return scores;
  }
}

function checkScore(score: unknown, sample: Sample, label: string): number {
  if (typeof score === "number" && Math.abs(score) !== Infinity) return score;
  throw new OwnCodeError(
    `${label}: expected a finite number, or NaN for what cannot be scored, got ${shown(score)} for ${sampleText(sample)}`,
  );
}

const sampleText = ({ prompt, completion }: Sample): string =>
  `prompt ${brief(prompt)} and completion ${brief(completion)}`;

const ownError = (error: unknown, label: string): OwnCodeError =>
  error instanceof OwnCodeError
    ? error
    : new OwnCodeError(`${label}: ${messageOf(error)}`, { cause: error });

/** Returns a judge whose calls have a time limit. */
export const guardedJudge = (judge: Judge, guard: Guard): Judge => ({
  ...judge,
  score: (samples) => judge.score(samples, guard),
});
