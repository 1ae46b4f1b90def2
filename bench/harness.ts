/** Runs benches with tinybench and prints a table: median, quartiles and rate of each case. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Bench } from "tinybench";

setFlagsFromString("--expose-gc");
const gc: () => void = runInNewContext("gc"); // to measure what a call leaves on the heap

/** A timed case; one call does `amount` of `unit`. */
export interface BenchCase {
  readonly name: string;
  readonly amount: number;
  readonly unit: string;
  readonly run: () => void;
  /** The name of the case to compare with, timed before this one in the same run. */
  readonly against?: string;
}

/** A suite: its title, and its cases, built on demand. */
export interface Suite {
  readonly about: string;
  /** The comparison with another case: the ratio of times (default), or the share of its rate. */
  readonly compare?: "time" | "share";
  readonly make: () => BenchCase[] | Promise<BenchCase[]>;
  /** Lines to print after the table. */
  readonly notes?: () => string[];
}

export interface Result {
  readonly suite: string;
  readonly name: string;
  /** Microseconds per call: median, lower and upper quartile. */
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** Units per second at the median. */
  readonly rate: number;
  readonly unit: string;
  /** The bytes that one call leaves on the heap. */
  readonly bytes: number;
  /** The ratio of the median to the compared case's, or the share of its rate. */
  readonly ratio: number | null;
  readonly against: string | null;
  readonly share: boolean;
}

/** Times every case for half a second, or quickly: a few calls, which say that it runs. */
export async function measure(name: string, suite: Suite, quick: boolean): Promise<Result[]> {
  const results: Result[] = [];
  for (const { name: of, amount, unit, run, against } of await suite.make()) {
    const bench = new Bench({
      time: quick ? 5 : 500,
      warmupTime: quick ? 1 : 125,
      iterations: quick ? 1 : 5, // for long calls
      warmupIterations: 1,
      retainSamples: true,
    });
    bench.add(of, run);
    await bench.run();
    const result = bench.tasks[0].result;
    if (!("latency" in result) || result.latency === undefined)
      throw new Error(`${of}: no samples`);
    const samples = [...(result.latency.samples ?? [])].sort((a, b) => a - b);
    const at = (share: number): number => 1000 * samples[Math.floor(share * (samples.length - 1))];
    const median = at(0.5);
    results.push({
      suite: name,
      name: of,
      median,
      low: at(0.25),
      high: at(0.75),
      rate: (amount / median) * 1e6,
      unit,
      bytes: bytesOf(run, quick ? 1 : median > 5000 ? 3 : 20),
      against: against ?? null,
      ratio: ratioTo(results, against, median, suite.compare === "share" ? amount : null),
      share: suite.compare === "share",
    });
  }
  return results;
}

/** Returns the ratio of the median to another case's; or with an amount, the share of its rate. */
function ratioTo(
  results: readonly Result[],
  against: string | undefined,
  median: number,
  amount: number | null,
): number | null {
  const other = results.find(({ name }) => name === against);
  if (other === undefined) return null;
  return amount === null ? median / other.median : ((amount / median) * 1e6) / other.rate;
}

/**
 * Returns the bytes that a call allocates on the heap: the minimum of many rounds, because the engine allocates
 * too. Rounds are short, because a garbage collection would hide allocations (negative rounds are dropped).
 */
function bytesOf(run: () => void, tries: number): number {
  gc();
  for (let i = 0; i < tries; i++) run(); // a collection may discard compiled code
  const own = Math.min(...Array.from({ length: 5 }, () => memoryOf(() => {})));
  const rounds = Array.from({ length: tries }, () => memoryOf(run) - own).filter(
    (bytes) => bytes > -500,
  );
  return rounds.length === 0 ? Number.NaN : Math.max(0, Math.round(Math.min(...rounds) / 5));
}

function memoryOf(run: () => void): number {
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 5; i++) run();
  return process.memoryUsage().heapUsed - before;
}

/** Prints a line per case; with medians of an `earlier` run, also the ratio to them. */
export function print(
  results: readonly Result[],
  earlier: ReadonlyMap<string, number> = new Map(),
): void {
  for (const result of results) {
    const { suite, name, median, low, high, rate, unit, bytes, ratio, against, share } = result;
    const then = earlier.get(`${suite}/${name}`);
    const change = then === undefined ? "" : `  ${(median / then).toFixed(2)}× of earlier`;
    const time = `${micro(median)} (${micro(low)}–${micro(high)})`;
    const shown = share ? `${Math.round(100 * (ratio ?? 0))} % of` : `${ratio?.toPrecision(2)}×`;
    const times = ratio === null ? "" : `  ${shown} ${against}`;
    const speed = `${count(rate)} ${unit}/s, ${(1e9 / rate).toPrecision(3)} ns each`;
    console.log(
      `  ${name.padEnd(36)} ${time.padEnd(32)} ${speed.padEnd(34)} ${`${bytes} B/call`.padEnd(12)}${times}${change}`,
    );
  }
}

function micro(us: number): string {
  if (us >= 1000) return `${(us / 1000).toPrecision(3)} ms`;
  return us >= 1 ? `${us.toPrecision(3)} µs` : `${(us * 1000).toPrecision(3)} ns`;
}

function count(n: number): string {
  const [scale, letter] =
    n >= 1e9 ? [1e9, "G"] : n >= 1e6 ? [1e6, "M"] : n >= 1e3 ? [1e3, "k"] : [1, ""];
  return `${(n / scale).toPrecision(3)}${letter}`;
}
