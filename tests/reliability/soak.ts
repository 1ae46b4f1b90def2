/**
 * `npm run test:soak [-- N]` (needs --expose-gc): N updates (default a million) of a whole trainer on each
 * backend; after warm-up neither heap nor typed arrays may grow by more than 1 MB.
 */
import { configOf, openControl } from "../support/sessions.ts";

const updates = Number(process.argv[2] ?? 1_000_000);
const { gc } = globalThis as { gc?: () => void };
if (gc === undefined) throw new Error("run with --expose-gc");

function memory(): { heap: number; buffers: number } {
  for (let i = 0; i < 4; i++) gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { heap: heapUsed, buffers: arrayBuffers };
}
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;

for (const backend of ["simd", "loops"]) {
  const settings = { envs: 2, hidden: [8] };
  const { reports } = openControl(
    configOf({ task: "bandit", algo: "reinforce", backend, settings, steps: 1e12 }),
  );
  const warmUp = Math.min(20_000, updates / 10);
  for (let i = 0; i < warmUp; i++) reports.next();
  const before = memory();
  const start = performance.now();
  let [heap, buffers] = [0, 0];
  for (let part = 1; part <= 10; part++) {
    for (let i = 0; i < updates / 10; i++) reports.next();
    const now = memory();
    heap = now.heap - before.heap;
    buffers = now.buffers - before.buffers;
  }
  const flat = heap <= 1e6 && buffers <= 1e6;
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const grown = `heap ${megabytes(heap)}, typed arrays ${megabytes(buffers)}`;
  console.log(
    `${flat ? "ok  " : "FAIL"} ${backend}: ${updates} updates in ${seconds} s, grown by ${grown}`,
  );
  if (!flat) process.exitCode = 1;
}
