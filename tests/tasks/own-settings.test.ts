/** Settings of one's own tasks, given as their defaults or as plain data. */
import { expect, test } from "vitest";
import { SettingError } from "../../src/core/errors.ts";
import { settingsFrom } from "../../src/tasks/own-settings.ts";

test.each([
  ["a number", 2, ["3", "-0.5"], [3, -0.5], ["x", "true"]],
  ["a whole number", { default: 2, whole: true, max: 5 }, ["3", "-2"], [3, -2], ["2.5", "6"]],
  ["true or false", true, ["false"], [false], ["no"]],
  ["a text", "a", ["b", ""], ["b", ""], []],
  ["one of several", { default: "a", choices: ["a", "b"] }, ["b"], ["b"], ["c"]],
  ["a list of numbers", [1, 2], ["3,0.5", "4"], [[3, 0.5], [4]], ["", "x", "1,a"]],
])("%s", (_, given, taken, means, refused) => {
  const { size } = settingsFrom({ size: given }, "here");
  expect(taken.map((x) => size.read(x))).toEqual(means);
  expect(refused.map((x) => size.read(x))).toEqual(refused.map(() => undefined));
  const plain = given as { default?: unknown };
  expect(size.initial).toEqual(plain.default ?? given);
});

test.each([[["x"]], [null], [{ about: "no default" }]])("%j is no setting", (given) => {
  expect(() => settingsFrom({ size: given }, "here")).toThrow(SettingError);
  expect(() => settingsFrom({ size: given }, "here")).toThrow(/^here.size: expected/);
});
