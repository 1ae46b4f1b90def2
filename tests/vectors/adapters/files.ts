/** Tensor files, valid and malformed: what a safe loader reads, and that it refuses the rest in its own words. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FormatError } from "../../../src/core/errors.ts";
import type { Elements } from "../../../src/io/elements.ts";
import { decodeNpy, decodeNpz } from "../../../src/io/npy.ts";
import { readSafetensors } from "../../../src/io/safetensors.ts";
import type { VectorCase, WholeCase, WholeFile } from "../types.ts";

interface Array {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number | bigint | string>;
}
type FileCase = VectorCase & { readonly file: string };

const bytesOf = (c: VectorCase, { folder }: WholeFile): Uint8Array =>
  new Uint8Array(readFileSync(join(folder, (c as FileCase).file)));

/** Numbers as the cases write them: exact, with whole numbers beyond 2⁵³ as text. */
function written(x: number | bigint): number | string {
  if (typeof x === "bigint") {
    const n = Number(x);
    return Number.isSafeInteger(n) ? n : String(x);
  }
  return Number.isNaN(x) ? "nan" : Number.isFinite(x) ? x : x > 0 ? "inf" : "-inf";
}

function differs(name: string, got: Array | undefined, want: Array): string | null {
  if (got === undefined) return `${name} is missing`;
  if (got.dtype !== want.dtype || got.shape.join() !== want.shape.join())
    return `${name}: want ${want.dtype} [${want.shape}], got ${got.dtype} [${got.shape}]`;
  if (got.data.length !== want.data.length) return `${name}: ${got.data.length} elements`;
  for (let i = 0; i < want.data.length; i++) {
    const x = written((got.data as Elements)[i]);
    if (x !== want.data[i]) return `${name}[${i}]: want ${want.data[i]}, got ${x}`;
  }
  return null;
}

function compare(got: ReadonlyMap<string, Array>, want: [string, Array][]): string | null {
  if (got.size !== want.length) return `want ${want.length} tensors, got ${[...got.keys()]}`;
  for (const [name, array] of want) {
    const wrong = differs(name, got.get(name), array);
    if (wrong !== null) return wrong;
  }
  return null;
}

/** Refused with a FormatError; a flipped bit may also leave a valid file with another name in it. */
const refuses =
  (read: (file: Uint8Array) => unknown): WholeCase =>
  (c, file) => {
    const bytes = bytesOf(c, file);
    try {
      read(bytes);
    } catch (error) {
      return error instanceof FormatError ? null : `threw ${error}`;
    }
    return /differently named/.test(c.expected.errorClass) ? null : "was taken";
  };

export const files: Record<string, WholeCase> = {
  "safetensors.valid"(c, file) {
    const { tensors, metadata } = readSafetensors(bytesOf(c, file));
    const wanted = c.expected.metadata ?? {};
    if (metadata.size !== Object.keys(wanted).length) return `metadata of ${metadata.size} keys`;
    for (const [key, text] of Object.entries(wanted))
      if (metadata.get(key) !== text) return `metadata ${key}: ${metadata.get(key)}`;
    return compare(tensors, c.expected.tensors);
  },
  "npy.valid"(c, file) {
    const bytes = bytesOf(c, file);
    if (c.expected.arrays !== undefined) return compare(decodeNpz(bytes), c.expected.arrays);
    return differs("array", decodeNpy(bytes), c.expected as Array);
  },
  "safetensors.bad": refuses(readSafetensors),
  "npy.bad": refuses(decodeNpy),
};
