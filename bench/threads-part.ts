/** A thread of the threads bench: PPO's loss on its rows. */
import { simd } from "../src/backends/simd.ts";
import type { Columns, Part } from "../src/node/team.ts";
import { ppoPart, type UpdateBatch, type UpdateSize } from "./workloads.ts";

export const makePart = (settings: unknown, columns: Columns): Part =>
  ppoPart(simd(), settings as UpdateSize, columns as unknown as UpdateBatch);
