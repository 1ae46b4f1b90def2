/** Chapter 11: loop orders and the cache; which sums may run side by side without changing a bit. `time` measures, too. */

/** Counts misses of a cache of 32 kB, in lines of 16 float32, each at the one place that its address gives it. */
class Cache {
  misses = 0;
  private readonly lines = new Int32Array(512).fill(-1);

  touch(address: number): void {
    const line = address >> 4;
    if (this.lines[line & 511] === line) return;
    this.lines[line & 511] = line;
    this.misses++;
  }
}

type Visit = (i: number, k: number, j: number) => void;
/** Orders of the three loops of C[i, j] += A[i, k] · B[k, j], for n × n matrices. */
export const orders = {
  "i j k": (n: number, visit: Visit) => {
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) for (let k = 0; k < n; k++) visit(i, k, j);
  },
  "i k j": (n: number, visit: Visit) => {
    for (let i = 0; i < n; i++)
      for (let k = 0; k < n; k++) for (let j = 0; j < n; j++) visit(i, k, j);
  },
  "blocks of 16": (n: number, visit: Visit) => {
    for (let k0 = 0; k0 < n; k0 += 16)
      for (let j0 = 0; j0 < n; j0 += 16)
        for (let i = 0; i < n; i++)
          for (let k = k0; k < Math.min(k0 + 16, n); k++)
            for (let j = j0; j < Math.min(j0 + 16, n); j++) visit(i, k, j);
  },
};
/** Misses per multiplication, with A, B and C after each other in memory and a little room between them. */
export function missesOf(order: keyof typeof orders, n: number): number {
  const cache = new Cache();
  const [b, c] = [n * n + 48, 2 * n * n + 96];
  orders[order](n, (i, k, j) => {
    cache.touch(i * n + k);
    cache.touch(b + k * n + j);
    cache.touch(c + i * n + j);
  });
  return cache.misses / n ** 3;
}
export const sizes = [16, 32, 48, 72, 104, 136, 168];
console.log("cache misses per multiplication");
console.log(`n             ${sizes.map((n) => String(n).padStart(7)).join("")}`);
for (const order of Object.keys(orders) as (keyof typeof orders)[])
  console.log(
    `${order.padEnd(13)} ${sizes.map((n) => missesOf(order, n).toFixed(3).padStart(7)).join("")}`,
  );

// Bits: 4,096 dot products of 64 float32 numbers, added up in three ways.
let state = 600;
const next = (): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.fround(state / 2 ** 31 - 1);
};
const [length, count] = [64, 4096];
const x = Float32Array.from({ length: length * count }, next);
const y = Float32Array.from({ length }, next);
const product = (row: number, k: number): number => Math.fround(x[row * length + k] * y[k]);
const inOrder = (row: number): number => {
  let sum = 0;
  for (let k = 0; k < length; k++) sum = Math.fround(sum + product(row, k));
  return sum;
};
/** Four partial sums of every fourth number, as a vector unit keeps them that runs along k. */
const fourLanes = (row: number): number => {
  const lanes = new Float32Array(4);
  for (let k = 0; k < length; k++) lanes[k & 3] += product(row, k);
  return Math.fround(Math.fround(lanes[0] + lanes[1]) + Math.fround(lanes[2] + lanes[3]));
};
/** Four rows at once, each in order, as a vector unit keeps them that runs along the rows. */
function fourRows(first: number): Float32Array {
  const sums = new Float32Array(4);
  for (let k = 0; k < length; k++) for (let r = 0; r < 4; r++) sums[r] += product(first + r, k);
  return sums;
}
let [lanes, rows] = [0, 0];
for (let row = 0; row < count; row++) {
  if (fourLanes(row) !== inOrder(row)) lanes++;
  if (fourRows(row & ~3)[row & 3] !== inOrder(row)) rows++;
}
console.log(`\nsums that differ from one loop, of ${count}:`);
console.log(`four lanes along the sum  ${lanes}`);
console.log(`four rows side by side    ${rows}`);

if (process.argv[2] === "time") {
  const n = 384;
  const [A, B] = [0, 1].map(() => Float32Array.from({ length: n * n }, next));
  for (const [name, order] of Object.entries(orders)) {
    const C = new Float32Array(n * n);
    const start = performance.now();
    order(n, (i, k, j) => {
      C[i * n + j] += A[i * n + k] * B[k * n + j];
    });
    console.log(`${name.padEnd(13)} ${(performance.now() - start).toFixed(0)} ms`);
  }
}
