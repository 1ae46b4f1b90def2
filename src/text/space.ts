/** White space as Unicode has it (White_Space): JavaScript's `\s` and `trim` take U+FEFF too, and leave U+0085. */
export const isSpace = (character: string): boolean => /\p{White_Space}/u.test(character);

/** The text without white space at its ends. */
export function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text[start])) start++;
  while (end > start && isSpace(text[end - 1])) end--;
  return text.slice(start, end);
}
