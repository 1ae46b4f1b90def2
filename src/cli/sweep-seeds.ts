/** The seeds of a sweep: a count, or seeds of one's choice. */
import { SettingError } from "../core/errors.ts";

const mostSeeds = 10_000;

/** Reads "5" as seeds 1 to 5, and "601,605-607" as seeds 601, 605, 606 and 607. Throws SettingError for anything else. */
export function seedsFrom(text: string): number[] {
  const wrong = (what: string): SettingError =>
    new SettingError(`--seeds: expected ${what}, got "${text}"`);
  const whole = (digits: string): number => {
    const value = Number(digits);
    if (!/^\d+$/.test(digits) || !Number.isSafeInteger(value))
      throw wrong("a whole number ≥ 1, or seeds such as 601,602 or 601-605");
    return value;
  };
  if (/^\d+$/.test(text.trim())) {
    const count = whole(text.trim());
    if (count < 1) throw wrong("a whole number ≥ 1");
    if (count > mostSeeds) throw wrong(`at most ${mostSeeds} seeds`);
    return Array.from({ length: count }, (_, i) => i + 1);
  }
  const seeds: number[] = [];
  for (const part of text.split(",")) {
    const ends = part.split("-");
    if (ends.length > 2) throw wrong("seeds such as 601,602 or 601-605");
    const [first, last] = [whole(ends[0]), whole(ends[ends.length - 1])];
    if (last < first) throw wrong("a range of seeds that ascends");
    if (last - first >= mostSeeds || seeds.length >= mostSeeds)
      throw wrong(`at most ${mostSeeds} seeds`);
    for (let seed = first; seed <= last; seed++) seeds.push(seed);
  }
  if (new Set(seeds).size < seeds.length) throw wrong("each seed once");
  return seeds;
}
