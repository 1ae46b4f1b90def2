import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { parseJson } from "../../src/io/json.ts";
import { decodeSafetensors, encodeSafetensors, readSafetensors } from "../../src/io/safetensors.ts";

describe("safetensors", () => {
  const file = (header: unknown, data = 0): Uint8Array => {
    const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    return Buffer.concat([length, json, Buffer.alloc(data)]);
  };
  const tensor = (dtype: string, shape: number[], from: number, to: number) => ({
    dtype,
    shape,
    data_offsets: [from, to],
  });
  test("a file begins with its header's length, a multiple of 8, and is sorted by name", () => {
    const tensors = [
      { name: "b", shape: [2], data: Float32Array.of(1, 2) },
      { name: "a", shape: [1], data: Float64Array.of(3) },
    ];
    const bytes = encodeSafetensors(tensors, { k: "v" });
    const view = new DataView(bytes.buffer);
    const length = Number(view.getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const text = Buffer.from(bytes.subarray(8, 8 + length)).toString();
    expect(length - text.trimEnd().length).toBeLessThan(8);
    expect(Object.keys(JSON.parse(text))).toEqual(["__metadata__", "a", "b"]);
    expect([
      view.getFloat64(8 + length, true),
      view.getFloat32(16 + length, true),
      view.getFloat32(20 + length, true),
    ]).toEqual([3, 1, 2]);
    expect(bytes.length).toBe(8 + length + 16);
    expect(encodeSafetensors([...tensors].reverse(), { k: "v" })).toEqual(bytes);
    for (const n of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const one = encodeSafetensors([
        { name: "x".repeat(n + 1), shape: [], data: Float32Array.of(n) },
      ]);
      expect(decodeSafetensors(one).tensors.get("x".repeat(n + 1))?.data).toEqual(
        Float32Array.of(n),
      );
      expect(one.length % 8).toBe(4);
    }
  });
  test("tensors lie end to end, in any order of the header", () => {
    const two = { b: tensor("U8", [2], 3, 5), a: tensor("I8", [3], 0, 3) };
    expect([...readSafetensors(file(two, 5)).tensors.keys()]).toEqual(["b", "a"]);
    const empty = { a: tensor("F32", [0], 0, 0), b: tensor("U8", [1], 0, 1) };
    expect(readSafetensors(file(empty, 1)).tensors.size).toBe(2);
    for (const [header, size, message] of [
      [{ a: tensor("U8", [2], 1, 3) }, 3, `tensor "a": begins at 1, expected 0`],
      [
        { a: tensor("U8", [3], 0, 3), b: tensor("U8", [2], 2, 4) },
        4,
        `tensor "b": begins at 2, expected 3`,
      ],
      [{ a: tensor("U8", [2], 0, 2) }, 3, "tensors end at 2, data at 3"],
      [{}, 1, "tensors end at 0, data at 1"],
      [
        { a: tensor("U8", [2], 0, 2) },
        1,
        `tensor "a": expected 2 bytes for U8 [2], got 0 to 2 of 1`,
      ],
      [{ a: tensor("F32", [2], 0, 7) }, 7, `expected 8 bytes for F32 [2], got 0 to 7 of 7`],
      [{ a: { ...tensor("U8", [1], 0, 1), data_offsets: [0, 1, 1] } }, 1, "two data_offsets"],
      [
        { a: { ...tensor("U8", [1], 0, 1), shape: "1" } },
        1,
        "expected shape as a list of whole numbers",
      ],
      [
        { a: { ...tensor("U8", [1], 0, 1), data_offsets: null } },
        1,
        "expected data_offsets as a list of whole numbers",
      ],
      [{ a: tensor("C64", [1], 0, 1) }, 1, "expected a dtype of F64"],
      [{ a: tensor("toString", [1], 0, 1) }, 1, "expected a dtype of F64"],
      [{ a: { ...tensor("U8", [1], 0, 1), dtype: 5 } }, 1, "expected a dtype of F64"],
      [{ a: [1] }, 1, `tensor "a": expected an object`],
      [{ __metadata__: { a: 5 } }, 0, "expected __metadata__ as an object of strings"],
      [{ __metadata__: ["a"] }, 0, "expected __metadata__ as an object of strings"],
      [" {}", 0, "expected a header that begins with {"],
    ] as const) {
      expect(() => readSafetensors(file(header, size))).toThrow(FormatError);
      expect(() => readSafetensors(file(header, size))).toThrow(message);
    }
    expect(() => readSafetensors(new Uint8Array(7))).toThrow(
      "expected 8 bytes of header length, got 7",
    );
    expect(() => readSafetensors(file("{}").subarray(0, 9))).toThrow(
      "header of 2 bytes in a file of 9",
    );
    const far = new Uint8Array(16);
    far[4] = 1; // 2³² bytes
    expect(() => readSafetensors(far)).toThrow("header of 4294967296 bytes in a file of 16");
    expect([...readSafetensors(file({ __metadata__: { a: "b" } })).metadata]).toEqual([["a", "b"]]);
  });
});

describe("JSON", () => {
  const plain = (text: string, options = {}): unknown => {
    const read = (json: unknown): unknown =>
      json instanceof Map
        ? Object.fromEntries([...json].map(([k, v]) => [k, read(v)]))
        : Array.isArray(json)
          ? json.map(read)
          : json;
    return read(parseJson(text, "x", options));
  };
  test.each([
    "null",
    " true ",
    "false",
    "0",
    "-0.5e+3",
    "[]",
    "[1, [2], {}]",
    '{"a": {"b": [null]}, "c": ""}',
    '"\\u0041\\n\\"\\\\"',
    "\t[\r\n1]\n",
    '"😀"',
    '"\\ud83d\\ude00"',
    "1E5",
    "12.25",
    "1e10",
    "-1.5E-12",
  ])("%s", (text) => {
    expect(plain(text)).toEqual(JSON.parse(text));
  });
  test.each([
    "",
    " ",
    "nul",
    "tru",
    "01",
    "1.",
    ".5",
    "+1",
    "1e",
    "[1,]",
    "[1 2]",
    "[",
    "]",
    "{",
    '{"a"}',
    '{"a":1,}',
    '{"a" 1}',
    "{a:1}",
    "{1:1}",
    '"',
    '"a',
    '"\\x"',
    '"\n"',
    '"\\ud800"',
    '"\ud800x"',
    '"\\udc00"',
    "1 2",
    "[1]x",
    '{"a":1 "b":2}',
    "'a'",
    "NaN",
    "undefined",
    '{"a":1,"\\u0061":2}',
    '"\\"',
  ])("refuses %j", (text) => {
    expect(() => parseJson(text, "where")).toThrow(FormatError);
    expect(() => parseJson(text, "where")).toThrow(/^where: .* at character \d+$/);
  });
  test("says where", () => {
    const message = (text: string, options = {}): string => {
      try {
        parseJson(text, "f", options);
      } catch (error) {
        return (error as Error).message;
      }
      return "none";
    };
    expect(message("[1,\n x]")).toBe("f: expected a value at character 5");
    expect(message('{"ab":1,"ab":2}')).toBe('f: key "ab" a second time at character 8');
    expect(message("[1] 2")).toBe("f: expected nothing more at character 4");
    expect(message("[1.5]", { whole: true })).toBe(
      "f: expected a whole number, got 1.5 at character 1",
    );
    for (const text of ["[-1]", "[1e2]", "[1.0]"])
      expect(message(text, { whole: true })).toMatch(/expected a whole number/);
    expect(plain("[0, 12]", { whole: true })).toEqual([0, 12]);
    expect(message("[[[1]]]", { deepest: 2 })).toBe("f: more than 2 deep at character 3");
    expect(plain("[[1]]", { deepest: 2 })).toEqual([[1]]);
    expect(message('{"a":{"b":{"c":1}}}', { deepest: 2 })).toMatch(/more than 2 deep/);
    expect(message(`${"[".repeat(66)}${"]".repeat(66)}`)).toMatch(/more than 64 deep/);
    expect(message(`${"[".repeat(65)}${"]".repeat(65)}`)).toBe("none");
  });
});
