/** Points of a search in the unit cube: independent ones, or the R-sequence, which covers it evenly. */
import { Random } from "../core/random.ts";

export const searches = ["random", "quasi"] as const;
export type Search = (typeof searches)[number];

/** Returns `count` points with `dimensions` coordinates in [0, 1). */
export function searchPoints(
  search: Search,
  count: number,
  dimensions: number,
  seed: number,
): number[][] {
  const random = new Random(seed);
  const coordinates = () => Array.from({ length: dimensions }, () => random.uniform());
  if (search === "random") return Array.from({ length: count }, coordinates);
  const start = coordinates();
  const steps = rSteps(dimensions);
  return Array.from({ length: count }, (_, n) => start.map((x, i) => (x + (n + 1) * steps[i]) % 1));
}

/**
 * Returns the steps 1/φ, 1/φ², … of the R-sequence (Roberts 2018), where φ is the root of x^(d+1) = x + 1: the golden
 * ratio for d = 1. Found by bisection, since `pow` differs between engines.
 */
function rSteps(dimensions: number): number[] {
  let [low, high] = [1, 2];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    let power = 1;
    for (let j = 0; j <= dimensions; j++) power *= middle;
    if (power > middle + 1) high = middle;
    else low = middle;
  }
  let step = 1;
  return Array.from({ length: dimensions }, () => (step /= low));
}
