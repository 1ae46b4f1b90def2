/** UTF-8 without TextEncoder, which some runtimes lack. */
import { FormatError } from "./errors.ts";

export function encodeUtf8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const c = character.codePointAt(0) as number;
    if (c < 0x80) bytes.push(c);
    else if (c < 0x800) bytes.push(0xc0 | (c >> 6), 0x80 | (c & 63));
    else if (c < 0x10000) bytes.push(0xe0 | (c >> 12), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63));
    else
      bytes.push(
        0xf0 | (c >> 18),
        0x80 | ((c >> 12) & 63),
        0x80 | ((c >> 6) & 63),
        0x80 | (c & 63),
      );
  }
  return Uint8Array.from(bytes);
}

/** Decodes UTF-8. Throws FormatError, with the byte's offset, for bytes that are not well-formed. */
export function decodeUtf8(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let i = 0; i < bytes.length; ) {
    const first = bytes[i];
    const length =
      first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : 4;
    let c = length === 1 ? first : first & (0x7f >> length);
    let wellFormed = first < 0x80 || (first >= 0xc2 && first <= 0xf4 && i + length <= bytes.length);
    for (let j = 1; j < length && wellFormed; j++) {
      wellFormed = (bytes[i + j] & 0xc0) === 0x80;
      c = (c << 6) | (bytes[i + j] & 63);
    }
    const overlong = (length === 3 && c < 0x800) || (length === 4 && (c < 0x10000 || c > 0x10ffff));
    if (!wellFormed || overlong || (c >= 0xd800 && c < 0xe000)) {
      throw new FormatError(`utf-8: bad byte sequence at offset ${i}`);
    }
    parts.push(String.fromCodePoint(c));
    i += length;
  }
  return parts.join("");
}

/** Returns the text without a byte order mark at its start. */
export const withoutMark = (text: string): string =>
  text.startsWith("\ufeff") ? text.slice(1) : text;
