/** Decision trees: splits worked by hand, ties, and the code that is printed. */
import { describe, expect, test } from "vitest";
import { treeCode, treeSvg } from "../../src/cli/tree-code.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { box } from "../../src/envs/space.ts";
import { decide, depthOf, growTree } from "../../src/policies/tree.ts";

const states = (rows: number[][], action: number[]) => ({
  size: rows[0].length,
  observation: rows.flat(),
  action,
  actions: Math.max(...action) + 1,
});

describe("growTree", () => {
  test("takes the split of least impurity, with a short threshold between two values", () => {
    const rows = [[0.1], [0.2], [0.31], [0.42]];
    expect(growTree(states(rows, [0, 0, 1, 1]), 1)).toEqual({
      kind: "split",
      feature: 0,
      threshold: 0.3, // shortest number from 0.2 to below 0.31 near the middle, 0.255
      low: { kind: "leaf", action: 0, states: 2, impure: 0 },
      high: { kind: "leaf", action: 1, states: 2, impure: 0 },
    });
  });

  test("of equal splits the first feature's with the least threshold is taken", () => {
    const tree = growTree(
      states(
        [
          [0, 0],
          [1, 1],
          [2, 2],
        ],
        [0, 1, 0],
      ),
      1,
    );
    expect(tree).toMatchObject({ kind: "leaf", action: 0 }); // both sides say 0: merged
    const two = growTree(
      states(
        [
          [0, 5],
          [1, 6],
        ],
        [0, 1],
      ),
      1,
    );
    expect(two).toMatchObject({ kind: "split", feature: 0 });
  });

  test("counts decide a leaf's action, and where it is split", () => {
    const same = [[1], [1], [1]];
    expect(growTree(states(same, [0, 1, 1]), 3)).toMatchObject({ action: 1, impure: 1 / 3 });
    // Σ n²/Σ n is 1 + 5/3 at 0.5, 2 + 1 at 1.5, 5/3 + 1 at 2.5
    const rows = [[0], [1], [2], [3]];
    expect(growTree(states(rows, [0, 0, 1, 0]), 1)).toMatchObject({ kind: "leaf" });
    const heavy = [...rows, ...Array.from({ length: 8 }, () => [3])];
    const tree = growTree(states(heavy, [0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1]), 1);
    expect(tree).toMatchObject({ threshold: 2.5 }); // Σ n²/Σ n is 10.67 there, 10.18 at 0.5, 9.2 at 1.5
  });

  test("depth is a bound; a tree with room repeats its samples", () => {
    const rows = Array.from({ length: 16 }, (_, i) => [i]);
    const action = rows.map(([i]) => i % 2);
    for (const depth of [0, 1, 2, 3])
      expect(depthOf(growTree(states(rows, action), depth))).toBeLessThanOrEqual(depth);
    const whole = growTree(states(rows, action), 15);
    expect(rows.map((row) => decide(whole, row))).toEqual(action);
    expect(rows.map((_, i) => decide(whole, rows.flat(), i))).toEqual(action);
  });

  test("refuses samples that do not fit", () => {
    expect(() => growTree({ ...states([[1]], [0]), observation: [1, 2] }, 1)).toThrow(ShapeError);
    expect(() => growTree(states([[1]], [0]), -1)).toThrow(/depth/);
  });
});

test("the code takes the tree's actions, from the space's first number on, and cannot end its comment", () => {
  const tree = growTree(
    states(
      [
        [0, 1],
        [0, 2],
        [1, 1],
        [1, 2],
      ],
      [0, 1, 2, 2],
    ),
    2,
  );
  const observation = box(0, 3, [2], ["pole angle", "class"]);
  const named = {
    tree,
    task: "a */ b",
    observation,
    actions: ["left", "right */", "up\nx"],
    start: 5,
  };
  const code = treeCode(named);
  expect(code).toContain("const poleAngle = observation[0];");
  expect(code).toContain("const x1 = observation[1]; // class");
  const body = code.replace(
    "export function act(observation: ArrayLike<number>): number",
    "return (observation) =>",
  );
  const act = new Function(body)() as (x: number[]) => number;
  for (const x of [
    [0, 1],
    [0, 2],
    [1, 1],
    [1, 2],
    [0.4, 1.6],
  ])
    expect(act(x)).toBe(5 + decide(tree, x));
  const svg = treeSvg(named);
  expect(svg.match(/<rect/g)).toHaveLength(5);
});
