/** Decompresses raw deflate streams: RFC 1951. */
import { FormatError } from "../core/errors.ts";

/** A canonical Huffman code: the number of symbols of each length, and the symbols in the order of their codes. */
interface Code {
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

const longest = 15;
/** The largest ratio of unpacked to packed bytes. */
export const largestRatio = 1032;
const wrong = (what: string): FormatError => new FormatError(`deflate: ${what}`);

function codeOf(lengths: ArrayLike<number>, mayBeIncomplete: boolean): Code {
  const counts = new Uint16Array(longest + 1);
  for (let i = 0; i < lengths.length; i++) counts[lengths[i]]++;
  counts[0] = 0;
  let left = 1;
  for (let n = 1; n <= longest; n++) left = 2 * left - counts[n];
  if (left < 0 || (left > 0 && !mayBeIncomplete)) throw wrong("code lengths that make no code");
  const next = new Uint16Array(longest + 2);
  for (let n = 1; n <= longest; n++) next[n + 1] = next[n] + counts[n];
  const symbols = new Uint16Array(lengths.length);
  for (let i = 0; i < lengths.length; i++) if (lengths[i] > 0) symbols[next[lengths[i]]++] = i;
  return { counts, symbols };
}

// §3.2.5: lengths from symbol 257 on, and distances; extra bits are added to them
const lengthBase = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
  163, 195, 227, 258,
];
const lengthExtra = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
];
const distanceExtra = Array.from({ length: 30 }, (_, i) => Math.max(0, (i >> 1) - 1));
const distanceBase = distanceExtra.map((extra, i) =>
  i < 2 ? 1 + i : 1 + ((2 + (i & 1)) << extra),
);
// §3.2.6 and §3.2.7
const fixedLengths = Array.from({ length: 288 }, (_, i) =>
  i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8,
);
const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

const fixedLiterals = codeOf(fixedLengths, false);
const fixedDistances = codeOf(Array(30).fill(5), true);

/** Returns the `size` bytes of a stream. Throws FormatError if it is broken or has another size. */
export const inflate = (stream: Uint8Array, size: number): Uint8Array =>
  new Inflater(stream, size).run();

class Inflater {
  private readonly stream: Uint8Array;
  private readonly out: Uint8Array;
  private written = 0;
  private at = 0;
  private held = 0; // bits read ahead
  private count = 0; // of them

  constructor(stream: Uint8Array, size: number) {
    this.stream = stream;
    this.out = new Uint8Array(size);
  }

  run(): Uint8Array {
    for (let last = 0; last === 0; ) {
      last = this.bits(1);
      const type = this.bits(2);
      if (type === 0) this.stored();
      else if (type === 1) this.compressed(fixedLiterals, fixedDistances);
      else if (type === 2) this.dynamic();
      else throw wrong("block of type 3");
    }
    const { out, written } = this;
    if (written !== out.length) throw wrong(`expected ${out.length} bytes, got ${written}`);
    return out;
  }

  private bits(n: number): number {
    while (this.count < n) {
      if (this.at === this.stream.length) throw wrong("stream is cut short");
      this.held |= this.stream[this.at++] << this.count;
      this.count += 8;
    }
    const value = this.held & ((1 << n) - 1);
    this.held >>>= n;
    this.count -= n;
    return value;
  }

  private symbol({ counts, symbols }: Code): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let n = 1; n <= longest; n++) {
      code |= this.bits(1);
      if (code - first < counts[n]) return symbols[index + code - first];
      index += counts[n];
      first = (first + counts[n]) << 1;
      code <<= 1;
    }
    throw wrong("bits that are no symbol");
  }

  private room(n: number): void {
    if (this.written + n > this.out.length)
      throw wrong(`more than the ${this.out.length} bytes announced`);
  }

  private stored(): void {
    this.held = 0;
    this.count = 0;
    if (this.at + 4 > this.stream.length) throw wrong("stream is cut short");
    const length = this.stream[this.at] | (this.stream[this.at + 1] << 8);
    if ((length ^ (this.stream[this.at + 2] | (this.stream[this.at + 3] << 8))) !== 0xffff)
      throw wrong("bad length");
    this.at += 4;
    if (this.at + length > this.stream.length) throw wrong("stream is cut short");
    this.room(length);
    this.out.set(this.stream.subarray(this.at, this.at + length), this.written);
    this.written += length;
    this.at += length;
  }

  private compressed(literals: Code, distances: Code): void {
    for (;;) {
      const s = this.symbol(literals);
      if (s === 256) return;
      if (s < 256) {
        this.room(1);
        this.out[this.written++] = s;
        continue;
      }
      if (s > 285) throw wrong(`length symbol ${s}`);
      const length = lengthBase[s - 257] + this.bits(lengthExtra[s - 257]);
      const d = this.symbol(distances);
      if (d > 29) throw wrong(`distance symbol ${d}`);
      const distance = distanceBase[d] + this.bits(distanceExtra[d]);
      if (distance > this.written) throw wrong("a distance before the start");
      this.room(length);
      for (const end = this.written + length; this.written < end; this.written++) {
        this.out[this.written] = this.out[this.written - distance];
      }
    }
  }

  private dynamic(): void {
    const [literals, distances, used] = [this.bits(5) + 257, this.bits(5) + 1, this.bits(4) + 4];
    const lengths = new Uint8Array(19);
    for (let i = 0; i < used; i++) lengths[order[i]] = this.bits(3);
    const code = codeOf(lengths, false);
    const all = new Uint8Array(literals + distances);
    for (let i = 0; i < all.length; ) {
      const s = this.symbol(code);
      if (s < 16) all[i++] = s;
      else {
        if (s === 16 && i === 0) throw wrong("nothing to repeat");
        const value = s === 16 ? all[i - 1] : 0;
        const times = s === 16 ? 3 + this.bits(2) : s === 17 ? 3 + this.bits(3) : 11 + this.bits(7);
        if (i + times > all.length) throw wrong("more code lengths than announced");
        all.fill(value, i, i + times);
        i += times;
      }
    }
    if (literals > 286 || all[256] === 0) throw wrong("no symbol for the end");
    const one = (part: Uint8Array): boolean => part.filter((n) => n > 0).length <= 1;
    const [first, second] = [all.subarray(0, literals), all.subarray(literals)];
    this.compressed(codeOf(first, one(first)), codeOf(second, one(second)));
  }
}
