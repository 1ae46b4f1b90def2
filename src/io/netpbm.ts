/** Reads netpbm pictures: PGM and PPM, as text (P2, P3) and as bytes (P5, P6). Bytes after the picture are ignored. */
import { FormatError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import { checkSizes, type Picture } from "./picture.ts";

const wrong = (what: string): FormatError => new FormatError(`netpbm: ${what}`);
const isSpace = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13);
const [hash, lineFeed, carriageReturn, zero] = [35, 10, 13, 48];

/** Reads whole numbers with white space and comments, from # to the line's end, before them. */
class Numbers {
  private readonly file: Uint8Array;
  at = 2; // after the magic number

  constructor(file: Uint8Array) {
    this.file = file;
  }

  next(what: string, most: number): number {
    const { file } = this;
    const start = this.at;
    for (; this.at < file.length; this.at++) {
      if (file[this.at] === hash) this.comment();
      else if (!isSpace(file[this.at])) break;
    }
    if (this.at === start) throw wrong(`expected white space before ${what}, byte ${start}`);
    const first = this.at;
    let value = 0;
    for (; this.at < file.length; this.at++) {
      const digit = file[this.at] - zero;
      if (digit < 0 || digit > 9) break;
      value = 10 * value + digit;
      if (value > most) throw wrong(`expected ${what} of at most ${most}, byte ${first}`);
    }
    if (this.at === first) throw wrong(`expected ${what} as a whole number, byte ${first}`);
    return value;
  }

  private comment(): void {
    while (this.at < this.file.length && !this.endsLine()) this.at++;
  }

  private endsLine(): boolean {
    return this.file[this.at] === lineFeed || this.file[this.at] === carriageReturn;
  }
}

/** Reads a picture. Samples are scaled from their largest value to 255 and rounded; gray becomes three equal ones. */
export function decodeNetpbm(file: Uint8Array): Picture {
  const magic = String.fromCharCode(...file.subarray(0, 2));
  if (!/^P[2356]$/.test(magic)) throw wrong(`expected P2, P3, P5 or P6, got ${brief(magic)}`);
  const numbers = new Numbers(file);
  const width = numbers.next("a width", 2 ** 31);
  const height = numbers.next("a height", 2 ** 31);
  const largest = numbers.next("a largest value", 65535);
  checkSizes("netpbm", width, height);
  if (largest < 1) throw wrong("expected a largest value of 1 to 65535, got 0");
  const channels = magic === "P3" || magic === "P6" ? 3 : 1;
  const count = width * height * channels;
  const sample =
    magic === "P2" || magic === "P3"
      ? textSamples(file, numbers, count, largest)
      : byteSamples(file, numbers.at, count, largest);
  const rgb = new Uint8Array(3 * width * height);
  for (let i = 0; i < rgb.length; i += 3)
    for (let c = 0; c < 3; c++) {
      if (channels === 3 || c === 0) rgb[i + c] = Math.round((255 * sample()) / largest);
      else rgb[i + c] = rgb[i];
    }
  return { width, height, rgb };
}

/** Throws FormatError unless `need` bytes follow. */
function mustHave(need: number, has: number): void {
  if (need > has) throw wrong(`is cut short: expected ${need} bytes of samples, got ${has}`);
}

/** Returns a reader of samples in decimal; each takes a byte and white space at least. */
function textSamples(file: Uint8Array, numbers: Numbers, count: number, largest: number) {
  mustHave(2 * count, file.length - numbers.at);
  return (): number => numbers.next("a sample", largest);
}

/** Returns a reader of samples of one byte, or of two with the higher first if the largest needs them. */
function byteSamples(file: Uint8Array, end: number, count: number, largest: number) {
  if (!isSpace(file[end])) throw wrong(`expected white space before the samples, byte ${end}`);
  const size = largest > 255 ? 2 : 1;
  mustHave(size * count, file.length - end - 1);
  let at = end + 1;
  return (): number => {
    const value = size === 2 ? 256 * file[at] + file[at + 1] : file[at];
    if (value > largest) throw wrong(`expected a sample of at most ${largest}, byte ${at}`);
    at += size;
    return value;
  };
}
