/** Tests for Unicode's White_Space. JavaScript's `\s` and `trim` include U+FEFF and lack U+0085. */
export const isSpace = (character: string): boolean => /\p{White_Space}/u.test(character);

/** Returns the text without white space at its ends. */
export const trimmed = (text: string): string => trimmedEnd(trimmedStart(text));

export function trimmedStart(text: string): string {
  let start = 0;
  while (start < text.length && isSpace(text[start])) start++;
  return text.slice(start);
}

export function trimmedEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text[end - 1])) end--;
  return text.slice(0, end);
}
