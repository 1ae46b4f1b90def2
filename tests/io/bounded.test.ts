/** The work of a loader is bounded by its file: what is small may be refused, but asks for no hours and no gigabytes. */
import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { encodeUtf8 } from "../../src/core/utf8.ts";
import { parsePrices } from "../../src/envs/prices.ts";
import { parseJson } from "../../src/io/json.ts";
import { decodeNpy, decodeNpz } from "../../src/io/npy.ts";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { decodeState } from "../../src/io/state-file.ts";
import { crc32 } from "../../src/io/zip.ts";
import { bpe, trainBpe } from "../../src/text/bpe.ts";
import { tokenizerFrom } from "../../src/text/load.ts";
import { readTokenizerJson } from "../../src/text/tokenizer-json.ts";
import { processorSeconds } from "../support/processor-time.ts";

/** Four times the size takes about four times as long, not sixteen: with room for a busy machine. */
function growsLinearly(work: (n: number) => void, n: number): void {
  work(n);
  const [small, large] = [n, 4 * n].map((size) => processorSeconds(() => work(size)));
  expect(large / Math.max(small, 1e-3)).toBeLessThan(10);
}
const refused = (work: () => unknown): void => {
  let error: unknown;
  try {
    work();
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(FormatError);
};

describe("zip", () => {
  /** An archive of one deflate stream and `n` directory entries that all point to it. */
  function sharing(n: number): Uint8Array {
    const bytes = new Uint8Array(1 << 20);
    const packed = deflateRawSync(bytes);
    const local = new Uint8Array(31);
    new DataView(local.buffer).setUint32(0, 0x04034b50, true);
    local[26] = 1;
    const entries = Array.from({ length: n }, (_, i) => {
      const entry = new Uint8Array(46 + 8);
      const view = new DataView(entry.buffer);
      view.setUint32(0, 0x02014b50, true);
      entry[10] = 8;
      view.setUint32(16, crc32(bytes), true);
      view.setUint32(20, packed.length, true);
      view.setUint32(24, bytes.length, true);
      entry[28] = 8;
      entry.set(encodeUtf8(`a${String(i).padStart(7, "0")}`), 46);
      return entry;
    });
    const end = new Uint8Array(22);
    const view = new DataView(end.buffer);
    view.setUint32(0, 0x06054b50, true);
    view.setUint16(8, n, true);
    view.setUint16(10, n, true);
    view.setUint32(12, 54 * n, true);
    view.setUint32(16, 31 + packed.length, true);
    return Uint8Array.from(Buffer.concat([local, packed, ...entries, end]));
  }
  test("entries that share one stream are refused", { tags: ["deep"] }, () => {
    for (const n of [2, 500]) refused(() => decodeNpz(sharing(n)));
  });
});

test("npy: a shape of 40,000 ones", () => {
  const shape = "1, ".repeat(40_000);
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }`;
  const file = new Uint8Array(12 + header.length + 4);
  file.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 2, 0]);
  new DataView(file.buffer).setUint32(8, header.length, true);
  file.set(encodeUtf8(header), 12);
  refused(() => decodeNpy(file));
});

describe("tokenizers", () => {
  const doubling = (n: number) =>
    Array.from(
      { length: n },
      (_, i) => (i === 0 ? [97, 97] : [255 + i, 255 + i]) as [number, number],
    );
  test("merges that double are refused, or cost no more than their number", () => {
    for (const n of [40, 60, 1000]) {
      const saved = { kind: "bpe", merges: doubling(n), split: "none", specials: [] };
      try {
        tokenizerFrom(saved).encode("a".repeat(100));
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }
    const vocab: Record<string, number> = { a: 0 };
    const merges: string[] = [];
    for (let i = 0; i < 18; i++) {
      merges.push(`${"a".repeat(2 ** i)} ${"a".repeat(2 ** i)}`);
      vocab["a".repeat(2 ** (i + 1))] = i + 1;
    }
    const read = readTokenizerJson(JSON.stringify({ model: { type: "BPE", vocab, merges } }));
    expect(read.encode("a".repeat(2 ** 18 + 1))).toEqual([18, 0]); // its tokens' texts are the file's
  });
  test("a word of 20,000 letters is encoded in time near its length", () => {
    const trained = trainBpe("abababcababdabcabcd ".repeat(50), 40, { split: "none" });
    growsLinearly((n) => void trained.encode("abcabdababc".repeat(n / 11)), 20_000);
    const plain = bpe(
      [
        [97, 97],
        [256, 256],
        [257, 257],
      ],
      { split: "none" },
    );
    growsLinearly((n) => void plain.encode("a".repeat(n)), 20_000);
    expect(plain.encode("a".repeat(13))).toEqual([258, 257, 97]);
  });
});

test("prices: many names and no lines ask for no memory", () => {
  const names = Array.from({ length: 200_000 }, (_, i) => `n${i}`).join(",");
  expect(() => parsePrices(`${names}\n${"\n".repeat(180_000)}`)).toThrow();
  expect(() => parsePrices(`${names}\n1\n`)).toThrow();
});

describe("JSON and states", () => {
  test("nesting, long texts and many keys", { tags: ["deep"] }, () => {
    refused(() => parseJson("[".repeat(20_000), "x"));
    growsLinearly((n) => void parseJson(`[${"1,".repeat(n)}1]`, "x"), 50_000);
    growsLinearly((n) => {
      const keys = Array.from({ length: n }, (_, i) => `"k${i}":1`);
      parseJson(`{${keys.join(",")}}`, "x");
    }, 20_000);
    growsLinearly((n) => void parseJson(JSON.stringify("\\".repeat(n)), "x"), 100_000);
  });
  test("a safetensors name of thousands of parts", () => {
    const name = "a.".repeat(3000);
    const header = JSON.stringify({ [name]: { dtype: "F32", shape: [], data_offsets: [0, 4] } });
    const file = new Uint8Array(8 + header.length + 4);
    new DataView(file.buffer).setUint32(0, header.length, true);
    file.set(encodeUtf8(header), 8);
    expect([...readSafetensors(file).tensors.keys()]).toEqual([name]);
    try {
      decodeState(file);
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
    }
  });
});
