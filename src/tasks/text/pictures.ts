/** Small pictures of two things, drawn as pixels, and cut into patches. */
import { hash } from "../../text/corpus.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";

export const shapes = ["circle", "square", "triangle", "cross"] as const;
export const sizes = ["small", "large"] as const;
export const colors = { red: [1, 0, 0], green: [0, 1, 0], blue: [0, 0, 1], yellow: [1, 1, 0] };
export const relations = ["left of", "right of", "above", "below"] as const;

export interface Thing {
  readonly size: (typeof sizes)[number];
  readonly color: keyof typeof colors;
  readonly shape: (typeof shapes)[number];
}
/** The first thing is `relation` the second. */
export interface Scene {
  readonly first: Thing;
  readonly second: Thing;
  readonly relation: (typeof relations)[number];
}

/** Pixels of a picture's side. */
export const side = 16;
const patch = 4; // pixels of a patch
const perSide = side / patch;
export const patchesPerPicture = perSide * perSide;
/** Numbers of a patch: its pixels' red, green and blue. */
export const patchPixels = 3 * patch * patch;

/** Returns where the red of pixel (x, y) stands in a picture's patches; green and blue follow. */
const offsetOf = (x: number, y: number): number => {
  const place = Math.floor(y / patch) * perSide + Math.floor(x / patch);
  return place * patchPixels + 3 * ((y % patch) * patch + (x % patch));
};

/** Writes pixels, [side, side, 3], as patches, [patchesPerPicture, patchPixels]. */
export function writePatches(to: Float32Array, pixels: Float32Array): void {
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const from = 3 * (y * side + x);
      to.set(pixels.subarray(from, from + 3), offsetOf(x, y));
    }
}

/** Returns a tokenizer of texts that also encodes "picture …", as the ids of the patches of the picture it names. */
export const seeing = (plain: Tokenizer, numberOf: (prompt: string) => number): Tokenizer => ({
  ...plain,
  encode: (text) => {
    if (!text.startsWith("picture ")) return plain.encode(text);
    const first = plain.vocab + 1 + numberOf(text) * patchesPerPicture;
    return Array.from({ length: patchesPerPicture }, (_, i) => first + i);
  },
  decode: (ids) => plain.decode(Array.from(ids).filter((id) => id < plain.vocab)),
});

/** Whether a shape of this radius covers a point (x, y) off its center. */
const covers: Readonly<Record<Thing["shape"], (x: number, y: number, radius: number) => boolean>> =
  {
    circle: (x, y, r) => x * x + y * y <= r * r && x * x + y * y >= 0.2 * r * r, // a ring
    square: (x, y, r) => Math.max(Math.abs(x), Math.abs(y)) <= 0.9 * r,
    triangle: (x, y, r) => y <= r && y >= 2 * Math.abs(x) - r,
    cross: (x, y, r) =>
      Math.min(Math.abs(x), Math.abs(y)) <= r / 4 && Math.max(Math.abs(x), Math.abs(y)) <= r,
  };

/** Writes a picture's patches, [patchesPerPicture, patchPixels]. `key` chooses where in its half each thing stands. */
export function draw(to: Float32Array, scene: Scene, key: string): void {
  const lies = scene.relation === "left of" || scene.relation === "right of";
  const comesFirst = scene.relation === "left of" || scene.relation === "above";
  const things = comesFirst ? [scene.first, scene.second] : [scene.second, scene.first];
  for (const [half, { size, color, shape }] of things.entries()) {
    const jitter = (of: string): number => (hash(`${of} ${half} of ${key}`) % 3) - 1;
    const along = side / 4 + half * (side / 2) - 0.5;
    const across = side / 2 - 0.5 + 2 * jitter("across");
    const [cx, cy] = lies ? [along, across] : [across, along];
    const radius = size === "large" ? 3.8 : 2.4;
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) {
        if (!covers[shape](x - cx, y - cy, radius)) continue;
        to.set(colors[color], offsetOf(x, y));
      }
  }
}
