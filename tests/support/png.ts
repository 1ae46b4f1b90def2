/** PNG files as tests need them: whole ones, and with parts that are wrong. */
import { deflateSync } from "node:zlib";
import { crc32 } from "../../src/io/zip.ts";

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const word = (n: number): number[] => [24, 16, 8, 0].map((shift) => (n >>> shift) & 255);

export function chunk(name: string, body: ArrayLike<number>): number[] {
  const named = [...Buffer.from(name), ...Array.from(body)];
  return [...word(body.length), ...named, ...word(crc32(Uint8Array.from(named)))];
}

export interface PngParts {
  readonly width: number;
  readonly height: number;
  readonly color: number;
  /** Bytes after filtering, each row behind the number of its filter. */
  readonly rows: readonly number[];
  readonly depth?: number;
  readonly interlace?: number;
  /** Chunks between IHDR and IDAT. */
  readonly between?: readonly number[];
  /** The zlib stream, in place of the rows packed. */
  readonly packed?: Uint8Array;
}

export function png(parts: PngParts): Uint8Array {
  const { width, height, color, rows, depth = 8, interlace = 0, between = [] } = parts;
  const packed = parts.packed ?? deflateSync(Uint8Array.from(rows));
  const half = packed.length >> 1; // two chunks, as large pictures have
  return Uint8Array.from([
    ...signature,
    ...chunk("IHDR", [...word(width), ...word(height), depth, color, 0, 0, interlace]),
    ...between,
    ...chunk("IDAT", packed.subarray(0, half)),
    ...chunk("IDAT", packed.subarray(half)),
    ...chunk("IEND", []),
  ]);
}
