/**
 * Reading zip archives: stored and deflated files, by the central directory. Sizes are checked before
 * anything is unpacked, checksums after. No zip64, no encryption, no parts.
 */
import { FormatError } from "../core/errors.ts";
import { decodeUtf8 } from "../core/utf8.ts";
import { inflate } from "./inflate.ts";

const wrong = (what: string): FormatError => new FormatError(`zip: ${what}`);
/** Deflate cannot make more of a byte than this. */
const largestRatio = 1032;

/** Files by name; `limit` is how many bytes they may have in all, unpacked. Throws FormatError. */
export function unzip(file: Uint8Array, limit: number): ReadonlyMap<string, Uint8Array> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const end = findEnd(view);
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (at + view.getUint32(end + 12, true) !== end) throw wrong("directory is not where it says");
  const files = new Map<string, Uint8Array>();
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
    if (files.has(name)) throw wrong(`${JSON.stringify(name)} a second time`);
    const bytes = unpack(file, view, at, end, room, name);
    room -= bytes.length;
    files.set(name, bytes);
    at = next;
  }
  if (at !== end) throw wrong("directory has more than its entries");
  return files;
}

/** Where the end record stands: nothing but its comment comes behind it. */
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

function unpack(
  file: Uint8Array,
  view: DataView,
  entry: number,
  end: number,
  room: number,
  name: string,
): Uint8Array {
  const bad = (what: string): FormatError => wrong(`${JSON.stringify(name)}: ${what}`);
  const [flags, method] = [8, 10].map((o) => view.getUint16(entry + o, true));
  const [crc, packed, size, , , local] = [16, 20, 24, 28, 32, 42].map((o) =>
    view.getUint32(entry + o, true),
  );
  if ((flags & 1) !== 0) throw bad("is encrypted");
  if (size > room) throw bad(`unpacks to ${size} bytes, ${room} are allowed`);
  if (size > largestRatio * packed) throw bad(`cannot unpack to ${size} bytes from ${packed}`);
  if (local + 30 > end || view.getUint32(local, true) !== 0x04034b50)
    throw bad("has no local header");
  const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  if (start + packed > end) throw bad("is cut short");
  const bytes = file.subarray(start, start + packed);
  if (method !== 0 && method !== 8) throw bad(`is packed by method ${method}, want 0 or 8`);
  if (method === 0 && packed !== size) throw bad(`is stored, but ${packed} bytes for ${size}`);
  const unpacked = method === 0 ? bytes : inflate(bytes, size);
  if (crc32(unpacked) !== crc) throw bad("its checksum is wrong");
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
