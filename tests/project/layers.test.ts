/** `npm run layers` finds what is planted; on the project itself it is run by itself. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { checkLayers } from "./layers.ts";

/** Returns the violations that the check finds in a src folder with these files. */
async function planted(files: Record<string, string>): Promise<readonly string[]> {
  const root = mkdtempSync(join(tmpdir(), "pigrad-layers-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, "src", name)), { recursive: true });
      writeFileSync(join(root, "src", name), text);
    }
    const { violations, modules } = await checkLayers(root);
    expect(modules).toBe(Object.keys(files).length);
    return violations;
  } finally {
    rmSync(root, { recursive: true });
  }
}

test("planted violations are found: upwards, sideways, a cycle, also of types alone, node in the core", async () => {
  const to = (path: string): string => `import { x } from "${path}";\nexport const x = x;\n`;
  const leaf = "export const x = 1;\n";
  expect(await planted({ "core/a.ts": to("../ops/b.ts"), "ops/b.ts": leaf })).toEqual([
    "core-sees-only-below: src/core/a.ts → src/ops/b.ts",
  ]);
  expect(await planted({ "envs/a.ts": to("../returns/b.ts"), "returns/b.ts": leaf })).toHaveLength(
    1,
  );
  expect(await planted({ "core/a.ts": to("./b.ts"), "core/b.ts": to("./a.ts") })).not.toHaveLength(
    0,
  );
  expect(
    await planted({
      "core/a.ts": `import type { B } from "./b.ts";\nexport type A = B[];\n`,
      "core/b.ts": `import type { A } from "./a.ts";\nexport type B = A | number;\n`,
    }),
  ).toContain("no-cycles: src/core/a.ts → src/core/b.ts");
  expect(await planted({ "core/a.ts": to("node:fs") })).toHaveLength(1);
  expect(
    await planted({
      "ops/a.ts": to("../core/b.ts"),
      "core/b.ts": leaf,
      "node/c.ts": to("node:fs"),
    }),
  ).toEqual([]);
});
