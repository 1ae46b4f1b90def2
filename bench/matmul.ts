/** Square matrix products, forward: where a large network's time goes. */
import { loops } from "../src/backends/loops.ts";
import { Random } from "../src/core/random.ts";
import type { Suite } from "./harness.ts";

export const matmul: Suite = {
  about: "square float32 matrix products (2n³ floating-point operations)",
  make() {
    const k = loops();
    const random = new Random(1);
    return [32, 64, 128, 256].map((n) => {
      const [a, b, y] = [0, 1, 2].map(() => k.alloc(n * n));
      random.fillNormal(a);
      random.fillNormal(b);
      const run = (): void => k.gemm(y, 0, a, 0, b, 0, n, n, n, false, false, false);
      return { name: `loops, n = ${n}`, amount: 2 * n * n * n, unit: "FLOP", run };
    });
  },
};
