/** Trains a little with fixed seeds and prints a hash of every weight's bits and every figure. */
import { open, resolve, saveModel } from "../../src/tasks/session.ts";

/** FNV-1a over bytes. */
function hash(bytes: ArrayLike<number>, start = 0x811c9dc5): number {
  let h = start;
  for (let i = 0; i < bytes.length; i++) h = Math.imul(h ^ bytes[i], 0x01000193);
  return h >>> 0;
}
const codes = (text: string): number[] => Array.from(text, (c) => c.charCodeAt(0));

let sum = 0x811c9dc5;
for (const [task, updates] of [
  ["line", 40],
  ["bandit", 100],
] as const) {
  const { model, reports } = open(resolve({ task, seed: 11 }));
  for (let i = 0; i < updates; i++) sum = hash(codes(JSON.stringify(reports.next().value)), sum);
  sum = hash(saveModel(model), sum);
}
(globalThis as unknown as { console: { log(text: string): void } }).console.log(
  sum.toString(16).padStart(8, "0"),
);
