/** The hill of both mountain cars, of height sin 3x. */
import { sin } from "../core/math.ts";
import { colors, type Scene } from "./scene.ts";

export const hill = {
  left: -1.2,
  right: 0.6,
  maxSpeed: 0.07,
  startLow: -0.6,
  startHigh: -0.4,
} as const;

const width = 61;
const height = 8;

/** Draws the hill with the car and the goal as text. */
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

/** Draws the hill with the car and the goal as a picture. */
export function hillScene(position: number, goal: number): Scene {
  const [wide, high] = [400, 200];
  const x = (at: number): number => ((at - hill.left) / (hill.right - hill.left)) * wide;
  const y = (at: number): number => high / 2 - sin(3 * at) * (high / 2 - 20);
  const points: number[] = [];
  for (let i = 0; i <= 60; i++) {
    const at = hill.left + (i / 60) * (hill.right - hill.left);
    points.push(x(at), y(at));
  }
  const flag = [x(goal), y(goal), x(goal), y(goal) - 20];
  return {
    width: wide,
    height: high,
    marks: [
      { kind: "line", points, width: 2, color: colors.ink },
      { kind: "line", points: flag, width: 3, color: colors.third },
      { kind: "disk", x: x(position), y: y(position) - 8, r: 8, color: colors.first },
    ],
  };
}
