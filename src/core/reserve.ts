/** Random numbers by their place: of many draws, each has one of its own, whoever draws it and when. */
import { type Random, threefry2x32, uniformOf } from "./random.ts";

/** Reserves the generator's next n uniform numbers. Returns a function that gives the i-th of them, in any order. */
export function reserve(random: Random, n: number): (i: number) => number {
  const [key0, key1, drawn, , half] = random.save();
  random.skip(half + 2 * n); // the rest of a block that was begun is dropped
  const words = new Uint32Array(2);
  return (i) => {
    const block = drawn + i;
    threefry2x32(key0, key1, Math.floor(block / 2 ** 32), block >>> 0, words);
    return uniformOf(words[0], words[1]);
  };
}
