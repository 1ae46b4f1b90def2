/** Files that are not there: the command line suggests what lies in their place. */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { SettingError, UnknownNameError } from "../../src/core/errors.ts";
import { missingFile, missingPart, unreadable } from "../../src/node/missing.ts";
import { pigrad, temporary } from "../support/pigrad.ts";

const at = temporary();
mkdirSync(at("data", "runs"), { recursive: true });
mkdirSync(at("run1"));
for (const name of ["prices.csv", "rows.jsonl", "gems.mjs", "model.xml"])
  writeFileSync(at("data", name), "");

test("the first part that is missing, and the names in its place", () => {
  const inside = ["gems.mjs", "model.xml", "prices.csv", "rows.jsonl", "runs"];
  for (const path of [at("data", "price.csv"), at("data", "price.csv", "deeper", "x")]) {
    const { given, known } = missingPart(path);
    expect([given, [...known].sort()]).toEqual(["price.csv", inside]);
  }
  expect(missingPart(at("dta", "prices.csv"))).toEqual({ given: "dta", known: ["data", "run1"] });
  expect(missingPart(at("data", "rows.jsonl", "x"))).toEqual({ given: "x", known: [] }); // in a file
});

test("an error holds the names where the file is missing, and not where it cannot be read", () => {
  const error = missingFile(at("data", "gem.mjs"), "gone");
  expect(error).toBeInstanceOf(UnknownNameError);
  expect([error.message, error.given]).toEqual(["gone", "gem.mjs"]);
  const failed = (code?: string) =>
    unreadable(at("x"), "cannot read x", Object.assign(new Error("why"), { code }));
  expect(failed("ENOENT")).toBeInstanceOf(UnknownNameError);
  expect(failed("ENOENT").message).toBe(`cannot read x (no such file in ${dirname(at("x"))})`);
  for (const [code, why] of [
    ["EACCES", "EACCES"],
    [undefined, "why"],
  ] as const) {
    expect(failed(code)).toBeInstanceOf(SettingError);
    expect(failed(code)).not.toBeInstanceOf(UnknownNameError);
    expect(failed(code).message).toBe(`cannot read x (${why})`);
  }
});

describe("a mistyped name on the command line", () => {
  const text = ["train", "text", "--set"];
  test.each([
    [["train", "portfolio", "--set", `prices=@${at("data", "price.csv")}`], "prices.csv"],
    [[...text, `data=${at("data", "row.jsonl")}`], "rows.jsonl"],
    [[...text, `data=${at("dat", "rows.jsonl")}`], "data"],
    [["train", at("data", "gmes.mjs")], "gems.mjs"],
    [["check", at("data", "gem.mjs")], "gems.mjs"],
    [[...text, `data=${at("data", "rows.jsonl")}`, "--reward", at("data", "gem.mjs")], "gems.mjs"],
    [[...text, `data=${at("data", "rows.jsonl")}`, "--model", at("dara")], "data"],
    [["train", "mujoco", "--set", `model=${at("data", "models.xml")}`], "model.xml"],
    [["eval", at("run2")], "run1"],
    [["report", at("data", "run")], "runs"],
    [["train", "--resume", at("runs1")], "run1"],
  ])("%j", async (args, meant) => {
    const { status, stderr } = await pigrad(...args);
    expect(stderr).toMatch(/^pigrad: [^\n]*\n$/);
    expect(stderr).toContain(`; did you mean "${meant}"?\n`);
    expect(status).toBe(2);
  });
  test("a run whose data was renamed", async () => {
    const data = at("data", "poem.txt");
    writeFileSync(data, "roses are red\n".repeat(30));
    const texts = ["--set", `data=${data}`, "--set", "sftUpdates=1", "--out", at("texts")];
    expect((await pigrad("train", "text", ...texts, "--quiet")).status).toBe(0);
    renameSync(data, at("data", "poems.txt"));
    const { status, stderr } = await pigrad("sample", at("texts"));
    expect(status).toBe(2);
    expect(stderr).toContain(`(no such file in ${at("data")}); did you mean "poems.txt"?\n`);
  });
  test("nothing is suggested where nothing is near, or the folder is there", async () => {
    for (const args of [
      ["eval", at("zzzz")],
      ["eval", at("run1")],
      ["train", at("data", "far.ts")],
    ])
      expect((await pigrad(...args)).stderr).not.toContain("did you mean");
  });
});
