/** Episodes for a report: the numbers of the actions in their spaces. */
import { expect, test } from "vitest";
import { box, discrete, multiDiscrete, numberNames, type Space } from "../../src/envs/space.ts";
import { replay } from "../../src/tasks/replay.ts";
import { train } from "../../src/tasks/train.ts";

test.each([
  [discrete(2, 3), 3, [3, 4]],
  [multiDiscrete([2], [-5]), -5, [-5, -4]],
  [multiDiscrete([1, 1], [7, 8]), undefined, [7, 8]],
] as [Space, number | undefined, number[]][])(
  "actions are numbered from the space's start on",
  async (actionSpace, firstAction, allowed) => {
    const environment = () => ({
      observationSpace: { type: "Box", low: 0, high: 1, shape: [1] },
      actionSpace,
      reset: () => [0],
      step: () => [[0], 0, true, false] as const,
    });
    const { session } = train({ environment }, { steps: 1, settings: { hidden: [4] } });
    if (session.kind !== "environment") throw new Error("an environment");
    const played = replay(session, 2, 1);
    expect(played.firstAction).toBe(firstAction);
    expect(played.frames.length).toBeGreaterThan(0);
    for (const { action } of played.frames) for (const a of action) expect(allowed).toContain(a);
  },
);

test("numbers are named by their own names, or by where they stand", () => {
  expect(numberNames(box(0, 1, [2], ["a", "b"]))).toEqual(["a", "b"]);
  expect(numberNames(box(0, 1, [3]))).toEqual(["0", "1", "2"]);
  expect(numberNames(box(0, 1, [2, 3]))[4]).toBe("row 1, column 1");
  expect(numberNames(box(0, 1, [2, 3, 4]))[23]).toBe("plane 1, row 2, column 3");
  expect(numberNames(box(0, 1, [2, 3, 4]))[13]).toBe("plane 1, row 0, column 1");
  expect(numberNames(box(0, 1, [2, 1, 3, 4]))[13]).toBe("frame 1, plane 0, row 0, column 1");
  expect(numberNames(discrete(3))).toEqual(["0"]);
});

test("a replay of images names planes, rows and columns", () => {
  const { session } = train("catch", { steps: 1 });
  if (session.kind !== "environment") throw new Error("an environment");
  expect(replay(session, 1, 1).observationNames?.[99]).toBe("plane 1, row 9, column 4");
});
