/** Measures a PPO minibatch update through the public API against the same work fused by hand on the kernels. */
import { loops } from "../src/backends/loops.ts";
import { simd } from "../src/backends/simd.ts";
import { fusedUpdate } from "./fused.ts";
import type { BenchCase, Suite } from "./harness.ts";
import { ppoUpdate, updateSizes } from "./workloads.ts";

export const update: Suite = {
  about: "a PPO minibatch update: forward, losses, backward, clip, Adam",
  make() {
    const cases: BenchCase[] = [];
    for (const [name, size] of Object.entries(updateSizes)) {
      const timed = (by: string, step: () => void, against?: string): BenchCase => ({
        name: `${by}, ${name}`,
        amount: size.batch,
        unit: "samples",
        run: step,
        ...(against === undefined ? {} : { against }),
      });
      const fused = size.continuous ? undefined : `by hand, ${name}`;
      if (fused !== undefined) cases.push(timed("by hand", fusedUpdate(simd(), size).step));
      cases.push(timed("simd", ppoUpdate(simd(), size).step, fused));
      if (size.batch === 64)
        cases.push(timed("loops", ppoUpdate(loops(), size).step, `simd, ${name}`));
    }
    return cases;
  },
};
