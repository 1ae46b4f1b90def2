/** Trains a little with fixed seeds and prints a hash of every weight's bits and every figure. */
import { simd } from "../../src/backends/simd.ts";
import { Random } from "../../src/core/random.ts";
import { encodeState } from "../../src/io/state-file.ts";
import { open, resolve } from "../../src/tasks/session.ts";

/** FNV-1a over bytes. */
function hash(bytes: ArrayLike<number>, start = 0x811c9dc5): number {
  let h = start;
  for (let i = 0; i < bytes.length; i++) h = Math.imul(h ^ bytes[i], 0x01000193);
  return h >>> 0;
}
const codes = (text: string): number[] => Array.from(text, (c) => c.charCodeAt(0));

let sum = 0x811c9dc5;
for (const backend of ["loops", "simd"]) {
  for (const [task, updates] of [
    ["line", 40],
    ["bandit", 100],
  ] as const) {
    const { training, reports } = open(resolve({ task, seed: 11, backend }));
    for (let i = 0; i < updates; i++) sum = hash(codes(JSON.stringify(reports.next().value)), sum);
    sum = hash(encodeState(training.save()), sum);
  }
}

// every kernel that a policy of the small tasks does not reach, on numbers of any size
const k = simd();
const n = 1000;
const [a, b, y] = [0, 1, 2].map(() => k.alloc(n * n));
const random = new Random(5);
random.fillNormal(a);
random.fillNormal(b);
const add = (): void => {
  sum = hash(new Uint8Array(y.buffer, y.byteOffset, 4 * n * n), sum);
};
for (const transpose of [false, true]) {
  k.gemm(y, 0, a, 0, b, 0, n, n, n, transpose, transpose, false);
  add();
}
const [at, bt, yt] = [a, b, y].map((x) => k.address(x));
for (const map of ["exp", "tanh", "sigmoid", "gelu"]) {
  k.kernels[map](yt, at, n * n);
  add();
}
for (const rows of ["softmax", "logSoftmax"]) {
  k.kernels[rows](yt, at, n, n);
  add();
}
k.kernels.layerNorm(yt, at, bt, bt + 4 * n, bt + 8 * n, n, n, 1e-5, 1 / n);
add();

(globalThis as unknown as { console: { log(text: string): void } }).console.log(
  sum.toString(16).padStart(8, "0"),
);
