/** A safetensors file with tensors of types that pigrad does not write. */
import { decodeUtf8, encodeUtf8 } from "../../src/core/utf8.ts";
import { encodeSafetensors, type NamedTensor } from "../../src/io/safetensors.ts";

export interface OtherTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: readonly number[];
}

/** The floats as pigrad writes them, the others behind them. */
export function withOthers(
  floats: readonly NamedTensor[],
  others: readonly OtherTensor[],
): Uint8Array {
  const file = encodeSafetensors(floats);
  const headerLength = new DataView(file.buffer).getUint32(0, true);
  const header = JSON.parse(decodeUtf8(file.subarray(8, 8 + headerLength))) as Record<
    string,
    unknown
  >;
  const data = [...file.subarray(8 + headerLength)];
  for (const { name, dtype, shape, bytes } of others) {
    const start = data.length;
    data.push(...bytes);
    header[name] = { dtype, shape, data_offsets: [start, data.length] };
  }
  const json = encodeUtf8(JSON.stringify(header));
  const whole = new Uint8Array(8 + json.length + data.length);
  new DataView(whole.buffer).setUint32(0, json.length, true);
  whole.set(json, 8);
  whole.set(data, 8 + json.length);
  return whole;
}
