/** Models whose layers' weights are int8: the stored numbers and their scales, passes, adapters; rows with halves. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { quantizeRow } from "../../../src/io/quantize.ts";
import { readSafetensors } from "../../../src/io/safetensors.ts";
import type { HubModel } from "../../../src/models/build.ts";
import { loadModel } from "../../../src/models/load.ts";
import { loadLora } from "../../../src/models/lora-files.ts";
import { StoredWeight } from "../../../src/nn/stored.ts";
import { modelFolder } from "../../../src/node/model-folder.ts";
import { bitsOf } from "../../../src/ops/stored.ts";
import { close, decode } from "../compare.ts";
import type { WholeCase } from "../types.ts";
import { eachBackend, wrongGreedy, wrongPass } from "./hub.ts";

// biome-ignore lint/suspicious/noExplicitAny: attributes and cases have whatever form the file gives
type Any = any;
const exact = { rtol: 0, atol: 0 };

/** Compares what a model keeps with a file's numbers and scales. */
function wrongStored(model: HubModel, path: string): string | null {
  const { tensors } = readSafetensors(readFileSync(path));
  const stored = model.parts.weights.list.filter((w) => w instanceof StoredWeight);
  if (2 * stored.length !== tensors.size)
    return `want ${tensors.size / 2} stored weights, got ${stored.length}`;
  for (const { name, bits, shape, scales } of stored) {
    const q = bitsOf(bits.data, shape[0] * shape[1], 1);
    const wrong =
      close(q, Array.from(tensors.get(`${name}.q`)?.data ?? [], Number), exact) ??
      close(
        scales?.data ?? [],
        Array.from(tensors.get(`${name}.scale`)?.data ?? [], Number),
        exact,
      );
    if (wrong !== null) return `${name}${wrong}`;
  }
  return null;
}

/** Without gradients to compare, a pass is compared as one of frozen weights. */
const runInt8: WholeCase = (c: Any, { folder }) =>
  eachBackend((k) => {
    const options = { frozen: true, weights: "int8" } as const;
    const { model } = loadModel(k, modelFolder(join(folder, c.folder)), options);
    const wrong = wrongStored(model, join(folder, c.quantFile));
    if (wrong !== null) return wrong;
    if (c.adapter !== undefined) loadLora(model, modelFolder(join(folder, c.adapter)));
    const { gradSums = {} } = c.expected;
    const whole = { ...c, expected: { greedy: [], ...c.expected, gradSums } };
    return wrongPass(model, whole, folder) ?? wrongGreedy(model, whole);
  });

const runRows: WholeCase = (c: Any) => {
  const [rows, n] = c.inputs.w.shape;
  const w = Float32Array.from(decode(c.inputs.w));
  const q = new Int8Array(rows * n);
  const scale = Float32Array.from({ length: rows }, (_, row) =>
    quantizeRow(q.subarray(row * n, (row + 1) * n), w.subarray(row * n, (row + 1) * n)),
  );
  const back = Float32Array.from(q, (x, i) => x * scale[Math.floor(i / n)]);
  const want = (name: string): number[] => Array.from(decode(c.expected[name]), Math.fround);
  return (
    close(q, want("q"), exact) ??
    close(scale, want("scale"), exact) ??
    close(back, want("dequantized"), exact)
  );
};

export const quant: Record<string, WholeCase> = {
  hfInt8: runInt8,
  hfInt8Lora: runInt8,
  quantizeInt8: runRows,
};
