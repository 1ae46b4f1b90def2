/** Actions that are dictionaries or tuples, as an environment takes them. */
import { describe, expect, test } from "vitest";
import { SettingError } from "../../src/core/errors.ts";
import { actionForm } from "../../src/envs/action-form.ts";
import { fromGymnasium } from "../../src/envs/gymnasium.ts";
import { box, dict, discrete, multiBinary, multiDiscrete, tuple } from "../../src/envs/space.ts";

test("choices by name act as several choices; a start is added, bits are two choices", () => {
  const { space, value } = actionForm(
    dict({ move: discrete(["left", "right"]), jump: multiBinary(2), gear: discrete(3, 1) }),
  );
  expect(space).toMatchObject({ kind: "multiDiscrete", choices: [3, 2, 2, 2] }); // by name: gear, jump, move
  expect(space.names).toEqual([
    "gear 1",
    "gear 2",
    "gear 3",
    "jump 0 0",
    "jump 0 1",
    "jump 1 0",
    "jump 1 1",
    "move left",
    "move right",
  ]);
  expect(value([9, 2, 0, 1, 1], 1)).toEqual({ gear: 3, jump: [0, 1], move: 1 });
});

test("boxes act as one box with the bounds of all; a tuple is a list, in it a tuple is one, too", () => {
  const { space, value } = actionForm(
    tuple([box(-1, 1, [1]), tuple([box(0, [2, 3], [2]), box(5, 6, [1])])]),
  );
  expect(space).toMatchObject({ kind: "box", size: 4 });
  expect([...(space as ReturnType<typeof box>).low]).toEqual([-1, 0, 0, 5]);
  expect([...(space as ReturnType<typeof box>).high]).toEqual([1, 2, 3, 6]);
  expect(value([0.5, 1, 2, 5.5], 0)).toEqual([[0.5], [[1, 2], [5.5]]]);
});

describe("in an environment", () => {
  const taken: unknown[] = [];
  const make = (actionSpace: object) =>
    fromGymnasium({
      observationSpace: { type: "Box", low: 0, high: 1, shape: [1] },
      actionSpace: actionSpace as never,
      reset: () => [0],
      step(action) {
        taken.push(action);
        return [[0], 0, false, false];
      },
    });
  test("the step gets them by name; other spaces as before", () => {
    const env = make({
      type: "Dict",
      spaces: {
        a: { type: "Discrete", n: 2 },
        b: { type: "MultiDiscrete", nvec: [2, 3], start: [7, -1] },
      },
    });
    env.reset();
    env.step([1, 0, 2]);
    expect(env.actionSpace.names).toEqual([
      "a 0",
      "a 1",
      "b 0 7",
      "b 0 8",
      "b 1 -1",
      "b 1 0",
      "b 1 1",
    ]);
    expect(
      make({
        type: "MultiDiscrete",
        nvec: [
          [2, 2],
          [3, 3],
        ],
      } as never).actionSpace,
    ).toMatchObject({ choices: [2, 2, 3, 3] });
    const plain = make({ type: "Discrete", n: 2, start: 5 });
    plain.reset();
    plain.step(6);
    expect(taken).toEqual([{ a: 1, b: [7, 1] }, 6]);
    expect(env.actionSpace).toEqual(
      expect.objectContaining({ choices: multiDiscrete([2, 2, 3]).choices }),
    );
  });
  test("choices beside numbers are refused", () => {
    expect(() =>
      make({
        type: "Tuple",
        spaces: [
          { type: "Discrete", n: 2 },
          { type: "Box", low: 0, high: 1, shape: [1] },
        ],
      }),
    ).toThrow(SettingError);
  });
});
