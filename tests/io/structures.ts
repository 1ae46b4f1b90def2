/** Files whose bytes are in order and whose structure is not: what flipped bits hardly ever make. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import type { Random } from "../../src/core/random.ts";
import { encodeUtf8 } from "../../src/core/utf8.ts";
import { parseJson } from "../../src/io/json.ts";
import { decodeNpy, decodeNpz } from "../../src/io/npy.ts";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { decodeState, encodeState } from "../../src/io/state-file.ts";
import { checkpointFrom, metricFrom, sampleFrom } from "../../src/node/run-files.ts";
import { readConfig } from "../../src/node/run-folder.ts";
import type { RunConfig } from "../../src/tasks/run.ts";
import { regex } from "../../src/text/hub/regex/pattern.ts";
import { tokenizerFrom } from "../../src/text/load.ts";
import { configOf } from "../support/sessions.ts";
import { constructed } from "../tokenizers/constructed.ts";
import { npy, safetensors, zipOf } from "./archives.ts";
import { type Format, useTokenizer } from "./mutations.ts";

const one = <T>(random: Random, list: readonly T[]): T => list[random.below(list.length)];
const sizes = [0, 1, 2, 3, 255, 65_536, 2 ** 31, 2 ** 32, 2 ** 53 - 1];
const shape = (random: Random): number[] => {
  const many = random.below(8) === 0 ? 1 + random.below(5000) : random.below(5);
  return Array.from({ length: many }, () => (many > 5 ? 1 : one(random, sizes)));
};

const packed = [
  new Uint8Array(0),
  new Uint8Array(50_000),
  npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 8),
].map((bytes) => ({ bytes, packed: deflateRawSync(bytes) }));
/** Directory entries that share bytes, lie in each other, or lie apart. */
function overlapping(random: Random): Uint8Array {
  const count = 1 + random.below(random.below(10) === 0 ? 300 : 5);
  const apart = random.below(4) === 0;
  return zipOf(
    Array.from({ length: count }, (_, i) => ({
      ...packed[apart ? 2 : random.below(3)],
      name: `${random.below(20) === 0 ? "a" : `a${i}`}.npy`,
      ...(apart || i === 0 || random.below(2) === 0 ? {} : { at: random.below(120) }),
    })),
  );
}

const npyOfShape = (random: Random): Uint8Array =>
  npy(
    `{'descr': '${one(random, ["<f4", ">f8", "|u1", "<f2"])}', 'fortran_order': ${one(random, ["True", "False"])}, 'shape': (${shape(
      random,
    )
      .map((n) => `${n}, `)
      .join("")}), }`,
    one(random, [0, 4, 8, 1000]),
  );

function safetensorsOfShape(random: Random): Uint8Array {
  const name = "a/".repeat(random.below(random.below(4) === 0 ? 4000 : 3));
  const data_offsets = random.below(2) === 0 ? [0, 8] : [one(random, sizes), one(random, sizes)];
  const own = random.below(3) === 0 ? [2] : shape(random);
  const entry = { dtype: one(random, ["F32", "F64", "BF16"]), shape: own, data_offsets };
  return safetensors(JSON.stringify({ [name]: entry }), 8);
}

/** Values that a type does not foresee. */
const odd = (random: Random): string =>
  one(random, [
    ...["null", "{}", "5", "-1", "1e300", "1e999", "0.5", '"x"', '""', "[]", "[1]", "true"],
    ...['{"toString":1}', '{"__proto__":{"update":1}}', '{"length":5}', '["__proto__"]'],
    nested(random, 1 + random.below(200)),
    nested(random, 20_000),
    `"${"x".repeat(1 + random.below(2000))}"`,
    '"\\u001b[2J<script>"',
  ]);
const nested = (random: Random, depth: number): string =>
  random.below(2) === 0
    ? "[".repeat(depth) + "]".repeat(depth)
    : `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

/** An object as JSON text with some fields odd, gone or foreign; as it is, one time in eight. `inner`: fields that are JSON text already. */
function disturbed(
  whole: Readonly<Record<string, unknown>>,
  random: Random,
  inner: Readonly<Record<string, string>> = {},
): string {
  if (random.below(16) === 0) return odd(random);
  const fields = new Map(Object.entries(whole).map(([key, value]) => [key, JSON.stringify(value)]));
  for (const [key, text] of Object.entries(inner)) fields.set(key, text);
  const keys = [...fields.keys(), "__proto__", "constructor", "toString", "extra"];
  for (let changes = random.below(8) === 0 ? 0 : 1 + random.below(3); changes > 0; changes--) {
    const key = one(random, keys);
    if (random.below(4) === 0) fields.delete(key);
    else fields.set(key, odd(random));
  }
  return `{${[...fields].map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(",")}}`;
}

const text = (file: Uint8Array): string => Buffer.from(file).toString();
const reading =
  (read: (file: Uint8Array) => unknown): Format["read"] =>
  (file) => {
    read(file);
    return 0;
  };
const total = (list: Iterable<{ data: ArrayBufferView }>): number =>
  [...list].reduce((n, { data }) => n + data.byteLength, 0);

const metric = { type: "update", update: 3, envSteps: 96, meanReturn: -3.5, seconds: 0.1 };
const token = { text: "a", own: true, advantage: 0.5, logRatio: null, entropy: 1 };
const sample = { update: 3, prompt: "1+1=", completion: "2", reward: 1, tokens: [token, token] };
const line = configOf({ task: "line" });
const tokens = configOf({ task: "tokens" });

/** Merges that double, branch, or name tokens which are not there. */
function merges(random: Random): Uint8Array {
  const kind = random.below(3);
  const list = Array.from({ length: 1 + random.below(60) }, (_, i) => {
    const before = 256 + i;
    if (kind === 0) return i === 0 ? [97, 97] : [before - 1, before - 1];
    const a = random.below(before);
    return kind === 1 ? [a, random.below(before)] : [a, one(random, [-1, before, 0.5, 1e9, a])];
  });
  return encodeUtf8(JSON.stringify({ kind: "bpe", merges: list, split: "none", specials: [] }));
}

/** A checkpoint whose facts or state are another run's, or nobody's. */
function strangeCheckpoint(random: Random): Uint8Array {
  const facts = { format: "pigrad 1", task: "line", algo: "reinforce", seed: "1", envs: "32" };
  const changed: Record<string, string> = {
    ...facts,
    ...(random.below(8) === 0
      ? {}
      : {
          [one(random, Object.keys(facts).slice(0, 4))]: one(random, [
            "",
            "x",
            "pigrad 9",
            "bandit",
            "-1",
          ]),
        }),
  };
  const update = random.below(2) === 0 ? 3 : one(random, [Number.NaN, -1, 0.5, 1e300]);
  return encodeState({ update, weights: { a: [1, 2] } }, changed);
}

const folder = mkdtempSync(join(tmpdir(), "pigrad-structures-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
/** Reads a config as commands do, through the disk. */
const config = {
  share: 0.05,
  prepare: (file: Uint8Array) => writeFileSync(join(folder, "config.json"), file),
  read: reading(() => readConfig(folder)),
};
const settingsOf = ({ settings, ...whole }: RunConfig, random: Random): string =>
  disturbed(whole, random, { settings: disturbed({ ...settings }, random) });
const sampleLine = (random: Random): string =>
  random.below(2) === 0
    ? disturbed(sample, random)
    : disturbed(sample, random, { tokens: `[${disturbed(token, random)}]` });

/** Patterns of signs that mean something there, searched for in texts that go back over themselves. */
function pattern(random: Random): Uint8Array {
  const signs = [
    ..."ab().*+?|[]{}^$\\,-&:=!<>#\n1",
    ...["(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?i)", "[^", "&&", "{2,3}", "{0,999}"],
    ...[
      "\\s",
      "\\w",
      "\\b",
      "\\p{L}",
      "\\P{Lu}",
      "\\p{Han}",
      "\\x{62}",
      "a+",
      "(a|a)*",
      "(a*)*",
      "[a-b]",
    ],
  ];
  const source = Array.from({ length: 1 + random.below(12) }, () => one(random, signs)).join("");
  return encodeUtf8(source);
}

/** A tokenizer.json of which one to three fields, anywhere, are odd or gone. */
function strangeTokenizer(random: Random): Uint8Array {
  const file = JSON.parse(one(random, Object.values(constructed)));
  const odds: string[] = [];
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    // biome-ignore lint/suspicious/noExplicitAny: any part of any file
    let at: any = typeof file.model === "object" && random.below(4) === 0 ? file.model : file;
    for (;;) {
      const key = one(random, Object.keys(at));
      const inner = at[key];
      const goesOn = typeof inner === "object" && inner !== null && Object.keys(inner).length > 0;
      if (goesOn && random.below(5) > 0) at = inner;
      else {
        if (random.below(4) === 0 && !Array.isArray(at)) delete at[key];
        else at[key] = `odd ${odds.push(odd(random)) - 1}`;
        break;
      }
    }
  }
  return encodeUtf8(JSON.stringify(file).replace(/"odd (\d)"/g, (_, i) => odds[Number(i)]));
}

/** Formats whose files are made anew; `leastRefused` says how many of them are broken at least. */
export const structures = (): Format[] => [
  {
    name: "zip directories",
    leastRefused: 0.5,
    share: 0.1,
    files: overlapping,
    read: (file) => total(decodeNpz(file, 2 ** 20).values()),
  },
  {
    name: "npy shapes",
    leastRefused: 0.5,
    files: npyOfShape,
    read: (file) => decodeNpy(file).data.byteLength,
  },
  {
    name: "tensor shapes",
    leastRefused: 0.5,
    files: safetensorsOfShape,
    read: (file) => total(readSafetensors(file).tensors.values()),
  },
  {
    name: "tensor names",
    leastRefused: 0.5,
    files: safetensorsOfShape,
    read: reading(decodeState),
  },
  {
    name: "nested JSON",
    leastRefused: 0.03, // most odd values are whole JSON
    share: 0.1,
    files: (random) => encodeUtf8(odd(random)),
    read: reading((file) => parseJson(text(file), "json")),
  },
  {
    name: "merges",
    leastRefused: 0.3,
    share: 0.3,
    files: merges,
    read: reading((file) => tokenizerFrom(JSON.parse(text(file))).encode("abcaaaaaaaaab")),
  },
  {
    name: "tokenizer fields",
    leastRefused: 0.3,
    share: 0.5,
    files: strangeTokenizer,
    read: reading((file) => useTokenizer(text(file))),
  },
  {
    name: "patterns",
    leastRefused: 0.3,
    share: 0.5,
    files: pattern,
    read: reading((file) =>
      regex(text(file), "pattern")("aaaaaaaaaaaaaaaaaaaaaaab Bab 1\n中".repeat(3)),
    ),
  },
  {
    name: "config fields",
    leastRefused: 0.4,
    ...config,
    files: (random) => encodeUtf8(disturbed({ ...one(random, [line, tokens]) }, random)),
  },
  {
    name: "config settings",
    leastRefused: 0.4,
    ...config,
    files: (random) => encodeUtf8(settingsOf(one(random, [line, tokens]), random)),
  },
  {
    name: "metrics lines",
    leastRefused: 0.4,
    share: 0.3,
    files: (random) => encodeUtf8(disturbed(metric, random)),
    read: reading((file) => metricFrom(text(file), "metrics")),
  },
  {
    name: "samples lines",
    leastRefused: 0.4,
    share: 0.3,
    files: (random) => encodeUtf8(sampleLine(random)),
    read: reading((file) => sampleFrom(text(file), "samples")),
  },
  {
    name: "checkpoint facts",
    leastRefused: 0.4,
    files: strangeCheckpoint,
    read: reading((file) => checkpointFrom(file, line, "checkpoint")),
  },
];
