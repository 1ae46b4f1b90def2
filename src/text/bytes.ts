/**
 * Converts text to bytes and back without loss. Unlike core/utf8.ts, it encodes lone surrogates (three bytes
 * each, WTF-8), and decodes any bytes a model may write: those not well-formed become U+FFFD.
 */

const rest = (c: number, shift: number): number => 0x80 | ((c >> shift) & 63);

export function bytesOf(text: string): number[] {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const c = text.codePointAt(at) as number;
    if (c < 0x80) bytes.push(c);
    else if (c < 0x800) bytes.push(0xc0 | (c >> 6), rest(c, 0));
    else if (c < 0x10000) bytes.push(0xe0 | (c >> 12), rest(c, 6), rest(c, 0));
    else {
      bytes.push(0xf0 | (c >> 18), rest(c, 12), rest(c, 6), rest(c, 0));
      at++; // the other half of its pair
    }
  }
  return bytes;
}

/** The smallest code point of a sequence of each length in bytes; smaller ones are overlong. */
const least = [0, 0, 0x80, 0x800, 0x10000];

export function textOf(bytes: ArrayLike<number>): string {
  const parts: string[] = [];
  for (let i = 0; i < bytes.length; ) {
    const first = bytes[i];
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    let c = length === 1 ? first : first & (0x7f >> length);
    let good = first < 0x80 || (first >= 0xc2 && first <= 0xf4 && i + length <= bytes.length);
    for (let j = 1; j < length && good; j++) {
      good = (bytes[i + j] & 0xc0) === 0x80;
      c = (c << 6) | (bytes[i + j] & 63);
    }
    good &&= c >= least[length] && c <= 0x10ffff;
    parts.push(good ? String.fromCodePoint(c) : "\ufffd");
    i += good ? length : 1;
  }
  return parts.join("");
}
