/** The scan and group-advantage cases by name, so that a failure says which one it is. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { referenceScans } from "./adapters/reference-scans.ts";
import { scans } from "./adapters/scans.ts";
import { close, decode } from "./compare.ts";
import type { ReferenceCase, VectorCase } from "./types.ts";

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`data/${name}.json`, import.meta.url), "utf8"));
const numbers = (x: unknown): number[] => [x].flat(Number.POSITIVE_INFINITY) as number[];

describe("scans.json", () => {
  for (const c of read("scans").cases as VectorCase[])
    test(c.name, () => {
      for (const float of [Float32Array, Float64Array]) {
        const got = scans[c.op](c, float, {});
        for (const [output, tensor] of Object.entries(c.expected)) {
          const wrong = close(got[output] as ArrayLike<number>, decode(tensor, false), c.tol);
          expect(wrong, `${output} in ${float.name}`).toBeNull();
        }
      }
    });
});

describe("reference-cases.json", () => {
  const ours = (read("reference-cases").cases as ReferenceCase[]).filter(({ group }) =>
    ["scan", "advantage"].includes(group),
  );
  for (const c of ours)
    test(c.name, ({ skip }) => {
      const byInputs = `${c.group}:${Object.keys(c.inputs).sort().join()}`;
      const got = (referenceScans[c.name] ?? referenceScans[byInputs])(c);
      if ("skip" in got) return skip(got.skip as string);
      for (const [output, want] of Object.entries(c.expected))
        expect(
          close(numbers((got as Record<string, unknown>)[output]), numbers(want), c.tolerance),
          output,
        ).toBeNull();
    });
});
