/** What src may not say: the built-ins that differ between engines, chance, clocks, dynamic code. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const root = new URL("../../src/", import.meta.url);
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => ({ name, code: uncommented(readFileSync(new URL(name, root), "utf8")) }));

function uncommented(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
}
const found = (pattern: RegExp, inside: (name: string) => boolean): string[] =>
  files
    .filter(({ name }) => inside(name))
    .flatMap(({ name, code }) => (code.match(pattern) ?? []).map((m) => `${name}: ${m}`));

const library = (name: string): boolean => !/^(node|cli)\//.test(name);

test("every file was seen", () => {
  expect(files.length).toBeGreaterThan(50);
});

test("only core/math.ts and core/trig.ts make transcendentals", () => {
  const builtIn =
    /Math\.(exp|expm1|log|log1p|log2|log10|sin|cos|tan|a?sinh?|a?cosh?|a?tanh?|atan2|pow|cbrt|hypot|random)\b/g;
  const elsewhere = ["export/policy-js.ts", "export/gpt-js.ts"]; // they write code that runs there
  const here = (name: string): boolean => !elsewhere.includes(name);
  expect(found(builtIn, here)).toEqual([]);
});

test("** stands between written numbers only: engines differ in its last bit", () => {
  const powers = found(
    /\S+ \*\* *\S+/g,
    (name) => library(name) && !/^oracle\/(expectation|lab)\.ts/.test(name),
  );
  expect(powers.filter((power) => !/[\s(]\d+ \*\* -?\d+/.test(power))).toEqual([]);
});

test("the library touches no clock, console, DOM, dynamic code or optional global", () => {
  const outside =
    /\b(Date|performance|console|process|document|window|navigator|eval|TextEncoder|TextDecoder|structuredClone|crypto|setTimeout|queueMicrotask)\b(?=\s*[.(])|new Function/g;
  expect(found(outside, library)).toEqual([]);
});

test("nothing is left open", () => {
  expect(found(/TODO|FIXME|XXX/g, () => true)).toEqual([]);
});
