/** Archives and arrays made by hand, for files that no honest program writes. */
import { crc32 } from "../../src/io/zip.ts";

export interface Entry {
  readonly name: string;
  readonly packed: Uint8Array;
  /** The bytes that `packed` unpacks to. */
  readonly bytes: Uint8Array;
  /** Where its directory entry points; by default to a local header of its own. */
  readonly at?: number;
}

/** A zip archive of deflated files; `order` is that of the directory's entries. */
export function zipOf(entries: readonly Entry[], order?: readonly number[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 0;
  const push = (part: Uint8Array): void => {
    parts.push(part);
    length += part.length;
  };
  const starts = entries.map(({ name, packed, at }) => {
    if (at !== undefined) return at;
    const start = length;
    push(record(0x04034b50, 30, name, { 8: [8, 2], 26: [name.length, 2] }));
    push(packed);
    return start;
  });
  const directory = length;
  const sums = new Map<Uint8Array, number>();
  for (const i of order ?? entries.keys()) {
    const { name, packed, bytes } = entries[i];
    const sum = sums.get(bytes) ?? crc32(bytes);
    sums.set(bytes, sum);
    push(
      record(0x02014b50, 46, name, {
        10: [8, 2],
        16: [sum, 4],
        20: [packed.length, 4],
        24: [bytes.length, 4],
        28: [name.length, 2],
        42: [starts[i], 4],
      }),
    );
  }
  const count = entries.length;
  const size = length - directory;
  push(
    record(0x06054b50, 22, "", {
      8: [count, 2],
      10: [count, 2],
      12: [size, 4],
      16: [directory, 4],
    }),
  );
  return new Uint8Array(Buffer.concat(parts));
}

/** A record of zip: its signature, some fields by their place, a name after them. */
function record(
  signature: number,
  size: number,
  name: string,
  fields: Readonly<Record<number, readonly [value: number, bytes: 2 | 4]>>,
): Uint8Array {
  const bytes = new Uint8Array(size + name.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, signature, true);
  for (const [at, [value, width]] of Object.entries(fields)) {
    if (width === 2) view.setUint16(Number(at), value, true);
    else view.setUint32(Number(at), value, true);
  }
  for (let i = 0; i < name.length; i++) bytes[size + i] = name.charCodeAt(i);
  return bytes;
}

/** A .npy file of version 2 with a header as given, padded as numpy does, and `room` zero bytes of data. */
export function npy(header: string, room: number): Uint8Array {
  const padded = `${header}${" ".repeat(63 - ((12 + header.length) % 64))}\n`;
  const file = new Uint8Array(12 + padded.length + room);
  file.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 2, 0]);
  new DataView(file.buffer).setUint32(8, padded.length, true);
  for (let i = 0; i < padded.length; i++) file[12 + i] = padded.charCodeAt(i);
  return file;
}

/** A safetensors file of a header as given and `room` zero bytes of data. */
export function safetensors(header: string, room: number): Uint8Array {
  const file = new Uint8Array(8 + header.length + room);
  new DataView(file.buffer).setUint32(0, header.length, true);
  for (let i = 0; i < header.length; i++) file[8 + i] = header.charCodeAt(i);
  return file;
}
