/**
 * Reads PNG pictures (W3C PNG, third edition) of 8 bits a sample, without interlacing: gray, RGB, palette, and gray or
 * RGB with alpha. Checksums are checked. What is transparent is laid on white. Bytes after the end are ignored.
 */
import { FormatError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import { inflate, largestRatio } from "./inflate.ts";
import { checkSizes, type Picture } from "./picture.ts";
import { crc32 } from "./zip.ts";

const wrong = (what: string): FormatError => new FormatError(`png: ${what}`);
export const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Samples per pixel, by color type. */
const samplesOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

interface Header {
  readonly width: number;
  readonly height: number;
  readonly color: number;
}

/** The chunks that decide what is seen. */
interface Chunks {
  readonly header: Header;
  readonly palette: Uint8Array | null;
  readonly transparent: Uint8Array | null;
  readonly data: Uint8Array;
}

/** Reads a picture. Throws FormatError, which says what is wrong, for a broken file or one of another kind. */
export function decodePng(file: Uint8Array): Picture {
  const chunks = chunksOf(file);
  const { width, height, color } = chunks.header;
  const samples = samplesOf[color];
  const packed = unwrapped(chunks.data, height * (1 + width * samples));
  const rows = unfiltered(packed, width * samples, samples);
  return { width, height, rgb: colored(rows, chunks) };
}

function chunksOf(file: Uint8Array): Chunks {
  if (pngSignature.some((byte, i) => file[i] !== byte))
    throw wrong("expected the eight bytes that a PNG begins with");
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let header: Header | null = null;
  const found = new Map<string, Uint8Array>();
  const pieces: Uint8Array[] = [];
  let last = "";
  for (let at = 8; last !== "IEND"; ) {
    const { name, body } = chunkAt(file, view, at);
    if ((header === null) !== (name === "IHDR"))
      throw wrong(`expected IHDR first and once, got ${name} at byte ${at}`);
    if (name === "IHDR") header = headerOf(body);
    else if (name === "IDAT") {
      if (pieces.length > 0 && last !== "IDAT") throw wrong("expected IDAT chunks in a row");
      pieces.push(body);
    } else if (name === "PLTE" || name === "tRNS") {
      if (found.has(name) || pieces.length > 0)
        throw wrong(`expected ${name} once and before IDAT, got it at byte ${at}`);
      found.set(name, body);
    } else if (name !== "IEND" && /^[A-Z]/.test(name))
      throw wrong(`expected no critical chunk but IHDR, PLTE, IDAT and IEND, got ${name}`);
    last = name;
    at += 12 + body.length;
  }
  const [palette = null, transparent = null] = ["PLTE", "tRNS"].map((name) => found.get(name));
  const chunks = { header: header as Header, palette, transparent, data: joined(pieces) };
  checkColors(chunks);
  return chunks;
}

function chunkAt(file: Uint8Array, view: DataView, at: number): { name: string; body: Uint8Array } {
  if (at + 12 > file.length) throw wrong("is cut short: expected a chunk IEND at the end");
  const length = view.getUint32(at);
  const name = String.fromCharCode(...file.subarray(at + 4, at + 8));
  if (!/^[A-Za-z]{4}$/.test(name))
    throw wrong(`expected four letters as a chunk's name, got ${brief(name)}`);
  const end = at + 8 + length;
  if (end + 4 > file.length) throw wrong(`is cut short in ${name}: announces ${length} bytes`);
  if (crc32(file.subarray(at + 4, end)) !== view.getUint32(end))
    throw wrong(`the checksum of ${name} at byte ${at} is wrong`);
  return { name, body: file.subarray(at + 8, end) };
}

function headerOf(body: Uint8Array): Header {
  if (body.length !== 13) throw wrong(`expected 13 bytes in IHDR, got ${body.length}`);
  const view = new DataView(body.buffer, body.byteOffset, 13);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, color, packing, filter, interlace] = body.subarray(8);
  checkSizes("png", width, height);
  if (samplesOf[color] === undefined)
    throw wrong(`expected color type 0, 2, 3, 4 or 6, got ${color}`);
  if (depth !== 8) throw wrong(`expected 8 bits per sample, got ${depth}`);
  if (packing !== 0 || filter !== 0)
    throw wrong(`expected compression and filter method 0, got ${packing} and ${filter}`);
  if (interlace !== 0) {
    const method = interlace === 1 ? "Adam7" : `method ${interlace}`;
    throw wrong(`expected a picture without interlacing, got ${method}; save it without`);
  }
  return { width, height, color };
}

function checkColors({ header: { color }, palette, transparent }: Chunks): void {
  if (color === 3 && palette === null) throw wrong("expected PLTE for a picture with a palette");
  if (
    palette !== null &&
    (palette.length % 3 !== 0 || palette.length === 0 || palette.length > 768)
  )
    throw wrong(`expected 1 to 256 colors of 3 bytes in PLTE, got ${palette.length} bytes`);
  if (palette !== null && (color === 0 || color === 4)) throw wrong("expected no PLTE for gray");
  if (transparent === null) return;
  const most = { 0: 2, 2: 6, 3: (palette?.length ?? 0) / 3 }[color] ?? 0;
  const { length } = transparent;
  if (length > most || (color !== 3 && length !== most))
    throw wrong(`expected ${most} bytes in tRNS for color type ${color}, got ${length}`);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Unpacks a zlib stream (RFC 1950) of a known size. */
function unwrapped(stream: Uint8Array, size: number): Uint8Array {
  const end = stream.length - 4;
  if (end < 2) throw wrong(`expected a zlib stream in IDAT, got ${stream.length} bytes`);
  const [method, flags] = stream;
  if ((method & 15) !== 8 || method >> 4 > 7 || (256 * method + flags) % 31 !== 0 || flags & 32)
    throw wrong("expected a zlib stream without a dictionary in IDAT");
  if (size > largestRatio * end)
    throw wrong(`${end} bytes cannot unpack to the ${size} of its width and height`);
  const unpacked = inflate(stream.subarray(2, end), size);
  const sum = new DataView(stream.buffer, stream.byteOffset + end, 4).getUint32(0);
  if (adler32(unpacked) !== sum) throw wrong("the checksum of the pixels is wrong");
  return unpacked;
}

function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}

/** Undoes the filters of rows of `length` bytes, each after a byte that names its filter: section 9.2. */
function unfiltered(packed: Uint8Array, length: number, samples: number): Uint8Array {
  const rows = new Uint8Array((packed.length / (1 + length)) * length);
  for (let row = 0; row * length < rows.length; row++) {
    const from = row * (1 + length);
    const filter = packed[from];
    if (filter > 4) throw wrong(`expected filter 0 to 4 in row ${row}, got ${filter}`);
    const start = row * length;
    for (let i = 0; i < length; i++) {
      const left = i < samples ? 0 : rows[start + i - samples];
      const above = row === 0 ? 0 : rows[start + i - length];
      const corner = row === 0 || i < samples ? 0 : rows[start + i - length - samples];
      rows[start + i] = packed[from + 1 + i] + predicted(filter, left, above, corner);
    }
  }
  return rows;
}

function predicted(filter: number, left: number, above: number, corner: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return above;
  if (filter === 3) return (left + above) >> 1;
  const guess = left + above - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? above : corner;
}

/** Turns samples into red, green and blue, [pixels, 3], on white. */
function colored(rows: Uint8Array, { header, palette, transparent }: Chunks): Uint8Array {
  const { color } = header;
  const samples = samplesOf[color];
  const pixels = rows.length / samples;
  const rgb = new Uint8Array(3 * pixels);
  const hasAlpha = color === 4 || color === 6;
  const colors = color === 2 || color === 6 ? 3 : 1;
  for (let i = 0; i < pixels; i++) {
    const from = i * samples;
    const index = rows[from];
    if (palette !== null && color === 3 && 3 * index >= palette.length)
      throw wrong(`expected colors below ${palette.length / 3}, got ${index} in pixel ${i}`);
    let alpha = hasAlpha ? rows[from + colors] : 255;
    if (transparent !== null && color === 3) alpha = transparent[index] ?? 255;
    else if (transparent !== null && isKey(rows, from, transparent)) alpha = 0;
    for (let c = 0; c < 3; c++) {
      const value =
        palette !== null && color === 3
          ? palette[3 * index + c]
          : rows[from + (colors === 3 ? c : 0)];
      rgb[3 * i + c] = Math.round((alpha * value + (255 - alpha) * 255) / 255);
    }
  }
  return rgb;
}

/** Returns whether a pixel has the color that counts as transparent, which stands in two bytes per sample. */
function isKey(rows: Uint8Array, from: number, key: Uint8Array): boolean {
  for (let c = 0; 2 * c < key.length; c++)
    if (rows[from + c] !== 256 * key[2 * c] + key[2 * c + 1]) return false;
  return true;
}
