/**
 * Reads numpy's .npy (format versions 1 to 3) and .npz files strictly: the header is parsed as a literal and never
 * run. Bytes after the data are ignored, as in numpy.
 */
import { FormatError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import type { Shape } from "../core/tensor.ts";
import { decodeUtf8 } from "../core/utf8.ts";
import { countOf, type ElementKind, type Elements, kinds, mostDimensions } from "./elements.ts";
import { unzip } from "./zip.ts";

export interface NpyArray {
  /** numpy's name of the dtype, such as "<f4". */
  readonly dtype: string;
  readonly shape: Shape;
  /** Row-major, also for column-major files. */
  readonly data: Elements;
}

const types: Readonly<Record<string, ElementKind>> = {
  f8: kinds.float64,
  f4: kinds.float32,
  f2: kinds.float16,
  i8: kinds.int64,
  u8: kinds.uint64,
  i4: kinds.int32,
  u4: kinds.uint32,
  i2: kinds.int16,
  u2: kinds.uint16,
  i1: kinds.int8,
  u1: kinds.uint8,
  b1: kinds.bool,
};
const wrong = (what: string): FormatError => new FormatError(`npy: ${what}`);
const mostHeader = 2 ** 20; // bytes; numpy's own headers have a few hundred
const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY

/** Reads an array. Throws FormatError, which says what is wrong, for a broken file or one without plain numbers. */
export function decodeNpy(file: Uint8Array): NpyArray {
  if (file.length < 10 || magic.some((byte, i) => file[i] !== byte))
    throw wrong("expected the bytes \\x93NUMPY, a version and a header length");
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const version = file[6];
  if (version < 1 || version > 3) throw wrong(`expected version 1, 2 or 3, got ${version}`);
  const start = version === 1 ? 10 : 12;
  const length =
    version === 1 ? view.getUint16(8, true) : file.length < 12 ? Infinity : view.getUint32(8, true);
  if (length > file.length - start)
    throw wrong(`header of ${length} bytes in a file of ${file.length}`);
  if (length > mostHeader) throw wrong(`header of ${length} bytes, ${mostHeader} are allowed`);
  const bytes = file.subarray(start, start + length);
  const text =
    version === 3 ? decodeUtf8(bytes) : Array.from(bytes, (b) => String.fromCharCode(b)).join("");
  const { descr, fortran, shape } = parseHeader(text);
  const type = Object.hasOwn(types, descr.slice(1)) ? types[descr.slice(1)] : undefined;
  if (type === undefined || !/^[<>|=]/.test(descr)) {
    throw wrong(`expected a dtype of ${Object.keys(types).join(", ")}, got ${brief(descr)}`);
  }
  const count = countOf(shape);
  const room = file.length - start - length;
  if (count * type.bytes > room) {
    throw wrong(`expected ${count * type.bytes} bytes of data for [${shape}], got ${room}`);
  }
  const data = type.read(view, start + length, count, descr[0] !== ">");
  return { dtype: descr, shape, data: fortran ? rowMajor(data, shape) : data };
}

/** Reads the arrays of a .npz file by name. `limit` is the most bytes they may have in all, unpacked. */
export function decodeNpz(file: Uint8Array, limit = 2 ** 30): ReadonlyMap<string, NpyArray> {
  const arrays = new Map<string, NpyArray>();
  for (const [name, bytes] of unzip(file, limit)) {
    if (!name.endsWith(".npy")) throw wrong(`expected .npy files in it, got ${brief(name)}`);
    arrays.set(name.slice(0, -4), decodeNpy(bytes));
  }
  return arrays;
}

const token = /[ \t\r\n]*(?:('[^'\\\n]*'|"[^"\\\n]*")|(\d+)|(True|False)|([{}():,])|$)/y;

/** Parses {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }, its keys in any order. */
function parseHeader(text: string): { descr: string; fortran: boolean; shape: number[] } {
  let at = 0;
  const next = (): string => {
    token.lastIndex = at;
    const found = token.exec(text);
    if (found === null) throw wrong(`header cannot be read from character ${at} on`);
    at = token.lastIndex;
    return found[0].trim();
  };
  const want = (sign: string): void => {
    const got = next();
    if (got !== sign)
      throw wrong(`expected ${sign} before character ${at} of the header, got ${brief(got)}`);
  };
  const tuple = (): number[] => {
    want("(");
    const shape: number[] = [];
    for (let item = next(); item !== ")"; item = next()) {
      const n = /^\d+$/.test(item) ? Number(item) : Number.NaN;
      if (!Number.isSafeInteger(n))
        throw wrong(`expected whole numbers in shape, got ${brief(item)}`);
      if (shape.push(n) > mostDimensions)
        throw wrong(`expected at most ${mostDimensions} dimensions in shape`);
      const after = next();
      if (after === ")" && shape.length > 1) return shape;
      if (after !== ",") throw wrong("expected a tuple as shape");
    }
    return shape;
  };
  const entries = new Map<string, unknown>();
  want("{");
  for (let key = next(); key !== "}"; key = next()) {
    const name = key.slice(1, -1);
    if (!/^['"]/.test(key) || entries.has(name) || entries.size === 3)
      throw wrong(`expected three keys, each once, got ${brief(key)}`);
    want(":");
    entries.set(name, name === "shape" ? tuple() : next());
    const after = next();
    if (after === "}") break;
    if (after !== ",") throw wrong(`expected , or } in the header, got ${brief(after)}`);
  }
  if (next() !== "" || at < text.length) throw wrong("expected nothing after the header's }");
  return checkHeader(entries);
}

function checkHeader(entries: ReadonlyMap<string, unknown>) {
  const [descr, order, shape] = ["descr", "fortran_order", "shape"].map((key) => entries.get(key));
  if (entries.size !== 3 || shape === undefined)
    throw wrong(
      `expected the keys descr, fortran_order and shape, got ${[...entries.keys()].map((key) => brief(key)).join(", ")}`,
    );
  if (typeof descr !== "string" || !/^['"]/.test(descr)) throw wrong("expected descr as a string");
  if (order !== "True" && order !== "False") throw wrong("expected fortran_order True or False");
  return { descr: descr.slice(1, -1), fortran: order === "True", shape: shape as number[] };
}

/** Returns column-major elements in row-major order. */
function rowMajor(data: Elements, given: Shape): Elements {
  const sorted = data.slice();
  const shape = given.filter((n) => n !== 1);
  const index = shape.map(() => 0);
  const strides = shape.map((_, axis) => countOf(shape.slice(0, axis)));
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    sorted[to] = data[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= index[axis] * strides[axis];
      index[axis] = 0;
    }
  }
  return sorted;
}
