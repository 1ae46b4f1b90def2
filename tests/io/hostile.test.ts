/** Files that say more than they hold are refused by their own errors; the honest ones beside them are read. */
import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { encodeUtf8 } from "../../src/core/utf8.ts";
import { parsePrices } from "../../src/envs/prices.ts";
import { parseJson } from "../../src/io/json.ts";
import { decodeNpy, decodeNpz } from "../../src/io/npy.ts";
import { encodeSafetensors, readSafetensors } from "../../src/io/safetensors.ts";
import { decodeState } from "../../src/io/state-file.ts";
import { unzip } from "../../src/io/zip.ts";
import { bpe, trainBpe } from "../../src/text/bpe.ts";
import { tokenizerFrom } from "../../src/text/load.ts";
import { readTokenizerJson, writeTokenizerJson } from "../../src/text/tokenizer-json.ts";
import { npy, safetensors, zipOf } from "./archives.ts";

function refused(work: () => unknown, message: RegExp): void {
  expect(work).toThrow(FormatError);
  expect(work).toThrow(message);
}

describe(".npz", () => {
  const bytes = new Uint8Array(400_000);
  const packed = deflateRawSync(bytes);
  test("500 entries of one stream are refused by name", () => {
    const file = zipOf(
      Array.from({ length: 500 }, (_, i) => ({
        name: `a${i}.npy`,
        packed,
        bytes,
        ...(i > 0 ? { at: 0 } : {}),
      })),
    );
    expect(file.length).toBeLessThan(60_000);
    refused(() => decodeNpz(file), /zip: "a\d+.npy": overlaps "a\d+.npy"/);
  });
  test("a file inside another's packed bytes is refused", () => {
    const small = encodeUtf8("inside");
    const inner = zipOf([{ name: "b", packed: deflateRawSync(small), bytes: small }]);
    const outer = { name: "a", packed: deflateRawSync(inner, { level: 0 }), bytes: inner };
    const at = Buffer.from(outer.packed).indexOf(Buffer.from(inner.subarray(0, 31)));
    const header = 31; // of "a"
    const file = zipOf([
      outer,
      { name: "b", packed: deflateRawSync(small), bytes: small, at: header + at },
    ]);
    refused(() => unzip(file, 2 ** 20), /zip: "b": overlaps "a"/);
  });
  test("files that lie apart are read, in any order of the directory", () => {
    const texts = ["one", "", "three"].map(encodeUtf8);
    const entries = texts.map((text, i) => ({
      name: `f${i}`,
      packed: deflateRawSync(text),
      bytes: text,
    }));
    for (const order of [
      [0, 1, 2],
      [2, 0, 1],
      [1, 2, 0],
    ]) {
      const files = unzip(zipOf(entries, order), 100);
      expect(texts.map((_, i) => files.get(`f${i}`))).toEqual(texts);
    }
  });
});

describe(".npy", () => {
  const header = (shape: string, fortran = "False"): string =>
    `{'descr': '<f4', 'fortran_order': ${fortran}, 'shape': (${shape}), }`;
  test("64 dimensions are read in column-major order, 65 are refused", () => {
    const ones = (n: number): string => `${"1,".repeat(n)}2,3`;
    const file = npy(header(ones(62), "True"), 24);
    const view = new DataView(file.buffer);
    for (let i = 0; i < 6; i++) view.setFloat32(file.length - 24 + 4 * i, i, true);
    expect([...decodeNpy(file).data]).toEqual([0, 2, 4, 1, 3, 5]);
    refused(() => decodeNpy(npy(header(ones(63), "True"), 24)), /at most 64 dimensions/);
    refused(() => decodeNpy(npy(header("1,".repeat(40_000)), 4)), /at most 64 dimensions/);
  });
  test.each(["4294967296, 4294967296", "9007199254740991, 2", "0, 1e9", "-1,"])(
    "a shape of (%s) is refused",
    (shape) => refused(() => decodeNpy(npy(header(shape), 4)), /^npy: /),
  );
});

describe("safetensors and states", () => {
  test("a name of 3,000 parts is no state's", () => {
    const name = Array(3000).fill("a").join("/");
    const file = encodeSafetensors([{ name, shape: [], data: Float64Array.of(1) }]);
    refused(() => decodeState(file), /state: "a\/a\/.*…" has more than 32 parts/);
  });
  test("a state of 32 parts comes back", () => {
    const file = encodeSafetensors([
      { name: Array(32).fill("a").join("/"), shape: [], data: Float64Array.of(7) },
    ]);
    let part: unknown = decodeState(file).state;
    for (let i = 0; i < 32; i++) part = (part as { a: unknown }).a;
    expect(part).toBe(7);
  });
  test("dimensions without number or bound are refused", () => {
    const file = (shape: string): Uint8Array =>
      safetensors(`{"a":{"dtype":"F32","shape":[${shape}],"data_offsets":[0,4]}}`, 4);
    refused(() => readSafetensors(file(Array(40_000).fill(1).join(","))), /at most 64 dimensions/);
    refused(
      () => readSafetensors(file("9007199254740991,9007199254740991")),
      /tensor "a": expected \S+ bytes/,
    );
    expect(readSafetensors(file("1,1")).tensors.get("a")?.shape).toEqual([1, 1]);
  });
});

test("JSON: nested brackets in any form, names of the language", () => {
  for (const text of [
    "[".repeat(20_000),
    "[".repeat(20_000) + "]".repeat(20_000),
    '{"a":'.repeat(20_000),
  ])
    refused(() => parseJson(text, "x"), /^x: more than 64 deep at character \d+$/);
  const read = parseJson('{"__proto__":{"toString":1},"constructor":2}', "x") as ReadonlyMap<
    string,
    unknown
  >;
  expect([...read]).toEqual([
    ["__proto__", new Map([["toString", 1]])],
    ["constructor", 2],
  ]);
});

describe("tokenizers", () => {
  /** Merges of which each doubles the bytes of the one before it. */
  const doubling = (n: number): [number, number][] =>
    Array.from({ length: n }, (_, i) => (i === 0 ? [97, 97] : [255 + i, 255 + i]));
  test.each([17, 28, 30, 1000])("%i merges that double are refused", (n) => {
    const saved = { kind: "bpe", merges: doubling(n), split: "none", specials: [] };
    refused(() => tokenizerFrom(saved), /token 272 has 131072 bytes, 65536 are allowed/);
  });
  test("16 of them are a tokenizer, whose longest token decodes", () => {
    const tokenizer = tokenizerFrom({
      kind: "bpe",
      merges: doubling(16),
      split: "none",
      specials: [],
    });
    expect(tokenizer.decode([271])).toBe("a".repeat(65_536));
    expect(tokenizer.encode("a".repeat(65_537))).toEqual([271, 97]);
  });
  test("a tokenizer.json has its tokens' texts, of whatever length", () => {
    const file = JSON.parse(writeTokenizerJson(bpe(doubling(16))));
    const longest = "a".repeat(65_536);
    file.model.merges.push([longest, longest]);
    file.model.vocab[longest + longest] = 272;
    const tokenizer = readTokenizerJson(JSON.stringify(file));
    expect(tokenizer.encode(`${longest}${longest}a`)).toEqual([272, 97]);
    expect(tokenizer.decode([272])).toBe(longest + longest);
  });
  test("a long word is encoded as by a loop over all merges", () => {
    const text = "abcabdabcabaabbabcab".repeat(40);
    const tokenizer = trainBpe(text, 30, { split: "none" });
    const { merges } = tokenizer.save() as { merges: readonly (readonly [number, number])[] };
    let ids = Array.from(text, (c) => c.charCodeAt(0));
    merges.forEach(([a, b], i) => {
      const next: number[] = [];
      for (let j = 0; j < ids.length; j++) {
        const pair = ids[j] === a && ids[j + 1] === b;
        next.push(pair ? 256 + i : ids[j]);
        if (pair) j++;
      }
      ids = next;
    });
    expect(tokenizer.encode(text)).toEqual(ids);
  });
});

test("prices: names times lines beyond the text are refused by what they would be", () => {
  const text = `${"a,".repeat(600_000)}a\n${"\n".repeat(60_000)}1`;
  refused(() => parsePrices(text), /characters cannot hold 60001 rows of 600000/);
  expect([...parsePrices("a,b\n1,2\n3,4").data]).toEqual([1, 2, 3, 4]);
});
