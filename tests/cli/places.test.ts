/** Checks the places of results before the work is done, and what is said of runs with little in them. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { pigrad, temporary } from "../support/pigrad.ts";

const at = temporary();
const run = at("run");
beforeAll(async () => {
  const { stderr } = await pigrad("train", "line", "--steps", "800", "--quiet", "--out", run);
  expect(stderr).toBe("");
});

const missing =
  /^pigrad: \S+: cannot write there: there is no folder \S+none; make it first \(ENOENT\)\n$/;
test.each([
  ["a sweep's table", ["sweep", "bandit", "--steps", "64", "--seeds", "1", "--csv"], "x.csv"],
  ["a sweep's picture", ["sweep", "bandit", "--steps", "64", "--seeds", "1", "--svg"], "x.svg"],
  ["a curve", ["plot", run, "--svg"], "x.svg"],
  ["an explanation", ["explain", run, "--tree", "--html"], "x.html"],
  ["a report", ["report", run, "--out"], "x.html"],
  ["a policy", ["export", run, "--format", "js", "--out"], "x.js"],
])(
  "%s in a folder that is not there is refused before anything is computed",
  async (_, args, name) => {
    const { status, stdout, stderr } = await pigrad(...args, at("none", name));
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(missing);
  },
);

test.each([
  [
    "a page under another name",
    ["report", run, "--out", at("x.svg")],
    /--out: expected a file that ends in \.html/,
  ],
  [
    "a page in a folder's place",
    ["explain", run, "--html", at("f.html")],
    /f\.html: expected a file's path, got a folder/,
  ],
])("%s", async (_, args, expected) => {
  mkdirSync(at("f.html"), { recursive: true });
  const { status, stdout, stderr } = await pigrad(...args);
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(expected);
  expect(existsSync(at("x.svg"))).toBe(false);
});

test("an observation of one number is an input with a value, not a token", async () => {
  const { stdout } = await pigrad("explain", run, "--step", "3");
  expect(stdout).toMatch(/^input +value +attribution\nposition +-?[\d.]+ +/m);
  expect(stdout).not.toContain("token");
});

test("a finished run that is resumed has no speed", async () => {
  const { stdout } = await pigrad("train", "--resume", run, "--quiet");
  expect(stdout).toMatch(/^trained 800 steps\ngreedy return/);
});

test("a run without metrics has no curve yet", async () => {
  writeFileSync(at("run", "metrics.jsonl"), "");
  const { status, stderr } = await pigrad("plot", run, "--svg", at("curve.svg"));
  expect([status, stderr]).toEqual([
    2,
    "pigrad: these runs have no metrics yet: train them first\n",
  ]);
});
