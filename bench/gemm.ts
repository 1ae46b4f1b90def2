/** Measures square matrix products, which dominate large networks, as a share of the vector units' peak. */
import { loops } from "../src/backends/loops.ts";
import { simd, simdAvailable } from "../src/backends/simd.ts";
import { type Backend, matrix, transpose } from "../src/core/backend.ts";
import { Random } from "../src/core/random.ts";
import type { BenchCase, Suite } from "./harness.ts";
import { peakFlops, peakKernel } from "./peak.ts";

function product(k: Backend, n: number, transposeB = false): BenchCase {
  const random = new Random(1);
  const [a, b, y] = [0, 1, 2].map(() => k.alloc(n * n));
  random.fillNormal(a);
  random.fillNormal(b);
  const [left, right, to] = [a, b, y].map((x) => matrix(x, n, n));
  const product = { y: to, a: left, b: transposeB ? transpose(right) : right };
  return {
    name: `${k.name}, n = ${n}${transposeB ? ", B transposed" : ""}`,
    amount: 2 * n * n * n,
    unit: "FLOP",
    run: () => k.gemm(product, false),
    against: "peak",
  };
}

export const gemm: Suite = {
  about:
    "square float32 matrix products (2n³ floating-point operations), beside the multiply-add peak",
  compare: "share",
  make() {
    const peak = peakKernel();
    const rounds = 20_000;
    const k = simd();
    return [
      { name: "peak", amount: peakFlops(rounds), unit: "FLOP", run: () => void peak(rounds) },
      ...[32, 64, 128, 256, 512, 1024].map((n) => product(k, n)),
      ...[64, 256].map((n) => product(k, n, true)),
      ...(simdAvailable({ fast: true })
        ? [64, 128, 256, 512].map((n) => product(simd({ fast: true }), n))
        : []),
      ...[64, 256].map((n) => product(loops(), n)),
    ];
  },
};
