/** Pictures of 8 bits: what files decode to, and their scaling. */
import { checkInteger } from "../core/check.ts";
import { FormatError } from "../core/errors.ts";

/** A picture. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Red, green and blue, 0 to 255, [height, width, 3] row-major. */
  readonly rgb: Uint8Array;
}

const mostSide = 2 ** 14; // pixels
const mostPixels = 2 ** 24;

/** Checks the sizes that a file announces, before anything is allocated. Throws FormatError that begins with `format`. */
export function checkSizes(format: string, width: number, height: number): void {
  if (width < 1 || height < 1 || Math.max(width, height) > mostSide || width * height > mostPixels)
    throw new FormatError(
      `${format}: expected sides of 1 to ${mostSide} and at most ${mostPixels} pixels, got ${width} × ${height}`,
    );
}

/**
 * Returns a picture scaled to `side` × `side` pixels, [side, side, 3] from 0 to 1. A pixel is the mean over its box of
 * the source, with the pixels at the box's borders weighted by the part that lies inside; proportions are not kept.
 */
export function boxAverage({ width, height, rgb }: Picture, side: number): Float32Array {
  checkInteger("boxAverage", "side", side, { min: 1 });
  const scaled = new Float32Array(3 * side * side);
  const [columns, rows] = [boxes(width, side), boxes(height, side)];
  const sum = [0, 0, 0];
  for (const [y, down] of rows.entries())
    for (const [x, across] of columns.entries()) {
      sum.fill(0);
      for (const [row, high] of down)
        for (const [column, wide] of across)
          for (let c = 0; c < 3; c++) sum[c] += high * wide * rgb[3 * (row * width + column) + c];
      for (let c = 0; c < 3; c++) scaled[3 * (y * side + x) + c] = sum[c] / (width * height * 255);
    }
  return scaled;
}

/** Each box's source pixels, with their length inside in units of 1/side of a pixel; a box has `length` of them. */
const boxes = (length: number, side: number): [pixel: number, inside: number][][] =>
  Array.from({ length: side }, (_, i) => {
    const [from, to] = [i * length, (i + 1) * length];
    const box: [number, number][] = [];
    for (let pixel = Math.floor(from / side); pixel * side < to; pixel++) {
      const inside = Math.min(to, (pixel + 1) * side) - Math.max(from, pixel * side);
      box.push([pixel, inside]);
    }
    return box;
  });
