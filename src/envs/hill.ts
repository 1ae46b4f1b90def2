/** The hill that both mountain cars drive on: its height at x is sin 3x. */
import { sin } from "../core/math.ts";

export const hill = {
  left: -1.2,
  right: 0.6,
  maxSpeed: 0.07,
  startLow: -0.6,
  startHigh: -0.4,
} as const;

const width = 61;
const height = 8;

/** The hill as text, with the car and the goal on it. */
export function drawHill(position: number, goal: number): string {
  const span = hill.right - hill.left;
  const column = (x: number): number => Math.round(((x - hill.left) / span) * (width - 1));
  const rows = Array.from({ length: height }, () => new Array<string>(width).fill(" "));
  const put = (i: number, mark: string): void => {
    const y = sin(3 * (hill.left + (i / (width - 1)) * span));
    rows[Math.round(((1 - y) / 2) * (height - 1))][i] = mark;
  };
  for (let i = 0; i < width; i++) put(i, ".");
  put(column(goal), "⚑");
  put(column(position), "●");
  return rows.map((row) => row.join("").trimEnd()).join("\n");
}
