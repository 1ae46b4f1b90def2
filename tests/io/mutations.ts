/** Broken files made from whole ones, and readers that must refuse them in their own words. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loops } from "../../src/backends/loops.ts";
import { FormatError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { decodeUtf8, encodeUtf8 } from "../../src/core/utf8.ts";
import { runNow } from "../../src/core/waiting.ts";
import { parseJson } from "../../src/io/json.ts";
import { decodeNetpbm } from "../../src/io/netpbm.ts";
import { decodeNpy, decodeNpz } from "../../src/io/npy.ts";
import { decodePng } from "../../src/io/png.ts";
import { encodeSafetensors, readSafetensors } from "../../src/io/safetensors.ts";
import { decodeState, encodeState } from "../../src/io/state-file.ts";
import type { HubModel } from "../../src/models/build.ts";
import { modelConfig } from "../../src/models/config.ts";
import { modelFiles } from "../../src/models/files.ts";
import { loadModel } from "../../src/models/load.ts";
import { loadLora } from "../../src/models/lora-files.ts";
import { locateTensors } from "../../src/models/shards.ts";
import { tokenizerNotes } from "../../src/models/tokenizer.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { readConfig } from "../../src/node/run-folder.ts";
import { readTokenizerJson } from "../../src/text/tokenizer-json.ts";
import { chunk, png } from "../support/png.ts";
import { configOf } from "../support/sessions.ts";
import { constructed } from "../tokenizers/constructed.ts";

export interface Format {
  readonly name: string;
  /** Of the files that others get; 1 by default. */
  readonly share?: number;
  /** Whole files, which are mutated; or a function that makes files, mostly broken in their structure. */
  readonly files: readonly Uint8Array[] | ((random: Random) => Uint8Array);
  /** The least share of files that must be refused; 0.8 by default. */
  readonly leastRefused?: number;
  /** Prepares a file before it is read and timed. */
  readonly prepare?: (file: Uint8Array) => void;
  /** Reads a file; gives the bytes of memory that it took, or throws FormatError. */
  readonly read: (file: Uint8Array) => number;
}

const folder = new URL("../vectors/data/", import.meta.url);
const valid = (path: string, ending: string): Uint8Array[] =>
  readdirSync(new URL(`${path}/valid/`, folder))
    .filter((name) => name.endsWith(ending))
    .map((name) => new Uint8Array(readFileSync(new URL(`${path}/valid/${name}`, folder))));
const published = (models: readonly string[], name: string): Uint8Array[] =>
  models.map(
    (model) => new Uint8Array(readFileSync(new URL(`models/models/${model}/${name}`, folder))),
  );
const adapter = (of: string, name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`models/adapters/${of}/${name}`, folder)));
const shards = (): Record<string, Uint8Array> =>
  Object.fromEntries(
    [1, 2, 3].map((i) => {
      const name = `model-0000${i}-of-00003.safetensors`;
      return [name, published(["llama3-rope"], name)[0]];
    }),
  );
const adapterFiles = Object.fromEntries(
  ["adapter_config.json", "adapter_model.safetensors"].map((name) => [
    name,
    adapter("lora-qv", name),
  ]),
);
/** The model that the adapter of lora-qv belongs to. */
const baseFiles = modelFiles(
  Object.fromEntries(
    ["config.json", "model.safetensors"].map((name) => [name, published(["llama-gqa"], name)[0]]),
  ),
);
const base = (): HubModel => loadModel(loops(), baseFiles, { frozen: true }).model;
const tokenizers = (name: string): Uint8Array[] =>
  ["llama3-style", "qwen2-style", "llama2-style"].map(
    (style) => new Uint8Array(readFileSync(new URL(`models/tokenizers/${style}/${name}`, folder))),
  );
const total = (list: Iterable<{ data: ArrayBufferView }>): number =>
  [...list].reduce((n, { data }) => n + data.byteLength, 0);

function checkpoint(): Uint8Array {
  const gpt = new Gpt(
    loops(),
    { vocab: 5, context: 4, layers: 1, heads: 1, width: 4 },
    new Random(1),
  );
  const weights = Object.fromEntries(gpt.parameters.list.map(({ name, data }) => [name, data]));
  return encodeState(
    { weights, update: 3, env: { moments: null, envs: [[1, 2], [3]] } },
    { format: "pigrad 1" },
  );
}

const run = mkdtempSync(join(tmpdir(), "pigrad-fuzz-"));
process.on("exit", () => rmSync(run, { recursive: true, force: true }));

/** Reads a tokenizer, and encodes and decodes with it. */
export function useTokenizer(json: string): void {
  const tokenizer = readTokenizerJson(json);
  try {
    const ids = tokenizer.encode("The cat's 12 é中\n  <s> ▁", { special: true, around: true });
    tokenizer.decode(ids, { special: true });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // special tokens around a text may have no id
  }
}

/** Small pictures of every kind that is read. */
const pngs = (): Uint8Array[] => {
  const rows = Array.from({ length: 8 }, (_, y) => [y % 5, ...Array(48).fill(31 * y)]);
  const palette = [...chunk("PLTE", Array(768).fill(7)), ...chunk("tRNS", [0, 128])];
  return [0, 2, 3, 4, 6].map((color) =>
    png({
      width: 48 / ({ 2: 3, 4: 2, 6: 4 }[color] ?? 1),
      height: 8,
      color,
      rows: rows.flat(),
      between: color === 3 ? palette : [],
    }),
  );
};
/** Pictures whose checksums are right, and whose sizes, colors, palettes and streams fit together or not. */
function anyPng(random: Random): Uint8Array {
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)];
  const color = pick([0, 2, 3, 4, 6]);
  const row = [random.below(40) === 0 ? 5 : random.below(5), ...Array(12).fill(random.below(4))];
  const extra = [
    ...(pick([color === 3, random.below(2) === 0])
      ? chunk("PLTE", Array(pick([3, 12, 768, 4])).fill(9))
      : []),
    ...(random.below(3) === 0 ? chunk("tRNS", Array(pick([1, 2, 6])).fill(0)) : []),
  ];
  const samples = { 2: 3, 4: 2, 6: 4 }[color] ?? 1;
  const [width, height] = [pick([12 / samples, 1, 3]), pick([2, 2, 3])];
  return png({
    width,
    height,
    color,
    rows: [...row, ...row],
    between: extra,
    depth: pick([8, 8, 8, 4]),
  });
}
const netpbms = (): Uint8Array[] =>
  [
    "P2 3 2 255 1 2 3 4 5 6",
    "P3 1 2 9 1 2 3 # b\n4 5 6",
    "P5 3 2 255 abcdef",
    "P6 1 2 999 abcdefabcdef",
  ].map(encodeUtf8);

export const formats = (): Format[] => [
  { name: "PNG", files: pngs(), read: (file) => decodePng(file).rgb.byteLength },
  {
    name: "PNG, checksums right",
    leastRefused: 0.5, // some fit together
    files: anyPng,
    read: (file) => decodePng(file).rgb.byteLength,
  },
  {
    name: "netpbm",
    leastRefused: 0.3, // other samples are as good
    files: netpbms(),
    read: (file) => decodeNetpbm(file).rgb.byteLength,
  },
  {
    name: "safetensors",
    files: valid("safetensors", ".safetensors"),
    read: (file) => total(readSafetensors(file).tensors.values()),
  },
  { name: "npy", files: valid("npy", ".npy"), read: (file) => decodeNpy(file).data.byteLength },
  {
    name: "npz",
    files: valid("npy", ".npz"),
    read: (file) => total(decodeNpz(file, 2 ** 20).values()),
  },
  {
    name: "checkpoint",
    files: [checkpoint(), encodeSafetensors([], { format: "pigrad 1" })],
    read(file) {
      decodeState(file);
      return 0;
    },
  },
  {
    name: "JSON",
    files: ['{"a":[1,-2.5e3,{"b":"\\u00e9\\ud83c\\udfb2"}],"c":null,"d":[[[true,false]]]}'].map(
      encodeUtf8,
    ),
    read(file) {
      parseJson(decodeUtf8(file), "json");
      return 0;
    },
  },
  {
    name: "config.json",
    share: 0.1, // through the disk
    files: ["cartpole", "tokens"].map((task) => encodeUtf8(JSON.stringify(configOf({ task })))),
    prepare: (file) => writeFileSync(join(run, "config.json"), file),
    read() {
      readConfig(run);
      return 0;
    },
  },
  {
    name: "a model's config.json",
    share: 0.5,
    leastRefused: 0.5, // most fields of a config change nothing
    files: published(["llama3-rope", "mistral", "gpt2-prefixed"], "config.json"),
    read(file) {
      modelConfig(parseJson(decodeUtf8(file), "config.json"));
      return 0;
    },
  },
  {
    name: "a model's weights",
    share: 0.1,
    leastRefused: 0.5, // other numbers are as good
    files: published(["llama-v5config"], "model.safetensors"),
    read(file) {
      const [config] = published(["llama-v5config"], "config.json");
      const { model } = loadModel(
        loops(),
        modelFiles({ "config.json": config, "model.safetensors": file }),
      );
      return total(model.parameters.list);
    },
  },
  {
    name: "generation_config.json",
    leastRefused: 0.3, // most of its fields are not read
    files: published(["llama3-rope", "llama-tied"], "generation_config.json"),
    read(file) {
      const [config] = published(["llama3-rope"], "config.json");
      const generation = parseJson(decodeUtf8(file), "generation_config.json");
      modelConfig(parseJson(decodeUtf8(config), "config.json"), generation);
      return 0;
    },
  },
  {
    name: "shards' index",
    share: 0.3,
    files: published(["llama3-rope"], "model.safetensors.index.json"),
    read(file) {
      runNow(locateTensors(modelFiles({ ...shards(), "model.safetensors.index.json": file })), "");
      return 0;
    },
  },
  ...Object.entries(adapterFiles).map(([name, whole]) => ({
    name,
    share: 0.2,
    leastRefused: 0.4, // other numbers are as good, and some fields are not read
    files: [whole],
    read(file: Uint8Array) {
      loadLora(base(), modelFiles({ ...adapterFiles, [name]: file }));
      return 0;
    },
  })),
  {
    name: "tokenizer.json",
    share: 0.5,
    leastRefused: 0.4, // other tokens and texts are as good
    files: [...Object.values(constructed).map(encodeUtf8), ...tokenizers("tokenizer.json")],
    read(file) {
      useTokenizer(decodeUtf8(file));
      return 0;
    },
  },
  {
    name: "tokenizer_config.json",
    leastRefused: 0.4, // fields that are not read change nothing
    files: tokenizers("tokenizer_config.json"),
    read(file) {
      tokenizerNotes({ "tokenizer_config.json": decodeUtf8(file) });
      return 0;
    },
  },
];

const interesting = [0, 1, 0x7f, 0x80, 0xff, 0x22, 0x2c, 0x30, 0x39, 0x3a, 0x5b, 0x5d, 0x7b, 0x7d];

/** One to four changes of a file: bits, bytes, cuts, repeated, moved and inserted pieces. */
export function mutated(file: Uint8Array, random: Random): Uint8Array {
  let bytes = file.slice();
  // most of what can go wrong stands at the start
  const place = (): number =>
    random.below(Math.max(1, random.below(2) === 0 ? bytes.length : Math.min(bytes.length, 200)));
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = place();
    const kind = random.below(7);
    if (kind === 0) bytes[at] ^= 1 << random.below(8);
    else if (kind === 1) bytes[at] = interesting[random.below(interesting.length)];
    else if (kind === 2) bytes[at] = random.below(256);
    else if (kind === 3) bytes = bytes.slice(0, at);
    else {
      const from = place();
      const piece = bytes.slice(from, from + 1 + random.below(16));
      const skipped = kind === 4 ? piece.length : 0; // replaced, or squeezed in; or cut out
      const middle = kind === 6 ? new Uint8Array(0) : piece;
      const rest = bytes.slice(at + (kind === 6 ? piece.length : skipped));
      const next = new Uint8Array(at + middle.length + rest.length);
      next.set(bytes.slice(0, at));
      next.set(middle, at);
      next.set(rest, at + middle.length);
      bytes = next;
    }
    if (bytes.length === 0) return bytes;
  }
  return bytes;
}

export interface Findings {
  files: number;
  refused: number;
  /** Milliseconds of the processor for the slowest, tried again where collecting garbage fell into it. */
  slowest: number;
  /** A sentence for each fault. */
  readonly faults: string[];
}

/** Reads `count` broken files of a format: only FormatErrors, quickly, with little memory. */
export function fuzz(
  { name, files, read, prepare, share = 1, leastRefused = 0.8 }: Format,
  most: number,
  seed: number,
): Findings {
  const count = Math.ceil(share * most);
  const random = new Random(seed);
  const found: Findings = { files: count, refused: 0, slowest: 0, faults: [] };
  const attempt = (file: Uint8Array): number => {
    const start = process.cpuUsage(); // not the clock, which others slow down
    try {
      const taken = read(file);
      if (taken > 2 * file.length + 2 ** 20)
        found.faults.push(`${name}: ${taken} bytes from ${file.length}`);
    } catch (error) {
      found.refused++;
      if (!(error instanceof FormatError))
        found.faults.push(`${name}: ${error} for ${file.subarray(0, 200)}`);
    }
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
  for (let i = 0; i < count; i++) {
    const file =
      typeof files === "function"
        ? files(random)
        : mutated(files[random.below(files.length)], random);
    prepare?.(file);
    let time = attempt(file);
    for (let again = 0; again < 3 && time > 50; again++) {
      const before = found.refused;
      time = Math.min(time, attempt(file));
      found.refused = before;
    }
    found.slowest = Math.max(found.slowest, time);
    if (time > 50) found.faults.push(`${name}: ${time} ms for ${file.length} bytes`);
  }
  if (found.refused <= leastRefused * count || found.refused === count)
    found.faults.push(`${name}: ${found.refused} of ${count} were refused`);
  return found;
}
