/** Bytes as characters, as in tokenizers of GPT-2's kind: printable ones as themselves, the others from U+0100 on. */
import { bytesOf } from "../bytes.ts";

export const byteCharacters: readonly string[] = (() => {
  const isPlain = (b: number): boolean =>
    (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
  let next = 256;
  return Array.from({ length: 256 }, (_, b) => String.fromCharCode(isPlain(b) ? b : next++));
})();

const byteOf = new Map(byteCharacters.map((c, byte) => [c, byte]));

/** Writes a text's bytes as characters. */
export function spelled(text: string): string {
  if (/^[!-~]*$/.test(text)) return text; // these stand for themselves
  let made = "";
  for (const byte of bytesOf(text)) made += byteCharacters[byte];
  return made;
}

/** Returns the bytes that a token spells; a token with other characters stands for its own text. */
export function spelledBytes(token: string): readonly number[] {
  const bytes: number[] = [];
  for (const c of token) {
    const byte = byteOf.get(c);
    if (byte === undefined) return bytesOf(token);
    bytes.push(byte);
  }
  return bytes;
}
