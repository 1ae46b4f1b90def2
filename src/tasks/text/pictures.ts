/** Small pictures of two things, drawn as pixels, and cut into patches. */
import { hash } from "../../text/corpus.ts";

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

const side = 16; // pixels of a picture
const patch = 4; // pixels of a patch
const perSide = side / patch;
export const patchesPerPicture = perSide * perSide;
/** Numbers of a patch: its pixels' red, green and blue. */
export const patchPixels = 3 * patch * patch;

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
        const place = Math.floor(y / patch) * perSide + Math.floor(x / patch);
        const pixel = (y % patch) * patch + (x % patch);
        to.set(colors[color], place * patchPixels + 3 * pixel);
      }
  }
}
