/** Dropout before an adapter's A: its share and scale, its seed, chunks, and that evaluation has none. */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import type { Backend } from "../../src/core/backend.ts";
import { SettingError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input } from "../../src/core/tensor.ts";
import { modelFiles } from "../../src/models/files.ts";
import { loadModel } from "../../src/models/load.ts";
import { Lora } from "../../src/models/lora.ts";
import { LoraDropout } from "../../src/models/lora-dropout.ts";
import { loadLora, saveLora } from "../../src/models/lora-files.ts";
import { modelFolder } from "../../src/node/model-folder.ts";
import { bitsOf } from "../support/bits.ts";

const folder = fileURLToPath(new URL("../vectors/data/models/models/llama-gqa", import.meta.url));
const modelOf = (k: Backend) => loadModel(k, modelFolder(folder), { frozen: true }).model;
const options = { rank: 2, alpha: 4, targets: ["q_proj", "down_proj"], dropout: 0.25 };

/** What a layer of a dropout makes of ones. */
function dropped(
  k: Backend,
  { p = 0.25, seed = 1, rows = 40, first = 0, layer = 1 }: Record<string, number>,
): number[] {
  const dropout = new LoraDropout(k, p);
  const layers = [dropout.layer(), dropout.layer(), dropout.layer()];
  dropout.begin(new Random(seed), first);
  const x = input(k, [rows, 25], new Float32Array(rows * 25).fill(3));
  const made = [...new Tape(k).run(() => layers[layer](x)).data];
  dropout.free();
  return made;
}

test("a share is 0 and the rest is scaled, by seed and layer, with the same bits on both backends", () => {
  const made = dropped(loops(), {});
  expect(new Set(made)).toEqual(new Set([0, 4]));
  const share = made.filter((x) => x === 0).length / made.length;
  expect(Math.abs(share - 0.25)).toBeLessThan(0.05);
  expect(dropped(simd({ memory: 2 ** 22 }), {})).toEqual(made);
  expect(dropped(loops(), {})).toEqual(made);
  expect(dropped(loops(), { seed: 2 })).not.toEqual(made);
  expect(dropped(loops(), { layer: 2 })).not.toEqual(made);
});

test("rows have the same masks in whatever chunks", () => {
  for (const k of [loops(), simd({ memory: 2 ** 22 })]) {
    const whole = dropped(k, {});
    const [a, b, c] = [
      [0, 7],
      [7, 20],
      [27, 13],
    ].map(([first, rows]) => dropped(k, { first, rows }));
    expect([...a, ...b, ...c]).toEqual(whole);
  }
});

test("a pass differs in training, is itself again under one seed, and is the plain one afterwards", () => {
  const k = loops();
  const lora = new Lora(modelOf(k), options, new Random(1));
  for (const { b } of lora.adapters) b.data.fill(0.3);
  const { model } = lora;
  const tokens = input(k, [1, 5], [3, 1, 4, 1, 5]);
  const positions = input(k, [1, 5], [0, 1, 2, 3, 4]);
  const tape = new Tape(k);
  const pass = () => `${bitsOf(tape.run(() => model.hidden(tokens, positions)).data)}`;
  const plain = pass();
  lora.dropout.begin(new Random(5));
  const trained = pass();
  expect(trained).not.toBe(plain);
  expect(pass()).toBe(trained);
  const { recorded } = tape;
  lora.dropout.begin(new Random(6));
  expect(pass()).not.toBe(trained);
  expect(tape.recorded).toBe(recorded); // masks change in place
  lora.enabled = false;
  const base = pass();
  lora.enabled = true;
  lora.dropout.end();
  expect(pass()).toBe(plain);
  expect(base).not.toBe(plain);
});

test("peft's files keep it, and a share of 1 is refused", () => {
  const lora = new Lora(modelOf(loops()), options, new Random(1));
  const files = saveLora(lora);
  const bytes = Object.fromEntries(
    Object.entries(files).map(([name, file]) => [
      name,
      typeof file === "string" ? new TextEncoder().encode(file) : file,
    ]),
  );
  expect(loadLora(modelOf(loops()), modelFiles(bytes)).options.dropout).toBe(0.25);
  const config = String(files["adapter_config.json"]).replace("0.25", "1");
  const broken = { ...bytes, "adapter_config.json": new TextEncoder().encode(config) };
  expect(() => loadLora(modelOf(loops()), modelFiles(broken))).toThrow(
    "adapter_config.json: expected lora_dropout from 0 to below 1, got 1",
  );
  expect(() => new Lora(modelOf(loops()), { ...options, dropout: 1 }, new Random(1))).toThrow(
    SettingError,
  );
  const k = loops();
  expect(() => new LoraDropout(k, 0.5).begin(new Random(1), -1)).toThrow(RangeError);
});
