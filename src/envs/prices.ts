/** Price series: parsed from CSV text, or synthetic. */
import { FormatError } from "../core/errors.ts";
import { exp } from "../core/math.ts";
import { brief, printable } from "../core/printable.ts";
import { Random } from "../core/random.ts";
import { withoutMark } from "../core/utf8.ts";

export interface Prices {
  readonly names: readonly string[];
  /** [times, assets], row-major. */
  readonly data: Float64Array;
}

/**
 * Parses CSV: a header with names, then one row per time with a price for each. Skips a first column that is not
 * numbers, such as dates, and a byte order mark. Throws FormatError with the line number.
 */
export function parsePrices(text: string): Prices {
  const lines = withoutMark(text).trimEnd().split(/\r?\n/);
  const fields = (line: string): string[] =>
    line.split(",").map((field) => field.trim().replace(/^"(.*)"$/s, "$1"));
  if (lines.length < 3) throw new FormatError("prices: expected a header and at least two rows");
  const header = fields(lines[0]);
  const skip = Number.isFinite(number(fields(lines[1])[0])) ? 0 : 1;
  const names = header.slice(skip);
  if (names.length === 0) throw new FormatError("prices, line 1: expected a column of prices");
  const cells = (lines.length - 1) * names.length;
  if (cells > text.length) {
    throw new FormatError(
      `prices: expected a price in every row, but ${text.length} characters cannot hold ${lines.length - 1} rows of ${names.length}`,
    );
  }
  const data = new Float64Array(cells);
  for (let i = 1; i < lines.length; i++) {
    const row = fields(lines[i]);
    if (row.length !== header.length) {
      throw new FormatError(
        `prices, line ${i + 1}: expected ${header.length} fields, got ${row.length}`,
      );
    }
    names.forEach((name, j) => {
      const price = number(row[skip + j]);
      if (!(price > 0 && price < Infinity)) {
        throw new FormatError(
          `prices, line ${i + 1}: expected a price above 0 for ${printable(name)}, got ${brief(row[skip + j])}`,
        );
      }
      data[(i - 1) * names.length + j] = price;
    });
  }
  return { names, data };
}

const number = (field: string): number => (field === "" ? Number.NaN : Number(field));

export interface SyntheticOptions {
  /** The number of assets. Default 3. */
  readonly assets?: number;
  /** The number of times. Default 4,000. */
  readonly times?: number;
  readonly seed?: number;
}

const trend = 0.006; // per step, up or down
const turn = 0.04; // probability per step that a trend reverses
const noise = 0.01; // standard deviation per step

/** Returns prices in trends that reverse at random, with noise, so that recent moves tend to continue. */
export function syntheticPrices({
  assets = 3,
  times = 4000,
  seed = 1,
}: SyntheticOptions = {}): Prices {
  const random = new Random(seed);
  const data = new Float64Array(times * assets);
  for (let j = 0; j < assets; j++) {
    let direction = random.below(2) === 0 ? 1 : -1;
    let price = 100;
    for (let i = j; i < data.length; i += assets) {
      data[i] = price;
      if (random.uniform() < turn) direction = -direction;
      price *= exp(direction * trend + noise * random.normal());
    }
  }
  return { names: Array.from({ length: assets }, (_, j) => `asset${j + 1}`), data };
}
