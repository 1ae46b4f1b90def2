/** Chapter 12's exercise: a sum in two orders, and what a hash sees that a printed number does not. */
import { hashOf } from "./12-anywhere.ts";

const values = Array.from({ length: 1000 }, (_, i) => Math.fround(1 / (i + 1)));
const sum = (list: readonly number[]): number => list.reduce((a, b) => Math.fround(a + b), 0);
for (const total of [sum(values), sum([...values].reverse())])
  console.log(`${total.toFixed(4)}   ${total}   ${hashOf([Float32Array.of(total)])}`);
