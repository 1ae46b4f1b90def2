/** On which backend the float32 cases run; float64 ones always run on the loops. */
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import type { Backend } from "../../src/core/backend.ts";
import type { Float } from "./types.ts";

export const backendNames = ["loops", "simd"] as const;
let current: (typeof backendNames)[number] = "loops";

export function useBackend(name: (typeof backendNames)[number]): void {
  current = name;
}

/** A fresh backend. */
export const backendFor = (float: Float): Backend =>
  float === Float32Array && current === "simd" ? simd({ memory: 2 ** 24 }) : loops(float);
