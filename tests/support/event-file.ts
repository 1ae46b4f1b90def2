/** TensorBoard's event files, read by a reader of its own. */
import { expect } from "vitest";
import { maskedCrc } from "../../src/io/tensorboard.ts";

/** The events of a file, after the format's description; checks each record's sums. */
export function readEvents(
  file: Uint8Array,
): { step: number; time: number; scalars: Record<string, number>; version: string }[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const events = [];
  for (let at = 0; at < file.length; ) {
    const length = view.getUint32(at, true);
    expect(view.getUint32(at + 8, true)).toBe(maskedCrc(file.subarray(at, at + 8)));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(view.getUint32(at + 12 + length, true)).toBe(maskedCrc(data));
    events.push(event(data));
    at += 16 + length;
  }
  return events;
}
function* fields(data: Uint8Array): Generator<[number, number | Uint8Array]> {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = 0;
  const varint = (): number => {
    let n = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = data[at++];
      n += (byte & 127) * scale;
      if (byte < 128) return n;
    }
  };
  while (at < data.length) {
    const tag = varint();
    const [field, wire] = [tag >> 3, tag & 7];
    if (wire === 0) {
      yield [field, varint()];
      continue;
    }
    const length = wire === 1 ? 8 : wire === 5 ? 4 : varint();
    if (wire === 1) yield [field, view.getFloat64(at, true)];
    else if (wire === 5) yield [field, view.getFloat32(at, true)];
    else yield [field, data.subarray(at, at + length)];
    at += length;
  }
}
function event(data: Uint8Array) {
  const found = { step: 0, time: 0, scalars: {} as Record<string, number>, version: "" };
  const text = (bytes: number | Uint8Array): string => Buffer.from(bytes as Uint8Array).toString();
  for (const [field, value] of fields(data)) {
    if (field === 1) found.time = value as number;
    if (field === 2) found.step = value as number;
    if (field === 3) found.version = text(value);
    if (field !== 5) continue;
    for (const [, entry] of fields(value as Uint8Array)) {
      const parts = Object.fromEntries([...fields(entry as Uint8Array)].map(([f, v]) => [f, v]));
      found.scalars[text(parts[1])] = parts[2] as number;
    }
  }
  return found;
}
