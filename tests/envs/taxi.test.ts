/** Taxi: every outcome's probability, and what is drawn by it. */
import { describe, expect, test } from "vitest";
import { Taxi } from "../../src/envs/taxi.ts";
import { mustBeNear, stepFrom } from "../support/seen.ts";
import { list, mustDraw, totals } from "../support/tabular.ts";

describe("Taxi", () => {
  const at = (row: number, column: number, passenger: number, destination: number): number =>
    ((row * 5 + column) * 5 + passenger) * 4 + destination;
  const env = new Taxi();
  test("moves by hand: south, north, east, west; walls stop east and west", () => {
    const to = (row: number, column: number): number[][] =>
      [0, 1, 2, 3].map((a) => {
        const [{ next, reward, terminated }] = env.outcomes(at(row, column, 2, 1), a);
        expect([reward, terminated, next % 20]).toEqual([-1, false, 2 * 4 + 1]);
        return [Math.floor(next / 100), Math.floor(next / 20) % 5];
      });
    expect(to(0, 0)).toEqual([
      [1, 0],
      [0, 0],
      [0, 1],
      [0, 0],
    ]);
    expect(to(0, 1)).toEqual([
      [1, 1],
      [0, 1],
      [0, 1],
      [0, 0],
    ]); // a wall to the east
    expect(to(0, 2)).toEqual([
      [1, 2],
      [0, 2],
      [0, 3],
      [0, 2],
    ]);
    expect(to(2, 2)).toEqual([
      [3, 2],
      [1, 2],
      [2, 3],
      [2, 1],
    ]);
    expect(to(3, 0)).toEqual([
      [4, 0],
      [2, 0],
      [3, 0],
      [3, 0],
    ]);
    expect(to(4, 3)).toEqual([
      [4, 3],
      [3, 3],
      [4, 4],
      [4, 3],
    ]);
    expect(to(4, 4)).toEqual([
      [4, 4],
      [3, 4],
      [4, 4],
      [4, 3],
    ]);
  });
  test("every wall of the map stops from both its sides, and nothing else does", () => {
    const walls = ["0,1", "1,1", "3,0", "3,2", "4,0", "4,2"]; // to the east of row, column
    for (let row = 0; row < 5; row++)
      for (let column = 0; column < 4; column++) {
        const east = env.outcomes(at(row, column, 0, 1), 2)[0].next;
        const west = env.outcomes(at(row, column + 1, 0, 1), 3)[0].next;
        const closed = walls.includes(`${row},${column}`);
        expect(east).toBe(at(row, column + (closed ? 0 : 1), 0, 1));
        expect(west).toBe(at(row, column + (closed ? 1 : 0), 0, 1));
      }
  });
  test("picks up where the passenger waits, drops at a place; brought is 20, wrong is −10", () => {
    const outcome = (state: number, action: number) => list(env.outcomes(state, action))[0];
    expect(outcome(at(0, 4, 1, 2), 4)).toEqual([1, at(0, 4, 4, 2), -1, false]);
    expect(outcome(at(0, 4, 0, 2), 4)).toEqual([1, at(0, 4, 0, 2), -10, false]);
    expect(outcome(at(0, 4, 4, 2), 4)).toEqual([1, at(0, 4, 4, 2), -10, false]);
    expect(outcome(at(4, 0, 4, 2), 5)).toEqual([1, at(4, 0, 2, 2), 20, true]);
    expect(outcome(at(4, 3, 4, 2), 5)).toEqual([1, at(4, 3, 3, 2), -1, false]);
    expect(outcome(at(0, 0, 4, 2), 5)).toEqual([1, at(0, 0, 0, 2), -1, false]);
    expect(outcome(at(2, 2, 4, 2), 5)).toEqual([1, at(2, 2, 4, 2), -10, false]);
    expect(outcome(at(4, 0, 2, 2), 5)).toEqual([1, at(4, 0, 2, 2), -10, false]); // not in the taxi
    totals(env);
  });
  test("rain: 0.8 as meant, 0.1 to either side", () => {
    const rainy = new Taxi({ rainy: true });
    const s = at(2, 2, 0, 1);
    const cells = (action: number): (number | undefined)[] =>
      [0.8, 0.1].flatMap((p) =>
        rainy
          .outcomes(s, action)
          .filter((o) => o.probability === p)
          .map((o) => Math.floor(o.next / 20)),
      );
    expect(cells(0)).toEqual([17, 13, 11]); // south; east, west
    expect(cells(1)).toEqual([7, 11, 13]);
    expect(cells(2)).toEqual([13, 7, 17]);
    expect(cells(3)).toEqual([11, 17, 7]);
    expect(rainy.outcomes(s, 4).length).toBe(1);
    totals(rainy);
    mustDraw(rainy, s, 2);
  });
  test("starts with the passenger waiting and not at the destination: 300 states, equally likely", () => {
    const wanted = Array.from({ length: 500 }, (_, s) => {
      const passenger = Math.floor(s / 4) % 5;
      return passenger < 4 && passenger !== s % 4 ? 1 / 300 : 0;
    });
    mustBeNear(env.startProbabilities, wanted);
    expect([env.maxSteps, new Taxi({ maxSteps: 3 }).maxSteps]).toEqual([200, 3]);
  });
  test("the mask has what changes something; success is the passenger brought", () => {
    const mask = (state: number): number[] => {
      const out = new Float32Array(8).fill(5);
      env.startFrom([state]);
      env.mask(out, 1);
      expect([out[0], out[7]]).toEqual([5, 5]);
      return [...out.subarray(1, 7)];
    };
    expect(mask(at(0, 0, 0, 1))).toEqual([1, 0, 1, 0, 1, 0]);
    expect(mask(at(4, 0, 4, 1))).toEqual([0, 1, 0, 0, 0, 1]);
    expect(mask(at(2, 2, 4, 1))).toEqual([1, 1, 1, 1, 0, 0]);
    expect(stepFrom(env, [at(4, 0, 4, 2)], 5)).toMatchObject({ success: true, terminated: true });
    expect(stepFrom(env, [at(4, 0, 4, 1)], 5)).toMatchObject({ success: false, terminated: false });
  });
  test("it draws the taxi in its cell, full or empty, and says where it is going", () => {
    env.startFrom([at(1, 2, 4, 3)]);
    expect(env.render().split("\n")).toEqual([
      "+---------+",
      "|R: | : :G|",
      "| : |█: : |",
      "| : : : : |",
      "| | : | : |",
      "|Y| : |B: |",
      "+---------+",
      "passenger in the taxi, to B",
    ]);
    env.startFrom([at(4, 0, 1, 2)]);
    expect(env.render()).toContain("|▒| : |B: |");
    expect(env.render()).toContain("passenger at G, to Y");
  });
});
