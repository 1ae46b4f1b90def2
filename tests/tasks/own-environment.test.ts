/** Environments of one's own that are refused at a later call: the same object again, or one of other sizes. */
import { expect, test } from "vitest";
import { SettingError } from "../../src/core/errors.ts";
import { makeOwn } from "../../src/tasks/own-environment.ts";

const env = (size: number) => ({
  observationSpace: { type: "Box" as const, low: 0, high: 1, shape: [size] },
  actionSpace: { type: "Discrete" as const, n: 2 },
  reset: () => new Array(size).fill(0),
  step: () => [new Array(size).fill(0), 1, false, false],
});
const make = (source: () => unknown, values: object = {}) =>
  makeOwn(source as never, values, undefined, "mine.mjs");

test("a new object at each call", () => {
  const shared = env(1);
  make(() => shared);
  expect(() => make(() => shared)).toThrow(
    new SettingError(
      "mine.mjs: expected environment to make a new object at each call, got one of before",
    ),
  );
});

test("one size for the same settings, any for others", () => {
  const values = {};
  make(() => env(1), values);
  make(() => env(1), values);
  make(() => env(2), {});
  expect(() => make(() => env(2), values)).toThrow(
    "mine.mjs: expected environments alike, got observations of size 1 in the first and 2 in a later one",
  );
});

test("a name in Python's spelling is told", () => {
  const { observationSpace, ...rest } = env(1);
  expect(() => make(() => ({ ...rest, observation_space: observationSpace }))).toThrow(
    "expected observationSpace, got observation_space: rename it",
  );
});
