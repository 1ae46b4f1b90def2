/** docs/equations.md against the code, in both directions. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const rows = read("docs/equations.md")
  .split("\n")
  .filter((line) => line.startsWith("| ") && line.includes("src/"))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, name, , , file, functions, tests]) => ({
    name,
    file,
    functions: functions.split(", "),
    tests,
  }));

test("each row's file names its function, and its test exists and uses it", () => {
  expect(rows.length).toBeGreaterThan(5);
  for (const { name, file, functions, tests } of rows) {
    for (const f of functions) {
      expect(existsSync(join(root, file)), `${name}: ${file}`).toBe(true);
      expect(read(file), name).toMatch(new RegExp(`export (const|function|class) ${f}\\b`));
      expect(existsSync(join(root, tests)), `${name}: ${tests}`).toBe(true);
      expect(read(tests), `${name}: ${tests}`).toContain(f);
    }
  }
});

test("every scan, distribution and estimator that the library exports has a row", () => {
  const listed = new Set(rows.flatMap(({ functions }) => functions));
  const without = /Sample$|Mode$|Argmax$|Probs$|Defaults$|resets$|^squash(edLogProbOfAction)?$/; // no formula of their own
  const exported = [
    ...read("src/index.ts").matchAll(
      /export \{([^}]*)\} from "\.\/(returns|distributions|estimators)\//g,
    ),
  ]
    .flatMap(([, names]) => names.split(","))
    .map((name) => name.trim())
    .filter((name) => name !== "" && !name.startsWith("type ") && !without.test(name));
  expect(exported.length).toBeGreaterThan(40);
  expect(exported.filter((name) => !listed.has(name))).toEqual([]);
});
