/** Draws links that hang from a pivot, as text and as a picture. */
import { cos, sin } from "../core/math.ts";
import { colors, type Mark, type Scene } from "./scene.ts";

const rows = 13;
const columns = 25;
const dots = 5; // per link

/** Draws links of length 1 as text. `angles` are the links' own, in order, counterclockwise from straight down. */
export function drawArms(angles: readonly number[]): string {
  const grid = Array.from({ length: rows }, () => new Array<string>(columns).fill(" "));
  const scale = (rows - 1) / 2 / angles.length;
  let x = 0;
  let y = 0;
  const put = (mark: string): void => {
    grid[Math.round((rows - 1) / 2 - y * scale)][Math.round((columns - 1) / 2 + 2 * x * scale)] =
      mark;
  };
  for (const angle of angles) {
    for (let i = 0; i < dots; i++) {
      x += sin(angle) / dots;
      y -= cos(angle) / dots;
      put("o");
    }
    put("●");
  }
  grid[(rows - 1) / 2][(columns - 1) / 2] = "+";
  return grid.map((row) => row.join("").trimEnd()).join("\n");
}

/** Draws links as a picture, with a line at `goal` lengths above the pivot, if given. */
export function armsScene(angles: readonly number[], goal: number | null = null): Scene {
  const size = 240;
  const scale = size / 2 / (angles.length + 0.3);
  const points = [size / 2, size / 2];
  for (const angle of angles) {
    points.push(points[points.length - 2] + scale * sin(angle));
    points.push(points[points.length - 2] + scale * cos(angle));
  }
  const height = size / 2 - (goal ?? 0) * scale;
  const line: Mark = {
    kind: "line",
    points: [0, height, size, height],
    width: 1,
    color: colors.third,
  };
  return {
    width: size,
    height: size,
    marks: [
      ...(goal === null ? [] : [line]),
      { kind: "line", points, width: 8, color: colors.second },
      { kind: "disk", x: size / 2, y: size / 2, r: 5, color: colors.ink },
    ],
  };
}
