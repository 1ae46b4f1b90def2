/** Inflate against zlib, zip and JSON by hand; `npm run test:fuzz` reads broken files of every format. */
import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { inflate } from "../../src/io/inflate.ts";
import { parseJson } from "../../src/io/json.ts";
import { crc32, unzip } from "../../src/io/zip.ts";

test("inflate: what zlib deflates, at every level, comes back", () => {
  const random = new Random(1);
  for (let i = 0; i < 100; i++) {
    const spread = 1 + random.below(256);
    const bytes = Uint8Array.from({ length: random.below(5000) }, () => random.below(spread));
    const packed = deflateRawSync(bytes, { level: random.below(10), strategy: random.below(5) });
    expect(inflate(packed, bytes.length)).toEqual(bytes);
    expect(() => inflate(packed, bytes.length + 1)).toThrow(FormatError);
    if (bytes.length > 0) expect(() => inflate(packed, bytes.length - 1)).toThrow(FormatError);
  }
});

describe("zip", () => {
  /** An archive of one file; fields of its directory entry may be set. */
  function zip(packed: Uint8Array, size: number, changes: Record<number, number> = {}): Uint8Array {
    const local = new Uint8Array(30 + 1);
    const entry = new Uint8Array(46 + 1);
    const end = new Uint8Array(22);
    const put = (to: Uint8Array, at: number, n: number) =>
      new DataView(to.buffer).setUint32(at, n, true);
    put(local, 0, 0x04034b50);
    local[26] = 1;
    put(entry, 0, 0x02014b50);
    entry[10] = 8;
    put(entry, 20, packed.length);
    put(entry, 24, size);
    entry[28] = 1;
    local[30] = entry[46] = 0x61;
    for (const [at, n] of Object.entries(changes)) put(entry, Number(at), n);
    put(end, 0, 0x06054b50);
    end[8] = end[10] = 1;
    put(end, 12, entry.length);
    put(end, 16, local.length + packed.length);
    return Uint8Array.from([...local, ...packed, ...entry, ...end]);
  }
  const bytes = new Uint8Array(100_000);
  const packed = deflateRawSync(bytes);

  test("unpacks, with the checksum checked", () => {
    expect(unzip(zip(packed, bytes.length, { 16: crc32(bytes) }), 2 ** 20).get("a")).toEqual(bytes);
    expect(() => unzip(zip(packed, bytes.length, { 16: 1 }), 2 ** 20)).toThrow(/checksum/);
  });
  test("a bomb is refused by what it announces, or by what it is", () => {
    expect(() => unzip(zip(packed, 2 ** 31), 2 ** 20)).toThrow(
      "unpacks to 2147483648 bytes, 1048576 are allowed",
    );
    expect(() => unzip(zip(packed, 2 ** 31), 2 ** 32)).toThrow(
      /cannot unpack to 2147483648 bytes from/,
    );
    expect(() => unzip(zip(packed, 10), 2 ** 20)).toThrow(/more than the 10 bytes announced/);
  });
  test("encryption and other methods are named", () => {
    expect(() => unzip(zip(packed, 10, { 8: 0x80001 }), 2 ** 20)).toThrow(/encrypted/);
    expect(() => unzip(zip(packed, 10, { 10: 9 }), 2 ** 20)).toThrow(/method 9, expected 0 or 8/);
  });
});

test("JSON: what the built-in reads, but for double keys, and the place of what is wrong", () => {
  expect(parseJson('{"a":[1,"\\n",true,null,{}]}', "x")).toEqual(
    new Map([["a", [1, "\n", true, null, new Map()]]]),
  );
  expect(() => parseJson('{"a":1,"\\u0061":2}', "x")).toThrow(
    'x: key "a" a second time at character 7',
  );
  expect(() => parseJson("[1,]", "x")).toThrow("x: expected a value at character 3");
  expect(() => parseJson(`${"[".repeat(1e6)}`, "x")).toThrow(
    "x: more than 64 deep at character 65",
  );
  expect(() => parseJson(`"${"a".repeat(1e6)}`, "x")).toThrow("expected a value at character 0");
  expect(() => parseJson('"\\ud800"', "x")).toThrow("half a surrogate pair");
  expect(() => parseJson("1.5", "x", { whole: true })).toThrow("expected a whole number, got 1.5");
});
