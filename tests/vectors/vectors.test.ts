// @module-tag deep
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { checkFolder } from "./check.ts";
import { close } from "./compare.ts";

test("every case of tests/vectors/data passes or is skipped with a reason", () => {
  const verdicts = checkFolder(fileURLToPath(new URL("data", import.meta.url)));
  expect(verdicts.length).toBeGreaterThan(500);
  expect(verdicts.filter(({ outcome }) => outcome === "failed")).toEqual([]);
  expect(verdicts.filter(({ outcome, reason }) => outcome === "skipped" && reason === "")).toEqual(
    [],
  );
});

describe("close", () => {
  const tol = { rtol: 1e-5, atol: 1e-6 };
  test("the schema's rule: within atol + rtol·|want|, signed zeros equal, NaN only for NaN", () => {
    expect(
      close([1, -0, Infinity, Number.NaN], [1.000009, 0, Infinity, Number.NaN], tol),
    ).toBeNull();
    expect(close([1], [1.00002], tol)).toMatch(/want 1.00002, got 1/);
    expect(close([Number.NaN], [0], tol)).not.toBeNull();
    expect(close([Infinity], [-Infinity], tol)).not.toBeNull();
    expect(close([1, 2], [1], tol)).not.toBeNull();
    expect(close([Infinity], [1e39], tol)).toBeNull(); // a float32 overflows there
  });
});
