/** Links that hang from a pivot, drawn as text. */
import { cos, sin } from "../core/math.ts";

const rows = 13;
const columns = 25;
const dots = 5; // a link

/** `angles` are of one link after another, each of length 1, from straight down, counterclockwise. */
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
