/** PNG and netpbm pixels worked out by hand, what is refused, and scaling by boxes. */
import { deflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { encodeUtf8 } from "../../src/core/utf8.ts";
import { decodeNetpbm } from "../../src/io/netpbm.ts";
import { boxAverage } from "../../src/io/picture.ts";
import { decodePng } from "../../src/io/png.ts";
import { chunk, type PngParts, png } from "../support/png.ts";

const two: PngParts = { width: 2, height: 1, color: 0, rows: [0, 10, 200] };
const rgbOf = (parts: Partial<PngParts>): number[] =>
  Array.from(decodePng(png({ ...two, ...parts })).rgb);

describe("PNG", () => {
  test("every color type; what is transparent is laid on white", () => {
    expect(rgbOf({})).toEqual([10, 10, 10, 200, 200, 200]);
    expect(rgbOf({ color: 2, rows: [0, 1, 2, 3, 4, 5, 6] })).toEqual([1, 2, 3, 4, 5, 6]);
    // alpha 51 is a fifth: 0.2·100 + 0.8·255 = 224
    expect(rgbOf({ color: 4, rows: [0, 100, 51, 7, 255] })).toEqual([224, 224, 224, 7, 7, 7]);
    expect(rgbOf({ color: 6, rows: [0, 100, 0, 255, 51, 1, 2, 3, 0] })).toEqual([
      ...[224, 204, 255],
      ...[255, 255, 255],
    ]);
    const palette = chunk("PLTE", [1, 2, 3, 100, 0, 255]);
    const indexed = { color: 3, rows: [0, 1, 0], between: palette };
    expect(rgbOf(indexed)).toEqual([100, 0, 255, 1, 2, 3]);
    // the first color is transparent, those after it are not
    expect(rgbOf({ ...indexed, between: [...palette, ...chunk("tRNS", [0])] })).toEqual([
      ...[100, 0, 255],
      ...[255, 255, 255],
    ]);
    expect(rgbOf({ between: chunk("tRNS", [0, 10]) })).toEqual([255, 255, 255, 200, 200, 200]);
    const colored = { color: 2, rows: [0, 1, 2, 3, 1, 2, 4] };
    expect(rgbOf({ ...colored, between: chunk("tRNS", [0, 1, 0, 2, 0, 3]) })).toEqual([
      ...[255, 255, 255],
      ...[1, 2, 4],
    ]);
  });
  test("every filter, by hand", () => {
    const rows = [
      ...[0, 10, 20, 30],
      ...[1, 5, 5, 250], // left: 5, 10, 4 (260 − 256)
      ...[2, 1, 1, 1], // above: 6, 11, 5
      ...[3, 1, 1, 1], // mean of left and above, rounded down: 3 + 1, (4 + 11) / 2 → 7 + 1, (8 + 5) / 2 → 6 + 1
      ...[4, 1, 1, 1], // Paeth: 4 above; of 5, 8, 4 the guess 9 is nearest 8; of 9, 7, 8 the guess 8 is the corner
    ];
    const { rgb } = decodePng(png({ width: 3, height: 5, color: 0, rows }));
    expect(Array.from(rgb).filter((_, i) => i % 3 === 0)).toEqual([
      ...[10, 20, 30, 5, 10, 4, 6, 11, 5, 4, 8, 7, 5, 9, 9],
    ]);
  });
  test("ancillary chunks are passed over, their checksums too are checked", () => {
    expect(rgbOf({ between: chunk("tEXt", [1, 2]) })).toHaveLength(6);
    const file = png({ ...two, between: chunk("tEXt", [1, 2]) });
    file[8 + 25 + 8] ^= 1;
    expect(() => decodePng(file)).toThrow("png: the checksum of tEXt at byte 33 is wrong");
  });
  test.each<[Partial<PngParts>, string]>([
    [{ interlace: 1 }, "expected a picture without interlacing, got Adam7"],
    [{ depth: 16 }, "expected 8 bits per sample, got 16"],
    [{ color: 5 }, "expected color type 0, 2, 3, 4 or 6, got 5"],
    [{ width: 2 ** 31 }, "at most 16777216 pixels, got 2147483648 × 1"],
    [{ width: 0 }, "expected sides of 1 to 16384"],
    [{ width: 8000, height: 8000 }, "got 8000 × 8000"],
    [{ width: 4000, height: 4000 }, "cannot unpack to the 16004000 of its width and height"],
    [{ color: 3 }, "expected PLTE for a picture with a palette"],
    [{ color: 3, between: chunk("PLTE", [1, 2, 3]) }, "expected colors below 1, got 10 in pixel 0"],
    [{ between: chunk("PLTE", [1, 2, 3]) }, "expected no PLTE for gray"],
    [{ color: 3, between: chunk("PLTE", [1, 2]) }, "expected 1 to 256 colors"],
    [{ between: chunk("tRNS", [1]) }, "expected 2 bytes in tRNS for color type 0, got 1"],
    [{ between: chunk("ABCD", []) }, "expected no critical chunk"],
    [{ rows: [5, 1, 2] }, "expected filter 0 to 4 in row 0, got 5"],
    [{ rows: [0, 1] }, "deflate: expected 3 bytes, got 2"],
    [{ rows: [0, 1, 2, 3] }, "deflate: more than the 3 bytes announced"],
    [{ packed: deflateSync(Buffer.alloc(2 ** 24)) }, "more than the 3 bytes announced"], // a bomb
    [{ packed: deflateSync(Buffer.alloc(3)).subarray(0, 6) }, "deflate: stream is cut short"],
    [{ packed: new Uint8Array(3) }, "expected a zlib stream in IDAT, got 3 bytes"],
    [{ packed: new Uint8Array(30) }, "expected a zlib stream without a dictionary"],
  ])("%o is refused", (parts, message) => {
    expect(() => rgbOf(parts)).toThrow(FormatError);
    expect(() => rgbOf(parts)).toThrow(message);
  });
  test("a wrong checksum of the pixels, a file cut short, and one that is none", () => {
    const packed = deflateSync(Uint8Array.from(two.rows));
    packed[packed.length - 1] ^= 1;
    expect(() => rgbOf({ packed })).toThrow("png: the checksum of the pixels is wrong");
    const file = png(two);
    for (let length = 0; length < file.length; length++)
      expect(() => decodePng(file.subarray(0, length))).toThrow(FormatError);
    expect(Array.from(decodePng(Uint8Array.from([...file, 1, 2])).rgb)).toEqual(rgbOf({}));
  });
});

describe("netpbm", () => {
  const of = (text: string, ...bytes: number[]): number[] =>
    Array.from(decodeNetpbm(Uint8Array.from([...encodeUtf8(text), ...bytes])).rgb);
  test("pixels by hand: gray and color, as text and as bytes, with other largest values", () => {
    expect(of("P2 # gray\n2 1\n# most\n4\n1 4")).toEqual([64, 64, 64, 255, 255, 255]); // 255 / 4 = 63.75
    expect(of("P3\n1 2 255 1 2 3\n4 5 6\n")).toEqual([1, 2, 3, 4, 5, 6]);
    expect(of("P5 2 1 255\n", 7, 32)).toEqual([7, 7, 7, 32, 32, 32]);
    expect(of("P6\n1 1\n255 ", 10, 20, 30, 99)).toEqual([10, 20, 30]); // a byte after it
    expect(of("P5 1 1 65535\n", 128, 0)).toEqual([128, 128, 128]); // 32768 / 257 = 127.50
  });
  test.each([
    ["P4 1 1 ", "expected P2, P3, P5 or P6, got"],
    ["", "expected P2, P3, P5 or P6"],
    ["P512 1 255 ", "expected white space before a width, byte 2"],
    ["P5 x", "expected a width as a whole number, byte 3"],
    ["P5 1 1 65536 ", "expected a largest value of at most 65535"],
    ["P5 1 1 0 ", "expected a largest value of 1 to 65535, got 0"],
    ["P5 99999 1 255 ", "expected sides of 1 to 16384"],
    ["P6 4096 4096 255 ", "is cut short: expected 50331648 bytes of samples, got 0"],
    ["P3 4096 4096 255 1 1 1", "is cut short"],
    ["P2 2 1 3 4 1", "expected a sample of at most 3"],
    ["P5 1 1 64 A", "expected a sample of at most 64"],
    ["P5 1 1 255", "expected white space before the samples"],
    ["P2 2 1 255 1 x", "expected a sample as a whole number"],
  ])("%s is refused", (text, message) => {
    expect(() => of(text)).toThrow(FormatError);
    expect(() => of(text)).toThrow(message);
  });
});

test("boxes: means of whole pixels, of parts, and of a picture that is smaller", () => {
  const gray = (width: number, height: number, values: number[]) => ({
    width,
    height,
    rgb: Uint8Array.from(values.flatMap((x) => [x, 2 * x, 0])),
  });
  const red = (x: Float32Array): number[] => Array.from(x).filter((_, i) => i % 3 === 0);
  const even = boxAverage(gray(4, 2, [10, 20, 30, 40, 50, 60, 70, 80]), 2);
  expect(red(even)).toEqual([15, 35, 55, 75].map((x) => Math.fround(x / 255)));
  expect(Array.from(even.subarray(0, 3))).toEqual([15, 30, 0].map((x) => Math.fround(x / 255)));
  // three columns in two boxes: (2·10 + 40) / 3 and (40 + 2·100) / 3
  expect(red(boxAverage(gray(3, 1, [10, 40, 100]), 2))).toEqual(
    [20, 80, 20, 80].map((x) => Math.fround(x / 255)),
  );
  expect(red(boxAverage(gray(1, 1, [100]), 2))).toEqual(Array(4).fill(Math.fround(100 / 255)));
});
