/** Minibatches hold the rows that an order names, in chunks that together are the whole. */
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { NONE, type Tensor } from "../../src/core/tensor.ts";
import { box, discrete, multiDiscrete, type Space } from "../../src/envs/space.ts";
import { ActorCritic } from "../../src/policies/actor-critic.ts";
import {
  minibatchEnd,
  RolloutChunks,
  type RolloutColumns,
  shuffleRows,
} from "../../src/rollout/rollout-chunks.ts";

const loopsHere = loops();
const model = (action: Space, memory = 0, squash = false): ActorCritic =>
  new ActorCritic(
    loopsHere,
    { observation: box(0, 1, [2]), action, critic: true, hidden: [], memory, squash },
    new Random(1),
  );

/** Columns where each number says where it stands. */
function source(rows: number, envs: number, { action = 1, mask = 0, memory = 0 } = {}) {
  const column = (width: number, base: number): Float32Array =>
    Float32Array.from({ length: rows * width }, (_, i) => base + i);
  const of: RolloutColumns = {
    observation: column(2, 1000),
    actionMask: column(mask, 2000),
    action: column(action, 3000),
    noise: column(action, 5000),
    reset: column(1, 7000),
    startState: Float32Array.from({ length: envs * memory }, (_, i) => 8000 + i),
    envs,
  };
  return { of, advantage: column(1, 9000) };
}

const rowsOf = (tensor: Tensor, width: number, count: number): number[][] =>
  Array.from({ length: count }, (_, r) => [...tensor.data.subarray(r * width, (r + 1) * width)]);
const taken = (column: ArrayLike<number>, width: number, rows: readonly number[]): number[][] =>
  rows.map((r) => Array.from({ length: width }, (_, j) => column[r * width + j]));

describe("RolloutChunks", () => {
  test("more than 128 rows come in chunks of 128; columns are 0 after the end, and go back to their rows", () => {
    const { of, advantage } = source(400, 4, { action: 2, mask: 5 });
    const batch = new RolloutChunks(model(multiDiscrete([2, 3])), of, 300, { masked: true });
    expect(batch.capacity).toBe(128);
    expect(batch.memory).toBeNull();
    const order = Int32Array.from({ length: 400 }, (_, i) => (i * 7 + 3) % 400);
    const [first, end] = [10, 310];
    const counts: number[] = [];
    const [tensor, back] = [batch.column(), new Float32Array(400)];
    let at = first;
    batch.forEachChunk(order, first, end, () => {
      const { count } = batch;
      const rows = [...order.subarray(at, at + count)];
      batch.fill(tensor, advantage);
      for (const [filled, column, width] of [
        [batch.observation, of.observation, 2],
        [batch.actionMask, of.actionMask, 5],
        [batch.action, of.action, 2],
        [tensor, advantage, 1],
      ] as const)
        expect(rowsOf(filled, width, count)).toEqual(taken(column, width, rows));
      for (let row = count; row < 128; row++) expect(tensor.data[row]).toBe(0);
      batch.spill(tensor, back);
      counts.push(count);
      at += count;
    });
    expect(counts).toEqual([128, 128, 44]);
    const chosen = new Set(order.subarray(first, end));
    expect([...back]).toEqual([...advantage].map((x, row) => (chosen.has(row) ? x : 0)));
  });

  test("up to 128 rows, or `whole`, are one chunk", () => {
    const { of } = source(8, 2);
    const sizes = (size: number, options = {}): number =>
      new RolloutChunks(model(discrete(2)), of, size, options).capacity;
    expect([sizes(100), sizes(128), sizes(129), sizes(300, { whole: true })]).toEqual([
      100, 128, 128, 300,
    ]);
    expect(new RolloutChunks(model(discrete(2), 3), of, 300, { steps: 5 }).capacity).toBe(300);
  });

  test("a mask only where actions are masked, all allowed at first; noise only where the head samples entropy", () => {
    const { of } = source(6, 2, { action: 2 });
    const plain = new RolloutChunks(model(discrete(2)), of, 4);
    expect([plain.actionMask, plain.noise]).toEqual([NONE, NONE]);
    expect([
      ...new RolloutChunks(model(discrete(2)), of, 2, { masked: true }).actionMask.data,
    ]).toEqual([1, 1, 1, 1]);
    expect(new RolloutChunks(model(box(-1, 1, [2])), of, 4, { masked: true }).actionMask).toBe(
      NONE,
    );
    const squashed = new RolloutChunks(model(box(-1, 1, [2]), 0, true), of, 4);
    squashed.forEachChunk(Int32Array.of(5, 0, 2), 0, 3, () => {
      expect(rowsOf(squashed.noise, 2, 3)).toEqual(taken(of.noise, 2, [5, 0, 2]));
      expect(rowsOf(squashed.actionMask, 0, 1)).toEqual([[]]);
    });
  });

  test("the entropy is evaluated only where it is asked for", () => {
    const { of } = source(6, 2);
    const batch = new RolloutChunks(model(discrete(2)), of, 4);
    const tape = new Tape(loopsHere);
    const made = (entropy: boolean): [Tensor | null, number] => {
      tape.drop();
      const before = tape.recorded;
      return [tape.run(() => batch.evaluate({ entropy })).entropy, tape.recorded - before];
    };
    const [[none, fewer], [some, more]] = [made(false), made(true)];
    expect([none, some?.shape]).toEqual([null, [4]]);
    expect(fewer).toBeLessThan(more);
  });

  test("sequences: the memory is that of the environments of the first step, the resets are time first", () => {
    const [steps, envs, memory] = [3, 4, 2];
    const recurrent = model(discrete(2), memory);
    const size = recurrent.memorySize;
    const { of } = source(steps * envs, envs, { memory: size });
    const batch = new RolloutChunks(recurrent, of, 6, { steps });
    const order = Int32Array.of(0, 0, 3, 1, 7, 5, 11, 9); // environments 3 and 1, from place 2 on
    batch.forEachChunk(order, 2, 8, () => {
      const { state, reset } = batch.memory as { state: Tensor; reset: Tensor };
      expect([state.shape, reset.shape]).toEqual([
        [2, size],
        [3, 2],
      ]);
      expect(rowsOf(state, size, 2)).toEqual(taken(of.startState, size, [3, 1]));
      expect([...reset.data]).toEqual([3, 1, 7, 5, 11, 9].map((row) => of.reset[row]));
    });
  });
});

test("minibatchEnd by hand: a remainder below the least joins the last minibatch", () => {
  expect(minibatchEnd(0, 4, 10, 2)).toBe(4);
  expect(minibatchEnd(4, 4, 10, 2)).toBe(8); // two are left: a minibatch of their own
  expect(minibatchEnd(4, 4, 9, 2)).toBe(9); // one is left
  expect(minibatchEnd(4, 4, 8, 2)).toBe(8);
  expect(minibatchEnd(8, 4, 10, 2)).toBe(10);
  expect(minibatchEnd(4, 4, 9, 1)).toBe(8);
});

describe("shuffleRows", () => {
  const shuffled = (n: number, sequences: Parameters<typeof shuffleRows>[2]): Int32Array => {
    const order = new Int32Array(n);
    shuffleRows(order, new Random(2), sequences);
    return order;
  };
  test("rows for themselves: a permutation, by the generator's shuffle of 0, 1, 2 …", () => {
    const want = Int32Array.from({ length: 50 }, (_, i) => i);
    new Random(2).shuffle(want);
    expect(shuffled(50, null)).toEqual(want);
    const again = shuffled(50, null);
    shuffleRows(again, new Random(2), null); // whatever stood there before
    expect(again).toEqual(want);
  });
  test("sequences: each stretch is all steps of its environments, time first", () => {
    const [steps, envs, size] = [3, 6, 6];
    const order = shuffled(steps * envs, { steps, envs, size });
    const seen: number[] = [];
    for (let first = 0; first < order.length; first += size) {
      const stretch = order.subarray(first, first + size);
      const own = [stretch[0], stretch[1]];
      expect([...stretch]).toEqual([0, 1, 2].flatMap((t) => own.map((e) => t * envs + e)));
      seen.push(...own);
    }
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(seen).not.toEqual([0, 1, 2, 3, 4, 5]);
  });
});
