/** Weights in the source of a JavaScript module: base64 of float32, of half precision, or of int8 with scales. */
import { type Dtype, halves, quantize } from "../io/quantize.ts";

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The source of `floats`, which decodes a module's weights. */
const floatsFunction = `/** Decodes little-endian float32 numbers from base64. */
function floats(text) {
  const digits = "${digits}";
  const view = new DataView(new ArrayBuffer(Math.ceil((text.length * 3) / 4)));
  for (let i = 0; i < text.length; i += 4) {
    let bits = 0;
    for (let j = 0; j < 4; j++) bits = bits * 64 + Math.max(digits.indexOf(text[i + j]), 0);
    for (let j = 0; j < 3; j++) view.setUint8((i / 4) * 3 + j, (bits >> (16 - 8 * j)) & 255);
  }
  const length = Math.floor((text.replace(/=+$/, "").length * 3) / 16);
  return Float32Array.from({ length }, (_, i) => view.getFloat32(4 * i, true));
}
`;

const bytesFunction = `/** Decodes bytes from base64. */
function bytes(text) {
  const digits = "${digits}";
  const whole = text.replace(/=+$/, "");
  return Uint8Array.from({ length: Math.floor((whole.length * 3) / 4) }, (_, i) => {
    const at = Math.floor((i * 4) / 3);
    const pair = digits.indexOf(whole[at]) * 64 + digits.indexOf(whole[at + 1]);
    return (pair >> (4 - 2 * (i % 3))) & 255;
  });
}
`;

const halvesFunction = `/** Decodes little-endian half-precision numbers from base64. */
function halves(text) {
  const view = new DataView(bytes(text).buffer);
  const float = new DataView(new ArrayBuffer(4));
  return Float32Array.from({ length: view.byteLength / 2 }, (_, i) => {
    const bits = view.getUint16(2 * i, true);
    const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
    if (exponent === 0) return sign * fraction * 2 ** -24;
    float.setInt32(0, ((exponent + 112) << 23) | (fraction << 13));
    return sign * float.getFloat32(0);
  });
}
`;

const rowsFunction = `/** Decodes int8 numbers from base64, each row with its scale. */
function rows(text, scale) {
  const numbers = new Int8Array(bytes(text).buffer);
  const length = numbers.length / scale.length;
  return Float32Array.from(numbers, (v, i) => v * scale[Math.floor(i / length)]);
}
`;

/** The source of the functions that decode a module's weights. */
export const decoders: Readonly<Record<Dtype, string>> = {
  f32: floatsFunction,
  f16: floatsFunction + bytesFunction + halvesFunction,
  int8: floatsFunction + bytesFunction + rowsFunction,
};

/** Returns the source of an array of weights. int8 takes a matrix of some `outputs`; a vector has 0. */
export function weightsSource(x: ArrayLike<number>, outputs: number, dtype: Dtype): string {
  if (dtype === "f16") return `halves("${base64Bytes(new Uint8Array(halves(x).buffer))}")`;
  if (dtype === "f32" || outputs === 0) return `floats("${base64(x)}")`;
  const { data, scale } = quantize(x, outputs);
  return `rows("${base64Bytes(new Uint8Array(data.buffer))}", floats("${base64(scale)}"))`;
}

/** Encodes numbers as little-endian float32 in base64. */
export function base64(x: ArrayLike<number>): string {
  const view = new DataView(new ArrayBuffer(4 * x.length));
  for (let i = 0; i < x.length; i++) view.setFloat32(4 * i, x[i], true);
  return base64Bytes(new Uint8Array(view.buffer));
}

function base64Bytes(bytes: Uint8Array): string {
  const out: string[] = [];
  for (let i = 0; i < bytes.length; i += 3) {
    const left = Math.min(3, bytes.length - i);
    let bits = 0;
    for (let j = 0; j < 3; j++) bits = (bits << 8) | (j < left ? bytes[i + j] : 0);
    for (let j = 0; j < 4; j++) out.push(j <= left ? digits[(bits >> (18 - 6 * j)) & 63] : "=");
  }
  return out.join("");
}
