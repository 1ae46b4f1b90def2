/** Texts that begin alike, in one decoder: what one has read is copied to another, with the bits of reading it again. */
import { UsageError } from "../core/errors.ts";
import type { Decoder } from "./decode.ts";

/** Returns whether a text's first `count` tokens have been read, and are still there. */
export const hasRead = ({ fed, slid }: Decoder, text: number, count: number): boolean =>
  fed[text] >= count && slid[text] === 0;

/** Begins text `to` with the first `count` tokens of another. Throws UsageError for tokens that it has not read. */
export function shareText(
  decoder: Decoder,
  [from, to]: readonly [from: number, to: number],
  count: number,
): void {
  if (!hasRead(decoder, from, count))
    throw new UsageError(`decoder: expected ${count} tokens that text ${from} has read`);
  const { text, length, fed, cache } = decoder;
  const context = text.length / length.length;
  decoder.clear(to);
  text.copyWithin(to * context, from * context, from * context + count);
  length[to] = fed[to] = count;
  for (const { keys, values } of cache) {
    const [texts, , width, room] = keys.shape;
    const size = keys.data.length / texts;
    const [source, target] = [from * size, to * size];
    for (let at = 0; at < size; at += room)
      keys.data.copyWithin(target + at, source + at, source + at + count);
    for (let at = 0; at < size; at += room * width)
      values.data.copyWithin(target + at, source + at, source + at + count * width);
  }
}
