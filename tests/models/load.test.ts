/** Folders as on the hub: from memory, from Blobs and from disk; and each way in which they can be broken. */
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { FormatError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import {
  encodeSafetensors,
  readSafetensors,
  type TensorToWrite,
} from "../../src/io/safetensors.ts";
import { type ModelFiles, modelFiles } from "../../src/models/files.ts";
import { loadModel, loadModelLater } from "../../src/models/load.ts";
import { modelFolder } from "../../src/node/model-folder.ts";

const folder = fileURLToPath(new URL("../vectors/data/models/models/", import.meta.url));
type Files = Record<string, Uint8Array>;
const filesOf = (name: string): Files =>
  Object.fromEntries(
    readdirSync(join(folder, name)).map((file) => [
      file,
      Uint8Array.from(readFileSync(join(folder, name, file))),
    ]),
  );
const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const json = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));
const weightsOf = (files: ModelFiles): number[] =>
  loadModel(loops(), files).model.parameters.list.flatMap(({ data }) => [...data]);

/** The message of the one error, a FormatError of one line. */
function refusal(files: Files, options = {}): string {
  const k = simd({ memory: 2 ** 22 });
  const before = k.live();
  try {
    loadModel(k, modelFiles(files), options);
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message).not.toContain("\n");
    expect(k.live()).toBe(before);
    return (error as Error).message;
  }
  return "no error";
}

/** The folder with its tensors changed, in one file. */
function changed(name: string, change: (tensors: TensorToWrite[]) => TensorToWrite[]): Files {
  const files = filesOf(name);
  const { tensors } = readSafetensors(files["model.safetensors"]);
  const list = [...tensors.values()].map(({ data, ...rest }) => ({
    ...rest,
    data: Float32Array.from(data as Float32Array),
  }));
  return { ...files, "model.safetensors": encodeSafetensors(change(list)) };
}

describe("where files may be", () => {
  test("in memory, in Blobs, on disk and behind links: the same weights", async () => {
    const files = filesOf("llama3-rope");
    const want = weightsOf(modelFiles(files));
    expect(want.some((x) => x !== 0)).toBe(true);
    expect(weightsOf(modelFolder(join(folder, "llama3-rope")))).toEqual(want);
    const blobs = Object.fromEntries(
      Object.entries(files).map(([name, bytes]) => [name, new Blob([bytes as BlobPart])]),
    );
    const { model } = await loadModelLater(loops(), modelFiles(blobs));
    expect(model.parameters.list.flatMap(({ data }) => [...data])).toEqual(want);
    expect(() => loadModel(loops(), modelFiles(blobs))).toThrow("expected a result at once");
    const links = mkdtempSync(join(tmpdir(), "pigrad-links-"));
    try {
      for (const name of Object.keys(files))
        symlinkSync(join(folder, "llama3-rope", name), join(links, name));
      expect(weightsOf(modelFolder(links))).toEqual(want);
    } finally {
      rmSync(links, { recursive: true });
    }
  });

  test("a file that is a folder, or that is cut while it is read, is refused", () => {
    const broken = mkdtempSync(join(tmpdir(), "pigrad-model-"));
    try {
      writeFileSync(join(broken, "config.json"), "{");
      expect(() => loadModel(loops(), modelFolder(broken))).toThrow(/^config.json: /);
      expect(() => loadModel(loops(), modelFolder(join(broken, "none")))).toThrow(
        "config.json: expected a file of this name",
      );
      expect(() => modelFolder(tmpdir()).size("")).toThrow(FormatError);
    } finally {
      rmSync(broken, { recursive: true });
    }
    const files = modelFiles(filesOf("gpt2"));
    const cut: ModelFiles = {
      size: (name) => files.size(name),
      read: (name, start, end) =>
        (files.read(name, start, end) as Uint8Array).subarray(0, start > 5000 ? 3 : undefined),
    };
    expect(() => loadModel(loops(), cut)).toThrow(/^model.safetensors: expected \d+ bytes from/);
  });
});

describe("broken folders are refused by one line with file and tensor or field", () => {
  const gpt2 = filesOf("gpt2");
  const shards = filesOf("llama3-rope");
  const second = "model-00002-of-00003.safetensors";
  const index = "model.safetensors.index.json";
  const rows: Record<string, readonly [Files, string | RegExp]> = {
    "no config.json": [
      { "model.safetensors": gpt2["model.safetensors"] },
      /^config.json: expected/,
    ],
    "no weights": [
      { "config.json": gpt2["config.json"] },
      "model.safetensors: expected this file, or model.safetensors.index.json",
    ],
    "a truncated file": [
      { ...gpt2, "model.safetensors": gpt2["model.safetensors"].slice(0, -1) },
      /^model.safetensors: safetensors: tensor "wte.weight": expected \d+ bytes/,
    ],
    "an empty file": [
      { ...gpt2, "model.safetensors": new Uint8Array(0) },
      "model.safetensors: safetensors: expected 8 bytes of header length, got 0",
    ],
    "a truncated shard": [
      { ...shards, [second]: shards[second].slice(0, -4) },
      new RegExp(`^${second}: safetensors: tensor`),
    ],
    "a missing shard": [
      Object.fromEntries(Object.entries(shards).filter(([name]) => name !== second)),
      `${index}: shard ${second} is missing`,
    ],
    "a tensor that its shard lacks": [
      { ...shards, [index]: text({ weight_map: { "model.norm.weight": second } }) },
      `${second}: expected tensor "model.norm.weight", which ${index} lists there`,
    ],
    "an index of nothing": [
      { ...shards, [index]: text({ weight_map: {} }) },
      `${index}: expected weight_map as an object of a tensor or more`,
    ],
    "an index without a map": [{ ...shards, [index]: text([]) }, `${index}: expected weight_map`],
    "a shard outside the folder": [
      { ...shards, [index]: text({ weight_map: { x: "../x.safetensors" } }) },
      `${index}: expected a file's name for "x", got "../x.safetensors"`,
    ],
    "shapes that do not fit the config": [
      { ...gpt2, "config.json": text({ ...json(gpt2["config.json"]), n_positions: 41 }) },
      'model.safetensors: tensor "wpe.weight": expected [41, 32] by config.json, got [40, 32]',
    ],
    "sizes beyond what the files hold": [
      { ...gpt2, "config.json": text({ ...json(gpt2["config.json"]), vocab_size: 1e9 }) },
      /^config.json: expected sizes of \d+ weights, which the files have, got sizes of 3\d{10}$/,
    ],
    "a transposed matrix": [
      changed("gpt2", (list) =>
        list.map((t) =>
          t.name === "h.0.attn.c_attn.weight" ? { ...t, shape: [...t.shape].reverse() } : t,
        ),
      ),
      'tensor "h.0.attn.c_attn.weight": expected [32, 96] by config.json, got [96, 32]',
    ],
    "an unknown name": [
      changed("qwen3", (list) => [
        ...list,
        { name: "model.x", shape: [1], data: new Float32Array(1) },
      ]),
      'model.safetensors: tensor "model.x": expected a parameter of this qwen3 model',
    ],
    "a layer too many": [
      {
        ...gpt2,
        "config.json": text({ ...json(gpt2["config.json"]), n_layer: 1 }),
      },
      'tensor "h.1.attn.c_attn.bias": expected a parameter of this gpt2 model',
    ],
    "a missing tensor": [
      changed("gpt2", (list) => list.filter(({ name }) => name !== "h.0.attn.c_attn.bias")),
      'model.safetensors: no tensor "transformer.h.0.attn.c_attn.bias"',
    ],
    "a missing matrix": [
      changed("llama-gqa", (list) =>
        list.filter(({ name }) => name !== "model.layers.0.self_attn.q_proj.weight"),
      ),
      'model.safetensors: no tensor "model.layers.0.self_attn.q_proj.weight"',
    ],
    "a tensor of whole numbers": [
      changed("gpt2", (list) =>
        list.map((t) => (t.name === "ln_f.bias" ? { ...t, data: new Int8Array(32) } : t)),
      ),
      'tensor "ln_f.bias": expected a dtype of F32, F16, BF16, F64, got I8',
    ],
    "a number that is not finite": [
      changed("gpt2", (list) =>
        list.map((t) =>
          t.name === "ln_f.bias" ? { ...t, data: new Float32Array(32).fill(Infinity, 7, 8) } : t,
        ),
      ),
      'tensor "ln_f.bias": expected finite numbers, got Infinity at 7',
    ],
    "a head of its own in a tied model": [
      changed("qwen3", (list) => [
        ...list,
        { name: "lm_head.weight", shape: [96, 32], data: new Float32Array(96 * 32) },
      ]),
      'tensor "lm_head.weight": expected the embedding\'s numbers, since tie_word_embeddings',
    ],
  };
  test.each(Object.entries(rows))("%s", (_, [files, message]) => {
    if (typeof message === "string") expect(refusal(files)).toContain(message);
    else expect(refusal(files)).toMatch(message);
  });

  test("a context that the config does not allow", () => {
    for (const context of [0, 41, 1.5])
      expect(refusal(gpt2, { context })).toContain("expected a context from 1 to 40 positions");
  });
});

test("a head that repeats a tied embedding is accepted, whatever comes first in the file", () => {
  const files = changed("qwen3", (list) => {
    const embedding = list.find(({ name }) => name === "model.embed_tokens.weight");
    return [...list, { ...(embedding as TensorToWrite), name: "lm_head.weight" }];
  });
  expect(weightsOf(modelFiles(files))).toEqual(weightsOf(modelFiles(filesOf("qwen3"))));
});

test("a shorter context and a value head: caches and tables have its length, the head is fresh", () => {
  const options = { context: 12, valueHead: true };
  const k = loops();
  for (const name of ["llama-gqa", "qwen3"]) {
    const { model } = loadModel(k, modelFiles(filesOf(name)), options);
    expect(model.options.context).toBe(12);
    expect(model.parameters.get("value.weight")?.shape).toEqual([1, model.options.width]);
  }
  expect(refusal(filesOf("gpt2"), { context: 12 })).toBe("no error");
  const random = new Random(1);
  const { model } = loadModel(k, modelFiles(filesOf("gpt2")), { ...options, random });
  expect(model.parameters.get("value.weight")?.data.some((x) => x !== 0)).toBe(true);
});
