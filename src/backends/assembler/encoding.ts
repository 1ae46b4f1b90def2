/** Encodes the bytes of a module: nested lists, LEB128, sections. */

/** Bytes, nested as the expressions are; flattened once at the end. */
export type Code = number | readonly Code[];

export const bytesOf = (x: number): Uint8Array => new Uint8Array(new Float32Array([x]).buffer);

/** Encodes the offset of a memory instruction; the alignment of 4 bytes is only a hint. */
export const address = (offset: number): Code => [2, unsigned(offset)];

/** Encodes a whole number from 0 to 2³² − 1 in LEB128. */
export function unsigned(n: number): number[] {
  const bytes: number[] = [];
  let rest = n >>> 0;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  return [...bytes, rest];
}

/** Encodes a whole number from −2³¹ to 2³¹ − 1 in LEB128. */
export function signed(n: number): number[] {
  const bytes: number[] = [];
  let rest = n | 0;
  while (rest > 63 || rest < -64) {
    bytes.push((rest & 127) | 128);
    rest >>= 7;
  }
  return [...bytes, rest & 127];
}

export const vector = (items: readonly Code[]): Code => [unsigned(items.length), items];
export const string = (text: string): Code => vector(Array.from(text, (c) => c.charCodeAt(0)));

export function section(id: number, content: Code): Code {
  const bytes = flat(content);
  return [id, unsigned(bytes.length), bytes];
}

export function flat(code: Code, out: number[] = []): number[] {
  if (typeof code === "number") out.push(code);
  else for (const part of code) flat(part, out);
  return out;
}
