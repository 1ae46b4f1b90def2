/**
 * The reference backend: plain loops over typed arrays, which run wherever JavaScript runs. On Float64Array
 * the same ops serve gradient checks and exact oracles.
 */
import type { Backend, Floats } from "../core/backend.ts";
import { UsageError } from "../core/errors.ts";

/** Returns a backend on `type`, Float32Array by default. Sums are accumulated in float64 and rounded once. */
export function loops(type: typeof Float32Array | typeof Float64Array = Float32Array): Backend {
  const unused = new Map<number, Floats[]>(); // by length, so that a tape that records again reuses its old buffers
  return {
    name: type === Float32Array ? "loops" : "loops64",
    alloc: (size) => unused.get(size)?.pop()?.fill(0) ?? new type(size),
    free(buffer) {
      const list = unused.get(buffer.length) ?? [];
      if (list.includes(buffer)) throw new UsageError("free: expected a buffer in use");
      list.push(buffer);
      unused.set(buffer.length, list);
    },
    gemm,
  };
}

const gemm: Backend["gemm"] = ({ y: to, a: left, b: right }, accumulate) => {
  const { data: y, rows: m, columns: n } = to;
  const { data: a, columns: k } = left;
  const b = right.data;
  const [aRow, aStep] = left.transposed ? [1, m] : [k, 1];
  const [bCol, bStep] = right.transposed ? [k, 1] : [1, n];
  if (!accumulate) y.fill(-0, 0, m * n); // −0 + sum is the sum, also for a sum of −0
  // Two rows by four columns at a time: eight sums in registers, each loaded number is used at least twice.
  for (let i = 0; i < m; i += 2) {
    const twoRows = i + 1 < m;
    const ai = i * aRow;
    const aj = twoRows ? ai + aRow : ai;
    let j = 0;
    for (; j + 4 <= n; j += 4) {
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      let t0 = 0;
      let t1 = 0;
      let t2 = 0;
      let t3 = 0;
      let bk = j * bCol;
      for (let p = 0, q = 0; p < k; p++, q += aStep, bk += bStep) {
        const u = a[ai + q];
        const v = a[aj + q];
        const w0 = b[bk];
        const w1 = b[bk + bCol];
        const w2 = b[bk + 2 * bCol];
        const w3 = b[bk + 3 * bCol];
        s0 += u * w0;
        s1 += u * w1;
        s2 += u * w2;
        s3 += u * w3;
        t0 += v * w0;
        t1 += v * w1;
        t2 += v * w2;
        t3 += v * w3;
      }
      const at = i * n + j;
      y[at] += s0;
      y[at + 1] += s1;
      y[at + 2] += s2;
      y[at + 3] += s3;
      if (!twoRows) continue;
      y[at + n] += t0;
      y[at + n + 1] += t1;
      y[at + n + 2] += t2;
      y[at + n + 3] += t3;
    }
    for (; j < n; j++) {
      for (let row = i; row < i + (twoRows ? 2 : 1); row++) {
        let sum = 0;
        for (let p = 0, ak = row * aRow, bk = j * bCol; p < k; p++, ak += aStep, bk += bStep)
          sum += a[ak] * b[bk];
        y[row * n + j] += sum;
      }
    }
  }
};
