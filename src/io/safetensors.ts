/**
 * The safetensors format: 8 bytes little-endian header length, a JSON header of names to dtype, shape and
 * byte range, then the data. Written sorted by name, so that equal tensors give equal bytes.
 */
import type { Floats } from "../core/backend.ts";
import { FormatError } from "../core/errors.ts";
import { type Shape, sizeOf } from "../core/tensor.ts";
import { decodeUtf8, encodeUtf8 } from "../core/utf8.ts";

export interface NamedTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly data: Floats;
}
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, NamedTensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

const maxHeader = 100_000_000;

/** The bytes of a file with these tensors (F32, or F64 for Float64Array) and text metadata. */
export function encodeSafetensors(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const sorted = [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
  const entries: string[] = [];
  if (Object.keys(metadata).length > 0) entries.push(`"__metadata__":${JSON.stringify(metadata)}`);
  let end = 0;
  for (const { name, shape, data } of sorted) {
    const dtype = data instanceof Float32Array ? "F32" : "F64";
    const start = end;
    end += data.byteLength;
    entries.push(
      `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [start, end] })}`,
    );
  }
  const json = encodeUtf8(`{${entries.join(",")}}`);
  const headerLength = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerLength + end).fill(0x20, 8, 8 + headerLength);
  const view = new DataView(file.buffer);
  view.setUint32(0, headerLength, true);
  file.set(json, 8);
  let at = 8 + headerLength;
  for (const { data } of sorted) {
    const wide = data instanceof Float64Array;
    for (let i = 0; i < data.length; i++, at += wide ? 8 : 4) {
      if (wide) view.setFloat64(at, data[i], true);
      else view.setFloat32(at, data[i], true);
    }
  }
  return file;
}

/** Reads F32 and F64 tensors. Throws FormatError, saying what is wrong and where, on any other file. */
export function decodeSafetensors(file: Uint8Array): SafetensorsFile {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 8)
    throw new FormatError(`safetensors: want 8 bytes of header length, got ${file.length}`);
  const headerLength = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (headerLength > Math.min(maxHeader, file.length - 8)) {
    throw new FormatError(
      `safetensors: header of ${headerLength} bytes in a file of ${file.length}`,
    );
  }
  const header = parseHeader(file.subarray(8, 8 + headerLength));
  const data0 = 8 + headerLength;
  const metadata = new Map<string, string>();
  const tensors = new Map<string, NamedTensor>();
  const ranges: [number, number, string][] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") {
      for (const [key, value] of Object.entries(entry as object)) metadata.set(key, String(value));
      continue;
    }
    const { dtype, shape, start, end } = checkEntry(name, entry, file.length - data0);
    ranges.push([start, end, name]);
    const wide = dtype === "F64";
    const size = sizeOf(shape);
    const data = wide ? new Float64Array(size) : new Float32Array(size);
    for (let i = 0; i < size; i++) {
      const at = data0 + start + i * (wide ? 8 : 4);
      data[i] = wide ? view.getFloat64(at, true) : view.getFloat32(at, true);
    }
    tensors.set(name, { name, shape, data });
  }
  checkCover(ranges, file.length - data0);
  return { tensors, metadata };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(decodeUtf8(bytes));
  } catch (error) {
    throw new FormatError(`safetensors: header is not JSON: ${(error as Error).message}`);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw new FormatError("safetensors: want an object as header");
  }
  return header as Record<string, unknown>;
}

function checkEntry(name: string, entry: unknown, dataLength: number) {
  const wrong = (what: string) =>
    new FormatError(`safetensors: tensor ${JSON.stringify(name)}: ${what}`);
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (dtype !== "F32" && dtype !== "F64")
    throw wrong(`want dtype F32 or F64, got ${String(dtype)}`);
  const whole = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!whole(shape)) throw wrong(`bad shape ${JSON.stringify(shape)}`);
  if (!whole(offsets) || offsets.length !== 2)
    throw wrong(`bad offsets ${JSON.stringify(offsets)}`);
  const [start, end] = offsets;
  const bytes = sizeOf(shape) * (dtype === "F64" ? 8 : 4);
  if (end - start !== bytes || end > dataLength) {
    throw wrong(`want ${bytes} bytes for [${shape}], got ${start} to ${end} of ${dataLength}`);
  }
  return { dtype, shape, start, end } as const;
}

/** The tensors must lie end to end: no overlap, no hole, nothing behind. */
function checkCover(ranges: [number, number, string][], length: number): void {
  let end = 0;
  for (const [start, stop, name] of ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (start !== end)
      throw new FormatError(`safetensors: ${name} begins at ${start}, want ${end}`);
    end = stop;
  }
  if (end !== length)
    throw new FormatError(`safetensors: tensors end at ${end}, data at ${length}`);
}
