/** Tests for Unicode's White_Space. JavaScript's `\s` and `trim` include U+FEFF and lack U+0085. */
export const isSpace = (character: string): boolean => /\p{White_Space}/u.test(character);

/** Returns the text without white space at its ends. */
export function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text[start])) start++;
  while (end > start && isSpace(text[end - 1])) end--;
  return text.slice(start, end);
}
