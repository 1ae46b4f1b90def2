/** Each exported function with each of its arguments wrong in turn: nothing but a typed error is accepted. */
import { afterAll, describe, expect, test } from "vitest";
import * as errors from "../../src/core/errors.ts";
import { Tape } from "../../src/core/tape.ts";
import * as pg from "../../src/index.ts";
import * as opsIndex from "../../src/ops/index.ts";
import { exempt } from "./exempt.ts";
import { backend } from "./kinds.ts";
import { made, numeric, ops } from "./recipes.ts";

type Call = (...args: unknown[]) => unknown;
const typed = [...Object.values(errors), RangeError];
const exported: Readonly<Record<string, unknown>> = { ...opsIndex, ...pg };
const functions = Object.keys(exported).filter((key) => typeof exported[key] === "function");
const recipes = { ...numeric, ...made, ...ops };

let calls = 0;
let called = 0;
afterAll(() => console.log(`${called} functions, ${calls} wrong calls refused`));

test("every exported function has a recipe, or a reason for none", () => {
  const missing = functions.filter((key) => !(key in recipes) && !(key in exempt));
  expect(missing).toEqual([]);
  const gone = [...Object.keys(recipes), ...Object.keys(exempt)].filter(
    (key) => !(key in exported),
  );
  expect(gone).toEqual([]);
});

describe.each(Object.entries(recipes))("%s", (key, kinds) => {
  const run = (args: readonly unknown[]): void => {
    const f = exported[key] as Call & (new (...args: unknown[]) => unknown);
    const tape = new Tape(backend);
    try {
      tape.run(() => (key in made ? new f(...args) : f(...args)));
    } finally {
      tape.drop();
    }
  };
  const right = (): unknown[] => kinds.map((kind) => kind.right());
  called++;
  test("works", () => run(right()));
  const wrong = kinds.flatMap((kind, i) =>
    Object.entries(kind.wrong).map(([what, make]) => [i, what, make] as const),
  );
  if (wrong.length > 0) {
    test.each(wrong)("argument %d: %s", (i, _, make) => {
      const args = right();
      args[i] = make();
      calls++;
      let error: unknown;
      try {
        run(args);
      } catch (caught) {
        error = caught;
      }
      expect(
        typed.some((kind) => error instanceof kind),
        `got ${String(error)}`,
      ).toBe(true);
      expect(String(error)).toMatch(/expected|want|exists|an input is of/);
    });
  }
});
