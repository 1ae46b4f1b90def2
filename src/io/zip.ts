/**
 * Reads zip archives: stored and deflated files, by the central directory. Sizes are checked before unpacking,
 * checksums after. No zip64, no encryption, no multi-part archives.
 */
import { FormatError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import { decodeUtf8 } from "../core/utf8.ts";
import { inflate, largestRatio } from "./inflate.ts";

const wrong = (what: string): FormatError => new FormatError(`zip: ${what}`);

/** Returns files by name; `limit` is the most bytes they may have in all, unpacked. Throws FormatError. */
export function unzip(file: Uint8Array, limit: number): ReadonlyMap<string, Uint8Array> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const end = findEnd(view);
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (at + view.getUint32(end + 12, true) !== end) throw wrong("directory is not where it says");
  const files = new Map<string, Uint8Array>();
  const spans: Span[] = [];
  let room = limit;
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== 0x02014b50)
      throw wrong(`no directory entry at byte ${at}`);
    const [nameLength, extraLength, noteLength] = [28, 30, 32].map((o) =>
      view.getUint16(at + o, true),
    );
    const next = at + 46 + nameLength + extraLength + noteLength;
    if (next > end) throw wrong(`directory entry at byte ${at} is cut short`);
    const name = decodeUtf8(file.subarray(at + 46, at + 46 + nameLength));
    if (files.has(name)) throw wrong(`${brief(name)} a second time`);
    const span = check(view, at, end, room, name);
    room -= span.size;
    spans.push(span);
    files.set(name, nothing);
    at = next;
  }
  if (at !== end) throw wrong("directory has more than its entries");
  checkApart(spans);
  for (const span of spans) files.set(span.name, unpack(file, span));
  return files;
}

/** Returns the offset of the end record, which only its comment follows. */
function findEnd(view: DataView): number {
  const length = view.byteLength;
  for (let at = length - 22; at >= Math.max(0, length - 22 - 65535); at--) {
    if (
      view.getUint32(at, true) === 0x06054b50 &&
      at + 22 + view.getUint16(at + 20, true) === length
    )
      return at;
  }
  throw wrong("no end of the directory");
}

/** One file of an archive: the range of its packed bytes, and the size and checksum of its unpacked bytes. */
interface Span {
  readonly name: string;
  /** The range from the local header to the end of the packed bytes. */
  readonly from: number;
  readonly start: number;
  readonly end: number;
  readonly method: number;
  readonly size: number;
  readonly crc: number;
}
const nothing = new Uint8Array(0);
const bad = (name: string, what: string): FormatError => wrong(`${brief(name)}: ${what}`);

/** Checks a directory entry before unpacking. `room` is the most bytes it may have, unpacked. */
function check(view: DataView, entry: number, end: number, room: number, name: string): Span {
  const [flags, method] = [8, 10].map((o) => view.getUint16(entry + o, true));
  const [crc, packed, size, , , local] = [16, 20, 24, 28, 32, 42].map((o) =>
    view.getUint32(entry + o, true),
  );
  if ((flags & 1) !== 0) throw bad(name, "is encrypted");
  if (size > room) throw bad(name, `unpacks to ${size} bytes, ${room} are allowed`);
  if (size > largestRatio * packed)
    throw bad(name, `cannot unpack to ${size} bytes from ${packed}`);
  if (local + 30 > end || view.getUint32(local, true) !== 0x04034b50)
    throw bad(name, "has no local header");
  const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  if (start + packed > end) throw bad(name, "is cut short");
  if (method !== 0 && method !== 8)
    throw bad(name, `is packed by method ${method}, expected 0 or 8`);
  if (method === 0 && packed !== size)
    throw bad(name, `is stored, but ${packed} bytes for ${size}`);
  return { name, from: local, start, end: start + packed, method, size, crc };
}

/** Checks that files share no bytes; otherwise a small archive could unpack to the work of a large one. */
function checkApart(spans: readonly Span[]): void {
  const sorted = [...spans].sort((a, b) => a.from - b.from);
  for (let i = 1; i < sorted.length; i++) {
    if (sorted[i].from < sorted[i - 1].end)
      throw bad(sorted[i].name, `overlaps ${brief(sorted[i - 1].name)}`);
  }
}

function unpack(file: Uint8Array, { name, start, end, method, size, crc }: Span): Uint8Array {
  const bytes = file.subarray(start, end);
  const unpacked = method === 0 ? bytes : inflate(bytes, size);
  if (crc32(unpacked) !== crc) throw bad(name, "its checksum is wrong");
  return unpacked;
}

const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let c = byte;
  for (let bit = 0; bit < 8; bit++) c = (c & 1) === 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});
export function crc32(bytes: Uint8Array): number {
  let c = -1;
  for (let i = 0; i < bytes.length; i++) c = (c >>> 8) ^ crcTable[(c ^ bytes[i]) & 255];
  return ~c >>> 0;
}
