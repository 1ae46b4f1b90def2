/**
 * The discrete PPO update of `workloads.ts`, fused by hand on the SIMD kernels: no tape, no ops, preallocated
 * buffers, the loss and its gradient in one loop. The baseline for the engine's overhead.
 */
import type { SimdBackend } from "../src/backends/simd.ts";
import { type Matrix, matrix, transpose } from "../src/core/backend.ts";
import { exp, log } from "../src/core/math.ts";
import { standardize } from "../src/returns/normalize.ts";
import type { Update, UpdateSize } from "./workloads.ts";
import { ppoUpdate } from "./workloads.ts";

const chunk = 128;

interface Net {
  readonly w: readonly number[];
  readonly b: readonly number[];
  readonly dw: readonly number[];
  readonly db: readonly number[];
  readonly h: readonly number[];
  readonly sizes: readonly number[];
}

/** Returns an update whose `step` trains a fresh `ppoUpdate` model on its data and returns the loss. */
export function fusedUpdate(k: SimdBackend, size: UpdateSize): Update {
  const { kernels, address, adam } = k;
  const { observation: inputs, hidden, actions, batch } = size;
  const { parameters, data } = ppoUpdate(k, size);
  const advantage = new Float32Array(batch);
  const rows = Math.min(batch, chunk);
  const net = (name: string, outputs: number): Net => {
    const of = (i: number, what: "weight" | "bias") => parameters.get(`${name}.${i}.${what}`);
    const all = (what: "weight" | "bias", part: "data" | "grad"): number[] =>
      [0, 1, 2].map((i) => address((of(i, what) as NonNullable<ReturnType<typeof of>>)[part]));
    const sizes = [inputs, hidden, hidden, outputs];
    const h = sizes.slice(1).map((n) => address(k.alloc(rows * n)));
    return {
      w: all("weight", "data"),
      b: all("bias", "data"),
      dw: all("weight", "grad"),
      db: all("bias", "grad"),
      h,
      sizes,
    };
  };
  const actor = net("actor", actions);
  const critic = net("critic", 1);
  const floats = new Float32Array(k.memory.buffer);
  const x = k.alloc(rows * inputs);
  const [dLogits, dValue] = [k.alloc(rows * actions), k.alloc(rows)];
  const [dh, dz] = [address(k.alloc(rows * hidden)), address(k.alloc(rows * hidden))];
  const [region] = parameters.regions();
  const state = [k.alloc(region.data.length), k.alloc(region.data.length)];
  const adamRun = { data: region.data, grad: region.grad, state };
  const numbers = Float64Array.of(0.9, 1 - 0.9, 0.999, 1 - 0.999, 0, 0, 1e-5, 0, 1);
  let power1 = 1;
  let power2 = 1;

  /** Returns the matrix at an address. */
  const at = (address: number, rows: number, columns: number): Matrix =>
    matrix(floats.subarray(address >> 2), rows, columns);
  /** Returns each layer's products, with ∂loss/∂output at `dOut`. */
  const productsOf = ({ w, dw, h, sizes }: Net, dOut: number) =>
    [0, 1, 2].map((i) => {
      const [n, m] = [sizes[i], sizes[i + 1]];
      const from = at(i === 0 ? address(x) : h[i - 1], rows, n);
      const d = at(i === 2 ? dOut : dz, rows, m);
      const weight = at(w[i], m, n);
      return {
        y: { y: at(h[i], rows, m), a: from, b: transpose(weight) },
        dw: { y: at(dw[i], m, n), a: transpose(d), b: from },
        dh: { y: at(dh, rows, n), a: d, b: weight },
      };
    });
  const ofActor = productsOf(actor, address(dLogits));
  const ofCritic = productsOf(critic, address(dValue));

  function forward({ b, h, sizes }: Net, products: typeof ofActor): void {
    for (let i = 0; i < 3; i++) {
      kernels.repeatRow(h[i], b[i], rows, sizes[i + 1]);
      k.gemm(products[i].y, true);
      if (i < 2) kernels.tanh(h[i], h[i], rows * hidden);
    }
  }
  function backward({ db, h, sizes }: Net, products: typeof ofActor, dOut: number): void {
    for (let i = 2; i >= 0; i--) {
      k.gemm(products[i].dw, true);
      kernels.sumRows(db[i], i === 2 ? dOut : dz, rows, sizes[i + 1]);
      if (i === 0) return;
      k.gemm(products[i].dh, false);
      kernels.tanhSlope(dz, dh, h[i - 1], rows * hidden);
    }
  }
  /** Computes the losses of rows start … and their gradients with respect to logits and value. */
  function losses(start: number): number {
    const per = 1 / batch;
    let loss = 0;
    for (let row = 0; row < rows; row++) {
      const i = start + row;
      const o = (actor.h[2] >> 2) + row * actions;
      let max = -Infinity;
      for (let j = 0; j < actions; j++) max = Math.max(max, floats[o + j]);
      let sum = 0;
      for (let j = 0; j < actions; j++) sum += exp(floats[o + j] - max);
      const logSum = max + log(sum);
      let entropy = 0;
      for (let j = 0; j < actions; j++) {
        const l = floats[o + j] - logSum;
        entropy -= exp(l) * l;
      }
      const A = advantage[i];
      const ratio = exp(floats[o + data.action[i]] - logSum - data.oldLogProb[i]);
      const clipped = Math.min(Math.max(ratio, 0.8), 1.2);
      loss -= per * (Math.min(ratio * A, clipped * A) + 0.01 * entropy);
      const slope = clipped * A < ratio * A ? 0 : -per * ratio * A;
      for (let j = 0; j < actions; j++) {
        const l = floats[o + j] - logSum;
        const p = exp(l);
        dLogits[row * actions + j] =
          slope * ((j === data.action[i] ? 1 : 0) - p) + 0.01 * per * p * (l + entropy);
      }
      const moved = floats[(critic.h[2] >> 2) + row] - data.oldValue[i];
      const held = Math.min(Math.max(moved, -0.2), 0.2);
      const base = data.oldValue[i] - data.target[i];
      const free = (base + moved) * (base + moved);
      const clippedError = (base + held) * (base + held);
      loss += 0.25 * per * Math.max(free, clippedError);
      dValue[row] = free >= clippedError ? 0.5 * per * (base + moved) : 0;
    }
    return loss;
  }
  function step(): number {
    standardize(advantage, data.advantage);
    let loss = 0;
    for (let start = 0; start < batch; start += rows) {
      for (let i = 0, j = start * inputs; i < x.length; i++, j++) x[i] = data.observation[j];
      forward(actor, ofActor);
      forward(critic, ofCritic);
      loss += losses(start);
      backward(actor, ofActor, address(dLogits));
      backward(critic, ofCritic, address(dValue));
    }
    const n = region.data.length;
    const grad = address(region.grad);
    const scale = 0.5 / (Math.sqrt(kernels.sumOfSquares(grad, n)) + 1e-6);
    if (scale < 1) kernels.scale(grad, grad, scale, n);
    power1 *= 0.9;
    power2 *= 0.999;
    numbers[4] = 2.5e-4 / (1 - power1);
    numbers[5] = 1 / Math.sqrt(1 - power2);
    adam?.(adamRun, numbers);
    return loss;
  }
  return { step, parameters, data };
}
