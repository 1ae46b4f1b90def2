/** Measures memory: allocating and freeing buffers, copying more than caches hold, and the size of whole models. */
import { loops } from "../src/backends/loops.ts";
import { simd, simdFor } from "../src/backends/simd.ts";
import type { Backend } from "../src/core/backend.ts";
import { Tape } from "../src/core/tape.ts";
import { input } from "../src/core/tensor.ts";
import { add } from "../src/ops/arithmetic.ts";
import type { BenchCase, Suite } from "./harness.ts";
import { ppoUpdate, updateSizes } from "./workloads.ts";

const many = 4e6; // floats, 16 MB

function taking(k: Backend, n: number): BenchCase {
  const run = (): void => k.free(k.alloc(n));
  return { name: `${k.name}, take and free ${n}`, amount: n, unit: "floats", run };
}

function moving(): BenchCase[] {
  const k = simd();
  const [a, b] = [input(k, [many]), input(k, [many])];
  const tape = new Tape(k, { grads: false });
  const sum = () => add(a, b);
  return [
    { name: "copy 16 MB", amount: many, unit: "floats", run: () => a.data.set(b.data) },
    {
      name: "simd, add 16 MB to 16 MB",
      amount: many,
      unit: "floats",
      run: () => void tape.run(sum),
      against: "copy 16 MB",
    },
  ];
}

export const memory: Suite = {
  about: "buffers, and data larger than caches",
  make: () => [
    ...[simd(), loops()].flatMap((k) => [64, 4096, 65536].map((n) => taking(k, n))),
    ...moving(),
  ],
  notes: () =>
    Object.entries(updateSizes).map(([name, size]) => {
      const k = simdFor((k) => {
        ppoUpdate(k, size).step();
        return k;
      });
      return `a PPO update ${name} takes ${(k.used() / 2 ** 20).toFixed(2)} MiB in all`;
    }),
};
