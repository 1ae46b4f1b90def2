/** Episodes for a report: the numbers of the actions in their spaces. */
import { expect, test } from "vitest";
import { discrete, multiDiscrete, type Space } from "../../src/envs/space.ts";
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
