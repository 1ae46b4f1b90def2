/** Zip archives and deflate streams, written here bit by bit after their descriptions. */
import { deflateRawSync, constants as zlib } from "node:zlib";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { inflate } from "../../src/io/inflate.ts";
import { crc32, unzip } from "../../src/io/zip.ts";
import { zipOf } from "./archives.ts";

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

describe("zip", () => {
  const plain = bytesOf("hello hello hello hello");
  /** An archive of one stored file, with a comment, changed at some bytes. */
  const stored = (
    change: (view: DataView, at: { local: number; entry: number; end: number }) => void = () => {},
    comment = "",
  ) => {
    const file = new Uint8Array(30 + 1 + plain.length + 46 + 1 + 22 + comment.length);
    const view = new DataView(file.buffer);
    const [local, entry] = [0, 31 + plain.length];
    const end = entry + 47;
    view.setUint32(local, 0x04034b50, true);
    view.setUint16(local + 26, 1, true);
    file.set(bytesOf("x"), 30);
    file.set(plain, 31);
    view.setUint32(entry, 0x02014b50, true);
    view.setUint32(entry + 16, crc32(plain), true);
    view.setUint32(entry + 20, plain.length, true);
    view.setUint32(entry + 24, plain.length, true);
    view.setUint16(entry + 28, 1, true);
    file.set(bytesOf("x"), entry + 46);
    view.setUint32(end, 0x06054b50, true);
    view.setUint16(end + 10, 1, true);
    view.setUint32(end + 12, 47, true);
    view.setUint32(end + 16, entry, true);
    view.setUint16(end + 20, comment.length, true);
    file.set(bytesOf(comment), end + 22);
    change(view, { local, entry, end });
    return file;
  };
  test("the checksum is the one of the standard: of 123456789 cbf43926", () => {
    expect(crc32(bytesOf("123456789"))).toBe(0xcbf43926);
    expect(crc32(new Uint8Array(0))).toBe(0);
  });
  test("a stored file, with and without a comment behind", () => {
    for (const comment of ["", "a comment", `PK\x05\x06${"x".repeat(40)}`, "y".repeat(65_535)]) {
      const files = unzip(stored(undefined, comment), 100);
      expect([...files].map(([name, bytes]) => [name, [...bytes]])).toEqual([["x", [...plain]]]);
    }
    expect(() => unzip(stored().subarray(0, -1), 100)).toThrow("no end of the directory");
    expect(() => unzip(Uint8Array.from([...stored(), 0]), 100)).toThrow("no end of the directory");
    expect(unzip(stored(), plain.length).size).toBe(1);
  });
  test.each([
    [
      "encrypted",
      /is encrypted/,
      (v: DataView, at: { entry: number }) => v.setUint16(at.entry + 8, 1, true),
    ],
    [
      "another method",
      /method 9, expected 0 or 8/,
      (v: DataView, at: { entry: number }) => v.setUint16(at.entry + 10, 9, true),
    ],
    [
      "another checksum",
      /checksum is wrong/,
      (v: DataView, at: { entry: number }) => v.setUint32(at.entry + 16, 1, true),
    ],
    [
      "stored, but shorter",
      /is stored, but/,
      (v: DataView, at: { entry: number }) => v.setUint32(at.entry + 20, 22, true),
    ],
    [
      "packed beyond the end",
      /is cut short/,
      (v: DataView, at: { entry: number }) => {
        v.setUint32(at.entry + 20, 200, true);
        v.setUint32(at.entry + 24, 200, true);
      },
    ],
    [
      "no local header",
      /no local header/,
      (v: DataView, at: { entry: number }) => v.setUint32(at.entry + 42, 1, true),
    ],
    [
      "a local header beyond the end",
      /no local header/,
      (v: DataView, at: { entry: number }) => v.setUint32(at.entry + 42, 1e6, true),
    ],
    [
      "no directory entry",
      /no directory entry at byte 54/,
      (v: DataView, at: { entry: number }) => v.setUint32(at.entry, 0, true),
    ],
    [
      "a name too long",
      /is cut short/,
      (v: DataView, at: { entry: number }) => v.setUint16(at.entry + 28, 500, true),
    ],
    [
      "an entry more",
      /no directory entry/,
      (v: DataView, at: { end: number }) => v.setUint16(at.end + 10, 2, true),
    ],
    [
      "an entry less",
      /more than its entries/,
      (v: DataView, at: { end: number }) => v.setUint16(at.end + 10, 0, true),
    ],
    [
      "a directory elsewhere",
      /not where it says/,
      (v: DataView, at: { end: number }) => v.setUint32(at.end + 16, 53, true),
    ],
  ] as const)("%s", (_, message, change) => {
    expect(() => unzip(stored(change as never), 1000)).toThrow(message);
    expect(() => unzip(stored(change as never), 1000)).toThrow(FormatError);
  });
  test("an entry with more fields and a note, and one without a name", () => {
    const plainEntry = stored();
    const end = plainEntry.length - 22;
    const file = new Uint8Array(plainEntry.length + 5);
    file.set(plainEntry.subarray(0, end));
    file.set(plainEntry.subarray(end), end + 5);
    const view = new DataView(file.buffer);
    view.setUint16(end - 47 + 30, 2, true); // of the extra field
    view.setUint16(end - 47 + 32, 3, true); // of the note
    view.setUint32(end + 5 + 12, 52, true);
    expect([...unzip(file, 100).keys()]).toEqual(["x"]);
    const nameless = zipOf([{ name: "", packed: Uint8Array.of(3, 0), bytes: new Uint8Array(0) }]);
    expect([...unzip(nameless, 100).keys()]).toEqual([""]);
  });
  test("more than is allowed, or than deflate can make", () => {
    expect(() => unzip(stored(), plain.length - 1)).toThrow(
      `unpacks to ${plain.length} bytes, ${plain.length - 1} are allowed`,
    );
    const zeros = new Uint8Array(100_000);
    const packed = deflateRawSync(zeros);
    const two = ["a", "b"].map((name) => ({ name, packed, bytes: zeros }));
    expect(unzip(zipOf(two), 200_000).size).toBe(2);
    expect(() => unzip(zipOf(two), 199_999)).toThrow(
      /"b".*unpacks to 100000 bytes, 99999 are allowed/,
    );
    expect(() => unzip(zipOf([two[0], two[0]]), 1e6)).toThrow(/"a" a second time/);
    const tiny = Uint8Array.of(3, 0); // an empty block
    const bomb = [{ name: "a", packed: tiny, bytes: new Uint8Array(2 * 1032 + 1) }];
    expect(() => unzip(zipOf(bomb), 1e6)).toThrow("cannot unpack to 2065 bytes from 2");
  });
});

describe("inflate", () => {
  /** Bits of a stream, least significant first; Huffman codes are written from their first bit. */
  const stream = (bits: string): Uint8Array => {
    const plain = bits.replaceAll(" ", "");
    return Uint8Array.from({ length: Math.ceil(plain.length / 8) }, (_, i) =>
      [...plain.slice(8 * i, 8 * i + 8)].reduce((byte, bit, j) => byte | (Number(bit) << j), 0),
    );
  };
  const reversed = (n: number, width: number): string =>
    [...n.toString(2).padStart(width, "0")].reverse().join("");
  /** The fixed code of RFC 1951 §3.2.6. */
  const fixed = (s: number): string => {
    if (s < 144) return (48 + s).toString(2).padStart(8, "0");
    if (s < 256) return (400 + s - 144).toString(2);
    if (s < 280) return (s - 256).toString(2).padStart(7, "0");
    return (192 + s - 280).toString(2);
  };
  test("every literal, length and distance of the fixed code", () => {
    const literals = Array.from({ length: 256 }, (_, s) => fixed(s)).join("");
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(inflate(stream(`1 10 ${literals}${fixed(256)}`), 256)).toEqual(all);
    // lengths 3 to 258 from a distance of 1, after one literal
    let [length, symbol] = [3, 257];
    for (const extra of [
      0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5,
    ]) {
      for (const add of [0, 2 ** extra - 1]) {
        if (symbol === 284 && add === 31) continue; // 258 has a symbol of its own
        const bits = `1 10 ${fixed(65)}${fixed(symbol)}${extra === 0 ? "" : reversed(add, extra)}00000${fixed(256)}`;
        expect(inflate(stream(bits), 1 + length + add)).toEqual(
          new Uint8Array(1 + length + add).fill(65),
        );
      }
      length += 2 ** extra;
      symbol++;
    }
    expect(inflate(stream(`1 10 ${fixed(65)}${fixed(285)}00000${fixed(256)}`), 259)).toEqual(
      new Uint8Array(259).fill(65),
    );
    for (const s of [286, 287])
      expect(() => inflate(stream(`1 10 ${fixed(65)}${fixed(s)}00000${fixed(256)}`), 300)).toThrow(
        `length symbol ${s}`,
      );
    for (const d of [30, 31])
      expect(() =>
        inflate(stream(`1 10 ${fixed(65)}${fixed(257)}${d.toString(2)}${fixed(256)}`), 300),
      ).toThrow(FormatError);
  });
  test("every distance, in what zlib makes of texts that repeat after it", () => {
    for (let d = 1; d <= 32_768; d = Math.ceil(d * 1.3)) {
      const text = Uint8Array.from({ length: d + 60 }, (_, i) =>
        i < d ? (i * i * 7 + (i >> 3) * 31) & 255 : 0,
      );
      for (let i = d; i < text.length; i++) text[i] = text[i - d];
      expect(inflate(deflateRawSync(text, { level: 9 }), text.length)).toEqual(text);
      expect(inflate(deflateRawSync(text, { strategy: zlib.Z_FIXED }), text.length)).toEqual(text);
    }
  });
  test("blocks one after another, stored ones among them", () => {
    const a = bytesOf("abc");
    const storedBlock = [0, 3, 0, 252, 255, ...a];
    const file = Uint8Array.from([...storedBlock, ...storedBlock, ...deflateRawSync(a)]);
    expect(inflate(file, 9)).toEqual(bytesOf("abcabcabc"));
    for (let n = 0; n < file.length; n++)
      expect(() => inflate(file.subarray(0, n), 9)).toThrow(FormatError);
    expect(() => inflate(file, 8)).toThrow("more than the 8 bytes announced");
    expect(() => inflate(file, 10)).toThrow("expected 10 bytes, got 9");
    expect(() => inflate(Uint8Array.of(1, 3, 0, 252, 254, 1, 2, 3), 3)).toThrow("bad length");
    expect(() => inflate(Uint8Array.of(7), 3)).toThrow("block of type 3");
    expect(() => inflate(stream(`1 10 ${fixed(257)}00000${fixed(256)}`), 3)).toThrow(
      "a distance before the start",
    );
  });
  /** A block of a code of its own: code lengths of symbols by runs, then data. */
  const dynamic = (literals: number[], distances: number[], data: string): Uint8Array => {
    // code lengths 0 to 15 as 4-bit codes: 16 symbols of length 4
    const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    const used = order.map((s) => reversed(s < 16 ? 4 : 0, 3)).join("");
    const lengths = [...literals, ...distances].map((n) => n.toString(2).padStart(4, "0")).join("");
    const counts =
      reversed(literals.length - 257, 5) + reversed(distances.length - 1, 5) + reversed(15, 4);
    return stream(`1 01 ${counts}${used}${lengths}${data}`);
  };
  const lengthsOf = (size: number, some: Record<number, number>): number[] =>
    Array.from({ length: size }, (_, s) => some[s] ?? 0);
  test("codes of a block's own: complete ones, or of one symbol", () => {
    const two = lengthsOf(257, { 65: 1, 256: 1 });
    expect(inflate(dynamic(two, [0], "0 0 1"), 2)).toEqual(bytesOf("AA"));
    const withCopy = lengthsOf(258, { 65: 1, 256: 2, 257: 2 });
    expect(inflate(dynamic(withCopy, [1], "0 11 0 10"), 4)).toEqual(bytesOf("AAAA"));
    expect(inflate(dynamic(lengthsOf(257, { 256: 1 }), [0], "0"), 0)).toEqual(new Uint8Array(0));
    expect(() => inflate(dynamic(lengthsOf(257, { 256: 1 }), [0], "1"), 0)).toThrow(FormatError);
    expect(() => inflate(dynamic(lengthsOf(257, { 65: 1 }), [0], "0"), 1)).toThrow(
      "no symbol for the end",
    );
    expect(() => inflate(dynamic(lengthsOf(257, { 65: 1, 66: 1, 256: 1 }), [0], "0"), 1)).toThrow(
      "code lengths that make no code",
    );
    expect(() => inflate(dynamic(lengthsOf(257, { 65: 1, 256: 2 }), [0], "0"), 1)).toThrow(
      "code lengths that make no code",
    );
    expect(() => inflate(dynamic(withCopy, [2, 2], "0 11 00 10"), 4)).toThrow(
      "code lengths that make no code",
    );
    expect(() => inflate(dynamic(lengthsOf(287, { 65: 1, 256: 1 }), [0], "0 1"), 1)).toThrow(
      "no symbol for the end",
    );
    expect(inflate(dynamic(lengthsOf(286, { 65: 1, 256: 1 }), [0], "0 1"), 1)).toEqual(
      bytesOf("A"),
    );
  });
});
