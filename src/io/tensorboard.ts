/**
 * Writes TensorBoard event files: records of an 8-byte length, its masked CRC, a protocol-buffer Event, its masked
 * CRC. Scalars only.
 */
import { encodeUtf8 } from "../core/utf8.ts";

/** Returns the first record of a file. `wallTime` is in seconds since 1970. */
export const eventFileHeader = (wallTime: number): Uint8Array =>
  record(event(wallTime, [...tag(3, 2), ...bytes(encodeUtf8("brain.Event:2"))]));

/** Returns a record of named numbers at a step. NaN and Infinity are written as they are. */
export function scalarEvent(
  wallTime: number,
  step: number,
  scalars: Readonly<Record<string, number>>,
): Uint8Array {
  const values = Object.entries(scalars).flatMap(([name, value]) => {
    const float = new Uint8Array(4);
    new DataView(float.buffer).setFloat32(0, value, true);
    const summary = [...tag(1, 2), ...bytes(encodeUtf8(name)), ...tag(2, 5), ...float];
    return [...tag(1, 2), ...bytes(summary)];
  });
  return record(event(wallTime, [...tag(2, 0), ...varint(step), ...tag(5, 2), ...bytes(values)]));
}

function event(wallTime: number, fields: readonly number[]): Uint8Array {
  const time = new Uint8Array(8);
  new DataView(time.buffer).setFloat64(0, wallTime, true);
  return Uint8Array.from([...tag(1, 1), ...time, ...fields]);
}

const tag = (field: number, wire: number): number[] => [(field << 3) | wire];
const bytes = (content: ArrayLike<number>): number[] => [
  ...varint(content.length),
  ...Array.from(content),
];

/** Encodes n, up to 2⁵³, in base 128, least significant group first. */
function varint(n: number): number[] {
  const out: number[] = [];
  let rest = n;
  while (rest >= 128) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return [...out, rest];
}

function record(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length + 16);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length, true);
  view.setUint32(8, maskedCrc(out.subarray(0, 8)), true);
  out.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return out;
}

/** Returns the CRC-32C (Castagnoli), rotated right by 15 and shifted by a constant, as the format demands. */
export function maskedCrc(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  crc = (crc ^ 0xffffffff) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
