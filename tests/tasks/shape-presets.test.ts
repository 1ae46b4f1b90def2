/** Settings by the shape of a task without presets. */
import { expect, test } from "vitest";
import { box, discrete, image } from "../../src/envs/space.ts";
import { defineTask, type TaskDefinition } from "../../src/tasks/own-task.ts";
import { resolve } from "../../src/tasks/run.ts";
import { shapePreset } from "../../src/tasks/shape-presets.ts";

const vector = box(-1, 1, [3]);

test("discrete and continuous actions, and images of ten fields or more", () => {
  const of = (
    observationSpace: typeof vector,
    actionSpace: ReturnType<typeof discrete> | typeof vector,
  ) => shapePreset({ observationSpace, actionSpace }, "ppo");
  expect(of(vector, discrete(2))).toMatchObject({ entropyWeight: 0.01, learningRate: 1e-3 });
  expect(of(vector, discrete(2))).not.toHaveProperty("filters");
  expect(of(vector, vector)).toMatchObject({ gamma: 0.98, normalizeObservation: true });
  expect(of(vector, box(-3, [1, 2], [2]))).toMatchObject({ squash: true, logStd: 0.5 });
  for (const open of [
    box(-1, [1, Infinity], [2]),
    box([-Infinity, 0], 1, [2]),
    box([0, 1], 1, [2]),
  ])
    expect(of(vector, open), String(open.high)).not.toHaveProperty("squash"); // nothing to squash into
  expect(of(image(10, 12, 3), discrete(2))).toMatchObject({
    filters: [16],
    normalizeObservation: false,
  });
  expect(of(image(9, 12, 3), discrete(2))).not.toHaveProperty("filters");
  expect(shapePreset({ observationSpace: vector, actionSpace: vector }, "a2c")).toEqual({});
});

test("a task's own values and given ones come first; the environment is made from the task's settings", () => {
  const sizes: number[] = [];
  const definition = (more: Partial<TaskDefinition> = {}) =>
    defineTask({
      settings: { size: 2 },
      environment: ({ size }: { size: number }) => {
        sizes.push(size);
        return {
          observationSpace: box(0, 1, [size]),
          actionSpace: discrete(2),
          reset: () => [0, 0, 0, 0].slice(0, size),
          step: () => [[], 0, true, false],
        };
      },
      ...more,
    } as never);
  const settings = (task: ReturnType<typeof definition>, given = {}, algo = "ppo") =>
    resolve({ task: "own", algo, settings: given }, task).config.settings;
  expect(settings(definition())).toMatchObject({ envs: 8, rollout: 64, epochs: 10 });
  expect(settings(definition({ preset: { rollout: 16 } }))).toMatchObject({
    rollout: 16,
    epochs: 10,
  });
  expect(settings(definition({ presets: { ppo: { rollout: 16 } } }))).toMatchObject({
    rollout: 16,
    epochs: 10,
    entropyWeight: 0.01,
  });
  const both = { preset: { rollout: 16, epochs: 3 }, presets: { ppo: { rollout: 32 } } };
  expect(settings(definition(both))).toMatchObject({ rollout: 32, epochs: 3, minibatch: 128 });
  expect(settings(definition(), { epochs: 3, size: 4 })).toMatchObject({
    epochs: 3,
    size: 4,
    rollout: 64,
  });
  expect(sizes.at(-1)).toBe(4);
});
