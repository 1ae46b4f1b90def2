/** Numbers in files, written here by their descriptions: kinds of elements, .npy and .npz. */
import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { countOf, type ElementKind, kinds } from "../../src/io/elements.ts";
import { decodeNpy, decodeNpz } from "../../src/io/npy.ts";
import { zipOf } from "./archives.ts";

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

describe("elements", () => {
  /** IEEE 754's definition: sign, exponent, fraction. */
  const defined = (bits: number, exponentBits: number, fractionBits: number): number => {
    const sign = bits >= 2 ** (exponentBits + fractionBits) ? -1 : 1;
    const exponent = Math.floor(bits / 2 ** fractionBits) % 2 ** exponentBits;
    const fraction = (bits % 2 ** fractionBits) / 2 ** fractionBits;
    const bias = 2 ** (exponentBits - 1) - 1;
    if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : Number.NaN;
    if (exponent === 0) return sign * fraction * 2 ** (1 - bias);
    return sign * (1 + fraction) * 2 ** (exponent - bias);
  };
  test.each([
    ["float16", 5, 10],
    ["bfloat16", 8, 7],
  ] as const)("all 65,536 of %s, in both orders of bytes", (name, exponent, fraction) => {
    for (const little of [true, false]) {
      const view = new DataView(new ArrayBuffer(2 * 65536 + 3));
      for (let bits = 0; bits < 65536; bits++) view.setUint16(3 + 2 * bits, bits, little);
      const read = kinds[name].read(view, 3, 65536, little);
      const want = Float32Array.from({ length: 65536 }, (_, bits) =>
        defined(bits, exponent, fraction),
      );
      expect(read).toEqual(want);
      expect(Object.is(read[32768], -0)).toBe(true);
    }
  });
  test("integers and floats of each width, in both orders of bytes", () => {
    const view = new DataView(new ArrayBuffer(17));
    for (let i = 0; i < 17; i++) view.setUint8(i, 240 + i);
    const want: Record<string, unknown[]> = {
      int8: [
        [-15, -14],
        [-15, -14],
      ],
      uint8: [
        [241, 242],
        [241, 242],
      ],
      bool: [
        [1, 1],
        [1, 1],
      ],
      int16: [
        [view.getInt16(1, true), view.getInt16(3, true)],
        [view.getInt16(1), view.getInt16(3)],
      ],
      uint16: [
        [view.getUint16(1, true), view.getUint16(3, true)],
        [view.getUint16(1), view.getUint16(3)],
      ],
      int32: [
        [view.getInt32(1, true), view.getInt32(5, true)],
        [view.getInt32(1), view.getInt32(5)],
      ],
      uint32: [
        [view.getUint32(1, true), view.getUint32(5, true)],
        [view.getUint32(1), view.getUint32(5)],
      ],
      int64: [
        [view.getBigInt64(1, true), view.getBigInt64(9, true)],
        [view.getBigInt64(1), view.getBigInt64(9)],
      ],
      uint64: [
        [view.getBigUint64(1, true), view.getBigUint64(9, true)],
        [view.getBigUint64(1), view.getBigUint64(9)],
      ],
      float32: [
        [view.getFloat32(1, true), view.getFloat32(5, true)],
        [view.getFloat32(1), view.getFloat32(5)],
      ],
      float64: [
        [view.getFloat64(1, true), view.getFloat64(9, true)],
        [view.getFloat64(1), view.getFloat64(9)],
      ],
    };
    for (const [name, [little, big]] of Object.entries(want)) {
      const kind: ElementKind = kinds[name as keyof typeof kinds];
      expect([...kind.read(view, 1, 2, true)], name).toEqual(little);
      expect([...kind.read(view, 1, 2, false)], name).toEqual(big);
    }
    expect([...kinds.bool.read(new DataView(Uint8Array.of(0, 1, 7).buffer), 0, 3, true)]).toEqual([
      0, 1, 1,
    ]);
  });
  test("a shape's elements; too many to count are Infinity, unless one axis is empty", () => {
    expect(countOf([])).toBe(1);
    expect(countOf([2, 3, 4])).toBe(24);
    expect(countOf([2 ** 53 - 1])).toBe(2 ** 53 - 1);
    expect(countOf([2 ** 27, 2 ** 26])).toBe(Infinity);
    expect(countOf([2 ** 40, 0, 2 ** 40])).toBe(0);
  });
});

describe(".npy", () => {
  /** A file by its description; `header` in place of one that says what the data is. */
  const npy = (header: string, data: Uint8Array | number = 0, version = 1): Uint8Array => {
    const head = Buffer.from(header, version === 3 ? "utf8" : "latin1");
    const lengths = Buffer.alloc(version === 1 ? 2 : 4);
    if (version === 1) lengths.writeUInt16LE(head.length);
    else lengths.writeUInt32LE(head.length);
    const body = typeof data === "number" ? Buffer.alloc(data) : data;
    return Buffer.concat([bytesOf("\x93NUMPY"), Uint8Array.of(version, 0), lengths, head, body]);
  };
  const header = (descr: string, shape: string, fortran = "False"): string =>
    `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }   \n`;
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6);

  test("versions 1, 2 and 3, with bytes behind the data", () => {
    for (const version of [1, 2, 3]) {
      const { dtype, shape, data } = decodeNpy(npy(header("|u1", "(2, 3)"), bytes, version));
      expect([dtype, shape, [...data]]).toEqual(["|u1", [2, 3], [1, 2, 3, 4, 5, 6]]);
    }
    for (const version of [0, 4, 255])
      expect(() => decodeNpy(npy(header("|u1", "(6,)"), bytes, version))).toThrow(
        `expected version 1, 2 or 3, got ${version}`,
      );
    expect([...decodeNpy(npy(header("|u1", "(4,)"), bytes)).data]).toEqual([1, 2, 3, 4]);
  });
  test("both orders of bytes and of axes", () => {
    expect([...decodeNpy(npy(header(">u2", "(3,)"), bytes)).data]).toEqual([258, 772, 1286]);
    expect([...decodeNpy(npy(header("<u2", "(3,)"), bytes)).data]).toEqual([513, 1027, 1541]);
    expect([...decodeNpy(npy(header("=u2", "(3,)"), bytes)).data]).toEqual([513, 1027, 1541]);
    // column-major: [[1, 3, 5], [2, 4, 6]]
    expect([...decodeNpy(npy(header("|u1", "(2, 3)", "True"), bytes)).data]).toEqual([
      1, 3, 5, 2, 4, 6,
    ]);
    expect([...decodeNpy(npy(header("|u1", "(1, 3, 1, 2)", "True"), bytes)).data]).toEqual([
      1, 4, 2, 5, 3, 6,
    ]);
    const cube = Uint8Array.from({ length: 24 }, (_, i) => i);
    const want = Array.from({ length: 24 }, (_, at) => {
      const [i, j, k] = [Math.floor(at / 12), Math.floor(at / 4) % 3, at % 4];
      return i + 2 * j + 6 * k;
    });
    expect([...decodeNpy(npy(header("|u1", "(2, 3, 4)", "True"), cube)).data]).toEqual(want);
  });
  test("a header's keys in any order, in either quotes, closed or not by a comma", () => {
    for (const text of [
      `{"shape": (6,), "descr": "|u1", "fortran_order": False}`,
      `{'fortran_order':False,'shape':(6 , ),'descr':'|u1',}`,
      `{'fortran_order':False,'shape':(2 ,3 , ),'descr':'|u1',} \t\r\n`,
    ])
      expect(decodeNpy(npy(text, bytes)).data).toHaveLength(6);
    expect(decodeNpy(npy(header("|u1", "()"), bytes)).shape).toEqual([]);
    expect(decodeNpy(npy(header("|u1", "(0, 9)"), 0)).data).toHaveLength(0);
  });
  test.each([
    [
      `{'descr': '|u1', 'fortran_order': False}`,
      /expected the keys descr, fortran_order and shape/,
    ],
    [`{'descr': '|u1', 'fortran_order': False, 'shapes': 6}`, /expected the keys/],
    [`{'descr': '|u1', 'descr': '|u1', 'shape': (6,)}`, /each once/],
    [`{'a': 1, 'b': 1, 'c': 1, 'd': 1}`, /three keys/],
    [`{'descr': True, 'fortran_order': False, 'shape': (6,)}`, /descr as a string/],
    [`{'descr': 5, 'fortran_order': False, 'shape': (6,)}`, /descr as a string/],
    [`{'descr': '|u1', 'fortran_order': 'x', 'shape': (6,)}`, /fortran_order True or False/],
    [`{'descr': '|u1', 'fortran_order': 0, 'shape': (6,)}`, /fortran_order True or False/],
    [header("|u1", "(6)"), /expected a tuple/],
    [header("|u1", "(2, 3"), /expected/],
    [header("|u1", "(2 3)"), /expected a tuple/],
    [header("|u1", "('2',)"), /expected whole numbers in shape/],
    [header("|u1", "(99999999999999999999,)"), /expected whole numbers in shape/],
    [header("|u1", "6"), /expected \(/],
    [header("|x1", "(6,)"), /expected a dtype of/],
    [header("u1", "(6,)"), /expected a dtype of/],
    [header("!u1", "(6,)"), /expected a dtype of/],
    [`${header("|u1", "(6,)")}x`, /cannot be read|nothing after/],
    [`${header("|u1", "(6,)")}{`, /nothing after/],
    [`{'descr': '|u1' 'fortran_order': False}`, /expected , or \}/],
    [`['descr']`, /cannot be read/],
    [`'descr'`, /expected \{/],
  ])("is refused: %s", (text, message) => {
    expect(() => decodeNpy(npy(text, bytes))).toThrow(FormatError);
    expect(() => decodeNpy(npy(text, bytes))).toThrow(message);
  });
  test("sizes on both sides of what is there", () => {
    const file = npy(header("<f4", "(2,)"), 8);
    expect(decodeNpy(file).data).toHaveLength(2);
    expect(() => decodeNpy(file.subarray(0, -1))).toThrow(
      "expected 8 bytes of data for [2], got 7",
    );
    expect(() => decodeNpy(npy(header("<f4", "(2,)"), 0))).toThrow("got 0");
    const cut = npy(header("<f4", "(2,)")).subarray(0, 20);
    expect(() => decodeNpy(cut)).toThrow(/header of \d+ bytes in a file of 20/);
    for (const length of [0, 5, 9])
      expect(() => decodeNpy(cut.subarray(0, length))).toThrow(/x93NUMPY/);
    const second = npy(header("<f4", "(0,)"), 0, 2);
    expect(() => decodeNpy(second.subarray(0, 11))).toThrow(FormatError);
    expect(() => decodeNpy(Uint8Array.from(second, (b, i) => (i === 5 ? b + 1 : b)))).toThrow(
      /x93NUMPY/,
    );
  });
  test("an archive of them, by name", () => {
    const file = npy(header("|u1", "(6,)"), bytes);
    const entry = (name: string) => ({ name, packed: deflateRawSync(file), bytes: file });
    const arrays = decodeNpz(zipOf([entry("a.npy"), entry("b/c.npy")]));
    expect([...arrays].map(([name, { data }]) => [name, [...data]])).toEqual([
      ["a", [1, 2, 3, 4, 5, 6]],
      ["b/c", [1, 2, 3, 4, 5, 6]],
    ]);
    expect(() => decodeNpz(zipOf([entry("a.txt")]))).toThrow("expected .npy files in it");
    expect(() => decodeNpz(zipOf([entry("a.npy")]), file.length - 1)).toThrow(/are allowed/);
    expect(decodeNpz(zipOf([entry("a.npy")]), file.length).size).toBe(1);
  });
});
