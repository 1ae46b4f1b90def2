/** Teams: what members share, and what a member that is alone does in its place. */
import { expect, test } from "vitest";
import { Shards } from "../../src/algos/shards.ts";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { MemoryError } from "../../src/core/errors.ts";
import { SharedTeam, teamMemory } from "../../src/core/shared-team.ts";
import { shareOf, solo, type Team } from "../../src/core/team.ts";
import { Parameters } from "../../src/core/tensor.ts";

/** Two members in one thread: they can do all but wait for each other. */
function pair(): [SharedTeam, SharedTeam] {
  const memory = teamMemory(2);
  return [new SharedTeam(memory, 0), new SharedTeam(memory, 1)];
}

test("arrays that members make in the same order are the same memory, zero at first, and apart from others", () => {
  const [a, b] = pair();
  const makes = (["bytes", "doubles", "ints", "floats"] as const).flatMap((kind) =>
    [3, 1, 100_000].map((n) => [kind, n] as const),
  );
  const [ours, theirs] = [a, b].map((team) => makes.map(([kind, n]) => team[kind](n)));
  ours.forEach((array, i) => {
    expect([array.length, Math.max(...array.subarray(0, 9))]).toEqual([makes[i][1], 0]);
    array.fill(i + 1);
  });
  theirs.forEach((array, i) => {
    expect(array.every((x) => x === i + 1)).toBe(true);
  });
});

test("memory has its end, said as such; where few addresses are free, it is smaller", () => {
  const team = new SharedTeam(teamMemory(1), 0);
  expect(() => team.bytes(2 ** 32)).toThrow(MemoryError);
  const real = globalThis.SharedArrayBuffer;
  const within = (limit: number): void => {
    globalThis.SharedArrayBuffer = class {
      constructor(_: number, { maxByteLength }: { maxByteLength: number }) {
        if (maxByteLength > limit) throw new RangeError("no room");
        // biome-ignore lint/correctness/noConstructorReturn: stands for the real one
        return Reflect.construct(real, [2 ** 16, { maxByteLength }]);
      }
    } as unknown as typeof SharedArrayBuffer;
  };
  try {
    within(2 ** 30);
    const { buffer } = teamMemory(1) as unknown as { buffer: { maxByteLength: number } };
    expect(buffer.maxByteLength).toBeGreaterThan(2 ** 29);
    expect(buffer.maxByteLength).toBeLessThanOrEqual(2 ** 30);
    within(1000);
    expect(() => teamMemory(1)).toThrow(MemoryError);
  } finally {
    globalThis.SharedArrayBuffer = real;
  }
});

test("numbers are claimed once each", () => {
  const [a, b] = pair();
  const [nextOfA, nextOfB] = [a.claims(), b.claims()];
  expect([nextOfA(), nextOfB(), nextOfB(), nextOfA()]).toEqual([0, 1, 2, 3]);
  const alone = solo();
  const [first, second] = [alone.claims(), alone.claims()];
  expect([first(), first(), second()]).toEqual([0, 1, 0]); // what an error left unclaimed leaves nothing behind
});

test("memory that was marked is used again", () => {
  const team = new SharedTeam(teamMemory(1), 0);
  const kept = team.doubles(2);
  const mark = team.mark();
  const first = team.doubles(5);
  team.release(mark);
  const second = team.doubles(5);
  expect([second.byteOffset, kept.byteOffset < first.byteOffset]).toEqual([first.byteOffset, true]);
});

test("a call is heard by the others, with its words; a failure by all who wait, the first one's", () => {
  const [leader, other] = pair();
  leader.call("update");
  expect(other.called()).toBe("update");
  leader.call(`{"evaluate":[1,2,true,"é€"]}`);
  expect(other.called()).toBe(`{"evaluate":[1,2,true,"é€"]}`);
  other.call("no leader");
  other.fail("out of fuel");
  leader.fail("later");
  expect(() => other.called()).toThrow("out of fuel");
  expect(() => leader.barrier()).toThrow("out of fuel");
  expect(() => leader.check()).toThrow("out of fuel");
});

test("lists of a team of one come back as they are", () => {
  const lists = [[1, -0, Number.NaN], [], [Infinity]];
  for (const team of [solo(), new SharedTeam(teamMemory(1), 0)])
    expect(team.gather(lists)).toEqual(lists);
});

test("rows are shared out whole, in order, as evenly as can be", () => {
  for (const size of [1, 2, 3, 7]) {
    for (const n of [0, 1, 6, 7, 100]) {
      const starts = Array.from({ length: size + 1 }, (_, i) => shareOf(n, size, i));
      expect([starts[0], starts[size]]).toEqual([0, n]);
      const sizes = starts.slice(1).map((end, i) => end - starts[i]);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }
  }
});

test("shards: each chunk's gradient from zero, added in order; numbers in order; also in several waves", () => {
  const chunks = Array.from({ length: 21 }, (_, i) => Math.fround(10 ** ((i % 7) - 3) / 3));
  const expected = chunks.reduce((sum, x) => Math.fround(sum + x));
  for (const k of [loops(), simd({ memory: 2 ** 20 })]) {
    for (const team of [solo(), new SharedTeam(teamMemory(1), 0)] as Team[]) {
      for (const count of [0, 1, 2, 21]) {
        const parameters = new Parameters(k, 8);
        const [w, v] = [parameters.add("w", [5]), parameters.add("v", [9])];
        const shards = new Shards(team, { numbers: 2, parameters });
        const read: number[][] = [];
        for (let round = 0; round < 2; round++) {
          let at = 0;
          shards.run(
            (visit) => {
              for (at = 0; at < count; at++) visit();
            },
            (numbers) => {
              expect(Math.max(...w.grad, ...v.grad)).toBe(0);
              for (const { grad } of [w, v]) grad.fill(chunks[at]);
              numbers.set([at, -at]);
            },
            (numbers) => read.push([...numbers]),
          );
          const sum =
            count === 21
              ? expected
              : chunks.slice(0, count).reduce((a, x) => Math.fround(a + x), 0);
          for (const { grad } of [w, v]) {
            expect([...grad]).toEqual(Array(grad.length).fill(sum));
            grad.fill(0);
          }
        }
        const once = Array.from({ length: count }, (_, i) => [i, -i]);
        expect(read).toEqual([...once, ...once]);
      }
    }
  }
});
