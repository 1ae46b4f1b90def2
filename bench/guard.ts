/**
 * `npm run bench:guard`: checks ratios of times within one process that hold on any machine, with room for noise:
 * the engine's PPO update against the same work fused by hand, matrix products against the multiply-add peak,
 * convolutions against one product, and kernels against loops. Compares lower quartiles of short samples taken in turns.
 */

import { loops } from "../src/backends/loops.ts";
import { simd } from "../src/backends/simd.ts";
import { matrix } from "../src/core/backend.ts";
import { Random } from "../src/core/random.ts";
import { convolutions, oneProduct } from "./conv.ts";
import { fusedUpdate } from "./fused.ts";
import { peakFlops, peakKernel } from "./peak.ts";
import { ppoUpdate, updateSizes } from "./workloads.ts";

const now = (): number => Number(process.hrtime.bigint()) / 1e3;

/** Returns the microseconds per call of each, sampled in turns so that noise affects all alike. */
function quartiles<Name extends string>(runs: Record<Name, () => unknown>): Record<Name, number> {
  const entries = Object.entries(runs) as [Name, () => unknown][];
  const timed = entries.map(([name, run]) => {
    let once = Infinity;
    for (let i = 0, end = now() + 2e5; i < 3 || (i < 2000 && now() < end); i++) {
      const start = now();
      run();
      once = Math.min(once, now() - start);
    }
    return { name, run, count: Math.max(1, Math.round(2000 / once)), samples: [] as number[] };
  });
  for (let round = 0; round < 41; round++) {
    for (const { run, count, samples } of timed) {
      const start = now();
      for (let i = 0; i < count; i++) run();
      samples.push((now() - start) / count);
    }
  }
  const low = timed.map(({ name, samples }) => [name, samples.sort((a, b) => a - b)[10]]);
  return Object.fromEntries(low) as Record<Name, number>;
}

let failed = 0;
function expect(what: string, ratio: number, relation: "≤" | "≥", bound: number): void {
  const holds = relation === "≤" ? ratio <= bound : ratio >= bound;
  if (!holds) failed++;
  console.log(
    `${holds ? "ok  " : "FAIL"} ${what}: ${ratio.toFixed(2)}, expected ${relation} ${bound}`,
  );
}

for (const name of ["4-64-64-2 B=64", "4-64-64-2 B=256"]) {
  const size = updateSizes[name];
  const { byHand, engine, plain } = quartiles({
    byHand: fusedUpdate(simd(), size).step,
    engine: ppoUpdate(simd(), size).step,
    plain: ppoUpdate(loops(), size).step,
  });
  expect(`update ${name}, engine over by hand`, engine / byHand, "≤", 1.5);
  expect(`update ${name}, loops over simd`, plain / engine, "≥", 3);
}

const k = simd();
const random = new Random(1);
const { forward, learn } = convolutions(k, (data) => random.fillNormal(data));
const convolution = quartiles({ one: oneProduct(k), forward, learn });
const as = "over one product of as many multiply-adds";
expect(`convolution ${as}`, convolution.forward / convolution.one, "≤", 2.5);
expect(`convolution and gradients of filters ${as}`, convolution.learn / convolution.one, "≤", 7);

const peak = peakKernel();
const rounds = 20_000;
for (const n of [64, 128, 256]) {
  const k = simd();
  const [a, b, y] = [0, 1, 2].map(() => k.alloc(n * n));
  const random = new Random(1);
  random.fillNormal(a);
  random.fillNormal(b);
  const matrices = { y: matrix(y, n, n), a: matrix(a, n, n), b: matrix(b, n, n) };
  const { limit, product } = quartiles({
    limit: () => peak(rounds),
    product: () => k.gemm(matrices, false),
  });
  const share = (2 * n ** 3) / product / (peakFlops(rounds) / limit);
  expect(`product of size ${n}, share of the peak`, share, "≥", 0.5);
}
process.exitCode = failed > 0 ? 1 : 0;
