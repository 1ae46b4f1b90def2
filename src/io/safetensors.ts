/**
 * The safetensors format: 8 bytes little-endian header length, a JSON header of names to dtype, shape and
 * byte range, then the data. Written sorted by name, so that equal tensors give equal bytes.
 */
import type { Floats } from "../core/backend.ts";
import { checkLength } from "../core/check.ts";
import { FormatError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import { type Shape, sizeOf } from "../core/tensor.ts";
import { decodeUtf8, encodeUtf8 } from "../core/utf8.ts";
import { countOf, type Elements, kinds, mostDimensions } from "./elements.ts";
import { type Json, parseJson } from "./json.ts";
import { halfBits } from "./quantize.ts";

export interface NamedTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly data: Floats;
}
export interface SafetensorsFile {
  /** The tensors of floating-point numbers. */
  readonly tensors: ReadonlyMap<string, NamedTensor>;
  /** The dtypes of the other tensors, such as the BOOL masks of some models, by name. */
  readonly others: ReadonlyMap<string, string>;
  readonly metadata: ReadonlyMap<string, string>;
}

const maxHeader = 100_000_000;

/** A tensor to write: F32, F64 or I8 by its array, or F16 where `half` says so. */
export interface TensorToWrite extends Omit<NamedTensor, "data"> {
  readonly data: Floats | Int8Array;
  /** Write half-precision numbers, rounded half to even. */
  readonly half?: boolean;
}

/** Returns a tensor's dtype, the bytes per element, and a function that writes one element. */
function writerOf({ data, half = false }: TensorToWrite): {
  readonly dtype: "F64" | "F32" | "F16" | "I8";
  readonly bytes: number;
  readonly write: (view: DataView, at: number, x: number) => void;
} {
  if (half)
    return { dtype: "F16", bytes: 2, write: (v, at, x) => v.setUint16(at, halfBits(x), true) };
  if (data instanceof Int8Array)
    return { dtype: "I8", bytes: 1, write: (v, at, x) => v.setInt8(at, x) };
  if (data instanceof Float32Array)
    return { dtype: "F32", bytes: 4, write: (v, at, x) => v.setFloat32(at, x, true) };
  return { dtype: "F64", bytes: 8, write: (v, at, x) => v.setFloat64(at, x, true) };
}

/** Returns a file with these tensors and text metadata. Throws FormatError for a name that no reader would find. */
export function encodeSafetensors(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const sorted = [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
  const entries: string[] = [];
  if (Object.keys(metadata).length > 0) entries.push(`"__metadata__":${JSON.stringify(metadata)}`);
  let end = 0;
  for (const [i, tensor] of sorted.entries()) {
    const { name, shape, data } = tensor;
    checkLength("encodeSafetensors", `the data of ${brief(name)}`, data, sizeOf(shape));
    if (name === "__metadata__" || name === sorted[i + 1]?.name)
      throw new FormatError(`encodeSafetensors: expected names of their own, got ${brief(name)}`);
    const { dtype, bytes } = writerOf(tensor);
    const start = end;
    end += bytes * data.length;
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
  for (const tensor of sorted) {
    const { bytes, write } = writerOf(tensor);
    for (const x of tensor.data) {
      write(view, at, x);
      at += bytes;
    }
  }
  return file;
}

/** Reads the tensors of floating-point numbers, and lists the others. Throws FormatError for a broken file. */
export function decodeSafetensors(file: Uint8Array): SafetensorsFile {
  const { tensors, metadata } = readSafetensors(file);
  const floats = new Map<string, NamedTensor>();
  const others = new Map<string, string>();
  for (const [name, { dtype, shape, data }] of tensors) {
    if (data instanceof Float32Array || data instanceof Float64Array)
      floats.set(name, { name, shape, data });
    else others.set(name, dtype);
  }
  return { tensors: floats, others, metadata };
}

export type StoredDtype = keyof typeof dtypes;

/** A tensor as stored; F16 and BF16 are read as Float32Array, BOOL as bytes 0 and 1. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: StoredDtype;
  readonly shape: Shape;
  readonly data: Elements;
}
const dtypes = {
  F64: kinds.float64,
  F32: kinds.float32,
  F16: kinds.float16,
  BF16: kinds.bfloat16,
  I64: kinds.int64,
  U64: kinds.uint64,
  I32: kinds.int32,
  U32: kinds.uint32,
  I16: kinds.int16,
  U16: kinds.uint16,
  I8: kinds.int8,
  U8: kinds.uint8,
  BOOL: kinds.bool,
} as const;

/** Reads all tensors. Throws FormatError, which says what is wrong and where, for a broken file. */
export function readSafetensors(file: Uint8Array): {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: ReadonlyMap<string, string>;
} {
  if (!(file instanceof Uint8Array))
    throw new FormatError(
      "safetensors: expected the file's bytes as Uint8Array; new Uint8Array(…) makes one of an ArrayBuffer",
    );
  const dataStart = dataStartOf(file, file.length);
  const { entries, metadata } = entriesOf(file.subarray(8, dataStart), file.length);
  const tensors = new Map<string, StoredTensor>();
  for (const { name, dtype, shape, start, end } of entries) {
    const data = elementsOf(dtype, file.subarray(start, end));
    tensors.set(name, { name, dtype, shape, data });
  }
  return { tensors, metadata };
}

/** Returns the bytes before the data of a file of `size` bytes, from its first eight. Throws FormatError. */
export function dataStartOf(first: Uint8Array, size: number): number {
  if (first.length < 8)
    throw new FormatError(`safetensors: expected 8 bytes of header length, got ${first.length}`);
  const view = new DataView(first.buffer, first.byteOffset, first.byteLength);
  const headerLength = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (headerLength > Math.min(maxHeader, size - 8))
    throw new FormatError(`safetensors: header of ${headerLength} bytes in a file of ${size}`);
  return 8 + headerLength;
}

/** Reads the header of a file of `size` bytes: its bytes from the ninth up to the data. Throws FormatError. */
export function entriesOf(
  bytes: Uint8Array,
  size: number,
): { readonly entries: readonly Entry[]; readonly metadata: ReadonlyMap<string, string> } {
  const header = parseHeader(bytes);
  const dataStart = 8 + bytes.length;
  const entries = [...header]
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => checkEntry(name, entry, size - dataStart));
  checkCover(entries, size - dataStart);
  const metadata = metadataOf(header.get("__metadata__"));
  const moved = entries.map((entry) => ({
    ...entry,
    start: dataStart + entry.start,
    end: dataStart + entry.end,
  }));
  return { entries: moved, metadata };
}

/** Returns the elements of bytes of a dtype; F16 and BF16 as Float32Array. */
export function elementsOf(dtype: StoredDtype, bytes: Uint8Array): Elements {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return dtypes[dtype].read(view, 0, bytes.length / dtypes[dtype].bytes, true);
}

/** Returns the bytes of an element. */
export const bytesOf = (dtype: StoredDtype): number => dtypes[dtype].bytes;

function parseHeader(bytes: Uint8Array): ReadonlyMap<string, Json> {
  if (bytes[0] !== 0x7b) throw new FormatError("safetensors: expected a header that begins with {");
  const header = parseJson(decodeUtf8(bytes), "safetensors: header", { whole: true, deepest: 4 });
  return header as ReadonlyMap<string, Json>; // an object, because it begins with {
}

function metadataOf(entry: Json | undefined): ReadonlyMap<string, string> {
  if (entry === undefined) return new Map();
  if (entry instanceof Map && [...entry.values()].every((text) => typeof text === "string"))
    return entry;
  throw new FormatError("safetensors: expected __metadata__ as an object of strings");
}

const wrongTensor = (name: string, what: string): FormatError =>
  new FormatError(`safetensors: tensor ${brief(name)}: ${what}`);

/** A tensor in a file's header, and its bytes in the file. */
export interface Entry extends Omit<StoredTensor, "data"> {
  readonly start: number;
  readonly end: number;
}

function checkEntry(name: string, entry: Json, dataLength: number): Entry {
  if (!(entry instanceof Map)) throw wrongTensor(name, "expected an object");
  const dtype = entry.get("dtype");
  if (typeof dtype !== "string" || !Object.hasOwn(dtypes, dtype)) {
    throw wrongTensor(name, `expected a dtype of ${Object.keys(dtypes).join(", ")}`);
  }
  const [shape, offsets] = ["shape", "data_offsets"].map((key) => {
    const list = entry.get(key);
    if (!Array.isArray(list) || !list.every(Number.isSafeInteger))
      throw wrongTensor(name, `expected ${key} as a list of whole numbers`);
    return list as number[];
  });
  if (shape.length > mostDimensions || offsets.length !== 2)
    throw wrongTensor(name, `expected at most ${mostDimensions} dimensions and two data_offsets`);
  const known = dtype as StoredDtype;
  const [start, end] = offsets;
  const bytes = countOf(shape) * dtypes[known].bytes;
  if (end - start !== bytes || end > dataLength) {
    const got = `${offsets.join(" to ")} of ${dataLength}`;
    throw wrongTensor(name, `expected ${bytes} bytes for ${dtype} [${shape}], got ${got}`);
  }
  return { name, dtype: known, shape, start, end };
}

/** Checks that the tensors cover the data end to end: no overlap, no gap, nothing after them. */
function checkCover(entries: readonly Entry[], length: number): void {
  let reached = 0;
  const sorted = [...entries].sort((a, b) => a.start - b.start || a.end - b.end);
  for (const { name, start, end } of sorted) {
    if (start !== reached) throw wrongTensor(name, `begins at ${start}, expected ${reached}`);
    reached = end;
  }
  if (reached !== length)
    throw new FormatError(`safetensors: tensors end at ${reached}, data at ${length}`);
}
