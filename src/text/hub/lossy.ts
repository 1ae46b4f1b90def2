/**
 * Decodes UTF-8 with U+FFFD for each longest piece that could begin a character (Unicode 15, section 3.9, best practice),
 * as the reference does.
 */
export function lossyText(bytes: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < bytes.length; ) {
    const first = bytes[i++];
    let missing = first < 0x80 ? 0 : first < 0xc2 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if (first > 0xf4) missing = -1;
    let [low, high] = secondOf(first);
    let code = missing <= 0 ? first : first & (0x3f >> missing);
    for (; missing > 0 && bytes[i] >= low && bytes[i] <= high; missing--) {
      code = (code << 6) | (bytes[i++] & 63);
      [low, high] = [0x80, 0xbf];
    }
    parts.push(missing === 0 ? String.fromCodePoint(code) : "\ufffd");
  }
  return parts.join("");
}

/** Returns the range of bytes that may follow a first byte. */
function secondOf(first: number): readonly [low: number, high: number] {
  if (first === 0xe0) return [0xa0, 0xbf];
  if (first === 0xed) return [0x80, 0x9f]; // no surrogates
  if (first === 0xf0) return [0x90, 0xbf];
  return first === 0xf4 ? [0x80, 0x8f] : [0x80, 0xbf];
}
