/** Draws a scene as text: letters in a grid, each as wide as `width / columns` and twice as high. */
import type { Mark, Scene } from "./scene.ts";

const thick = 4; // lines of this width and more are drawn with o

type Put = (x: number, y: number, letter: string) => void;

/** Returns the scene as lines of at most `columns` letters; later marks cover earlier ones. */
export function sceneText({ width, height, marks }: Scene, columns = 60): string {
  const cell = width / columns;
  const rows = Math.max(1, Math.round(height / (2 * cell)));
  const grid = Array.from({ length: rows }, () => new Array<string>(columns).fill(" "));
  const put: Put = (x, y, letter) => {
    const row = grid[Math.floor(y / (2 * cell))];
    const column = Math.floor(x / cell);
    if (row !== undefined && column >= 0 && column < columns) row[column] = letter;
  };
  for (const mark of marks) draw(mark, put, cell);
  return grid.map((row) => row.join("").trimEnd()).join("\n");
}

function draw(mark: Mark, put: Put, cell: number): void {
  if (mark.kind === "disk") put(mark.x, mark.y, "●");
  else if (mark.kind === "text")
    [...mark.text].forEach((letter, i) => {
      put(mark.x + i * cell, mark.y, letter);
    });
  else if (mark.kind === "box") {
    const { x, y, w, h } = mark;
    for (let v = y; v === y || v < y + h; v += 2 * cell)
      for (let u = x; u === x || u < x + w; u += cell) put(u, v, "█");
  } else drawLine(mark.points, mark.width < thick ? "·" : "o", put, cell);
}

function drawLine(points: readonly number[], letter: string, put: Put, cell: number): void {
  for (let i = 2; i + 1 < points.length; i += 2) {
    const [x, y] = [points[i - 2], points[i - 1]];
    const [dx, dy] = [points[i] - x, points[i + 1] - y];
    const steps = Math.max(1, Math.ceil((2 * Math.max(Math.abs(dx), Math.abs(dy))) / cell));
    for (let k = 0; k <= steps; k++) put(x + (k / steps) * dx, y + (k / steps) * dy, letter);
  }
}
