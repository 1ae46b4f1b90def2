/** Runs every case of a folder of vector files and says what passed, failed and was skipped. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { adapters, later, referenceAdapters, wholeCases } from "./adapters/index.ts";
import { close, decode } from "./compare.ts";
import type { Adapter, Output, ReferenceCase, Shared, VectorCase, WholeFile } from "./types.ts";

export interface Verdict {
  readonly file: string;
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  readonly reason: string;
}

/** Checks the cases of a folder, and of each folder in it. */
export function checkFolder(folder: string): Verdict[] {
  const inside = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => checkFiles(join(folder, name)));
  return [...checkFiles(folder), ...inside];
}

function checkFiles(folder: string): Verdict[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return files.sort().flatMap((file) => {
    const content = JSON.parse(readFileSync(join(folder, file), "utf8"));
    if (!Array.isArray(content.cases)) return [];
    return content.cases.map((c: VectorCase & ReferenceCase): Verdict => {
      const isReference = c.op === undefined;
      const said = isReference
        ? checkReference(c)
        : checkCase(c, content.group, content.shared ?? {}, { folder, cases: content.cases });
      return { file, name: c.name, ...said };
    });
  });
}

type Said = Pick<Verdict, "outcome" | "reason">;
const skipped = (reason: string): Said => ({ outcome: "skipped", reason });
const failed = (reason: string): Said => ({ outcome: "failed", reason });
const passed: Said = { outcome: "passed", reason: "" };

function checkCase(c: VectorCase, group: string, shared: Shared, file: WholeFile): Said {
  if ("package" in c) return skipped("of an npm package, as npm run test:tokenizers compares them");
  const whole = wholeCases[c.op];
  if (whole !== undefined) {
    try {
      const wrong = whole(c, file);
      return wrong === null ? passed : failed(wrong);
    } catch (error) {
      return failed(`threw ${error}`);
    }
  }
  const adapter = adapters[c.op];
  if (adapter === undefined) {
    const reason = later[c.op] ?? later[group];
    return reason === undefined ? failed(`no adapter for op ${c.op}`) : skipped(reason);
  }
  for (const float of [Float32Array, Float64Array]) {
    const wrong = differs(c, adapter, float, shared);
    if (wrong !== null) return failed(`${float.name}: ${wrong}`);
  }
  return passed;
}

function differs(
  c: VectorCase,
  adapter: Adapter,
  float: Float32ArrayConstructor | Float64ArrayConstructor,
  shared: Shared,
): string | null {
  let got: Record<string, Output>;
  try {
    got = adapter(c, float, shared);
  } catch (error) {
    return `threw ${error}`;
  }
  const { grads = {}, ...outputs } = c.expected;
  const wanted = Object.entries(outputs);
  for (const [name, t] of Object.entries(grads)) wanted.push([`grads.${name}`, t]);
  for (const [name, t] of wanted) {
    const tensor = Array.isArray(t) ? { shape: [t.length], data: t } : t;
    const output = got[name];
    if (output === undefined) return `no output ${name}`;
    const shaped = "shape" in output;
    if (shaped && output.shape.join() !== tensor.shape.join()) {
      return `${name}: want shape [${tensor.shape}], got [${output.shape}]`;
    }
    const wrong = close(shaped ? output.data : output, decode(tensor, false), c.tol);
    if (wrong !== null) return `${name}${wrong}`;
  }
  return null;
}

function checkReference(c: ReferenceCase): Said {
  const byInputs = `${c.group}:${Object.keys(c.inputs).sort().join()}`;
  const adapter = referenceAdapters[c.name] ?? referenceAdapters[byInputs];
  if (adapter === undefined) {
    const reason = later[c.group];
    return reason === undefined ? failed(`no adapter for ${c.group} ${c.name}`) : skipped(reason);
  }
  try {
    const got = adapter(c);
    if ("skip" in got) return skipped(got.skip);
    return sameValue(got, c.expected, c.tolerance ?? {}, "");
  } catch (error) {
    return failed(`threw ${error}`);
  }
}

/** Compares what a reference case expects, whatever its form, with what the adapter made. */
// biome-ignore lint/suspicious/noExplicitAny: these cases have no common form
function sameValue(got: any, want: any, tol: any, path: string): Said {
  if (typeof want === "object" && want !== null) {
    for (const key of Object.keys(want)) {
      if (got?.[key] === undefined) return failed(`${path}.${key}: nothing`);
      const said = sameValue(got[key], want[key], tol, `${path}.${key}`);
      if (said.outcome !== "passed") return said;
    }
    return passed;
  }
  if (typeof want !== "number")
    return got === want ? passed : failed(`${path} want ${want}, got ${got}`);
  const limits =
    typeof tol === "number" ? { rtol: tol, atol: tol } : { rtol: 1e-6, atol: 1e-6, ...tol };
  const wrong = close([got], [want], limits);
  return wrong === null ? passed : failed(`${path}${wrong}`);
}
