/**
 * Games on 10 × 10 cells, seen as planes, after the description of such small games in Young & Tian 2019, "MinAtar",
 * arXiv:1903.03176, with rules of their own. Everything that a plane shows is a sign in the text and a box in the picture.
 *
 * The first plane has the player's cell. The others are seen from there: cell (row, column) of a plane shows what lies that
 * many rows below the player and columns to its right, around the edges. So what is beside the player is always at the
 * same inputs, and a dense network learns it once, not once for each cell.
 */
import type { Floats } from "../core/backend.ts";
import { Dynamics } from "./env.ts";
import { moved } from "./grid.ts";
import { colors, type Mark, type Scene } from "./scene.ts";
import { type Box, box } from "./space.ts";

export const size = 10;
export const cells = size * size;

/** The drawing of a plane's things. */
export interface Plane {
  readonly sign: string;
  readonly color: string;
}

const scale = 24; // picture units per cell

export abstract class PlaneGame extends Dynamics {
  readonly observationSpace: Box;
  private readonly planes: readonly (Plane | null)[];
  private readonly shown: Float32Array;

  /**
   * The first plane has the player alone. Things of earlier planes are drawn over those of later ones. Null stands for a plane
   * that shows a count, not places: it is not drawn, and not seen from the player.
   */
  constructor(planes: readonly (Plane | null)[], maxSteps: number) {
    super(maxSteps);
    this.planes = planes;
    this.observationSpace = box(0, 1, [planes.length, size, size]);
    this.shown = new Float32Array(planes.length * cells);
  }

  /** Writes 1 to shown[plane·cells + cell] for each thing; all else is 0. */
  protected abstract place(shown: Float32Array): void;

  /** Places everything and returns the player's cell. */
  private placed(): number {
    this.shown.fill(0);
    this.place(this.shown);
    return this.shown.indexOf(1);
  }

  observe(out: Floats, at: number): void {
    const player = this.placed();
    const [top, left] = [Math.floor(player / size), player % size];
    for (let plane = 0; plane < this.planes.length; plane++) {
      const seen = plane > 0 && this.planes[plane] !== null;
      const [down, right] = seen ? [top, left] : [0, 0];
      for (let cell = 0; cell < cells; cell++) {
        const row = wrapped(Math.floor(cell / size) + down);
        const from = row * size + wrapped((cell % size) + right);
        out[at + plane * cells + cell] = this.shown[plane * cells + from];
      }
    }
  }

  /** Returns a line about what the planes do not draw. */
  protected caption(): string {
    return "";
  }

  /** Returns what is drawn at each cell. */
  private drawn(): (Plane | null)[] {
    this.placed();
    return Array.from({ length: cells }, (_, cell) => {
      const here = (plane: Plane | null, i: number) =>
        plane !== null && this.shown[i * cells + cell] === 1;
      return this.planes.find(here) ?? null;
    });
  }

  render(): string {
    const signs = this.drawn().map((plane) => plane?.sign ?? "·");
    const rows = Array.from({ length: size }, (_, row) =>
      signs.slice(row * size, (row + 1) * size).join(""),
    );
    return [...rows, this.caption()].join("\n").trimEnd();
  }

  override scene(): Scene {
    const marks = this.drawn().flatMap((plane, cell): Mark[] => {
      if (plane === null) return [];
      const [x, y] = [cell % size, Math.floor(cell / size)].map((i) => i * scale + 1);
      return [{ kind: "box", x, y, w: scale - 2, h: scale - 2, color: plane.color }];
    });
    const caption = this.caption();
    if (caption !== "")
      marks.push({ kind: "text", x: 0, y: (size + 0.7) * scale, size: 14, text: caption });
    const points = [0, 0, 1, 0, 1, 1, 0, 1, 0, 0].map((i) => i * size * scale);
    marks.push({ kind: "line", points, width: 1, color: colors.ink });
    const height = (caption === "" ? size : size + 1) * scale;
    return { width: size * scale, height, marks };
  }
}

export const directions = ["stay", "up", "down", "left", "right"] as const;
const steps = [
  [0, 0],
  [-1, 0],
  [1, 0],
  [0, -1],
  [0, 1],
] as const;

/** Returns the cell after one of `directions`; at the border, the same. */
export function stepped(cell: number, direction: number): number {
  const [down, right] = steps[direction];
  return moved(cell, size, size, down, right);
}

/** Returns a column that went over an edge on the other side. */
export const wrapped = (column: number): number => (column + size) % size;
