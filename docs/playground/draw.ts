/** Drawing on canvases: a curve, and an environment's scene; numbers as the page writes them. */
import type { Scene } from "../../src/envs/scene.ts";
import type { Progress } from "./messages.ts";

const color = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const short = (x: number): string =>
  Math.abs(x) >= 1e6
    ? `${+(x / 1e6).toPrecision(3)}M`
    : Math.abs(x) >= 1e4
      ? `${+(x / 1e3).toPrecision(3)}k`
      : String(+x.toPrecision(3));

/** A whole number with commas. The first `toLocaleString` of a page keeps its reader waiting for 40 ms. */
export const grouped = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

type Curve = readonly Progress[];

/** Mean returns against steps, over those of earlier runs, with the return that counts as solved. */
export function drawCurve(
  canvas: HTMLCanvasElement,
  points: Curve,
  solved: number | null,
  earlier: readonly Curve[] = [],
): void {
  const pen = canvas.getContext("2d");
  if (pen === null) return;
  const { width, height } = canvas;
  const [left, right, top, bottom] = [58, 12, 12, 26];
  pen.clearRect(0, 0, width, height);
  pen.font = "13px system-ui, sans-serif";
  const curves = [...earlier, points].map((curve) =>
    curve.filter(({ meanReturn }) => Number.isFinite(meanReturn)),
  );
  const known = curves.flat();
  if (known.length === 0) return;
  const values = [...known.map((p) => p.meanReturn), ...(solved === null ? [] : [solved])];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const last = Math.max(...known.map((p) => p.envSteps));
  const x = (steps: number): number => left + ((width - left - right) * steps) / last;
  const y = (value: number): number =>
    height - bottom - ((height - top - bottom) * (value - low)) / (high - low || 1);
  pen.strokeStyle = color("--line");
  pen.fillStyle = color("--soft");
  for (const value of [low, (low + high) / 2, high]) {
    pen.beginPath();
    pen.moveTo(left, y(value));
    pen.lineTo(width - right, y(value));
    pen.stroke();
    pen.textAlign = "right";
    pen.fillText(short(value), left - 6, y(value) + 4);
  }
  pen.fillText(`${short(last)} steps`, width - right, height - 8);
  if (solved !== null) {
    pen.strokeStyle = color("--taken");
    pen.setLineDash([5, 5]);
    pen.beginPath();
    pen.moveTo(left, y(solved));
    pen.lineTo(width - right, y(solved));
    pen.stroke();
    pen.setLineDash([]);
    pen.fillText("solved", width - right, y(solved) + (y(solved) < 30 ? 16 : -6));
  }
  pen.lineWidth = 2;
  for (const [i, curve] of curves.entries()) {
    pen.strokeStyle = i < earlier.length ? shade(i) : color("--mark");
    pen.beginPath();
    for (const { envSteps, meanReturn } of curve) pen.lineTo(x(envSteps), y(meanReturn));
    pen.stroke();
  }
  pen.lineWidth = 1;
}

/** The color of the i-th earlier run. */
export const shade = (i: number): string => `hsl(${(140 + 67 * i) % 360} 45% 50%)`;

/** A scene, as large as fits. */
export function drawScene(canvas: HTMLCanvasElement, { width, height, marks }: Scene): void {
  const pen = canvas.getContext("2d");
  if (pen === null) return;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  const scale = Math.min(canvas.width / width, canvas.height / height);
  pen.setTransform(
    scale,
    0,
    0,
    scale,
    (canvas.width - scale * width) / 2,
    (canvas.height - scale * height) / 2,
  );
  for (const mark of marks) {
    if (mark.kind === "text") {
      pen.fillStyle = color("--ink");
      pen.font = `${mark.size}px monospace`;
      pen.fillText(mark.text, mark.x, mark.y);
      continue;
    }
    pen.fillStyle = mark.color;
    pen.beginPath();
    if (mark.kind === "disk") pen.arc(mark.x, mark.y, mark.r, 0, 2 * Math.PI);
    if (mark.kind === "box") pen.rect(mark.x, mark.y, mark.w, mark.h);
    if (mark.kind !== "line") {
      pen.fill();
      continue;
    }
    for (let i = 0; i < mark.points.length; i += 2) pen.lineTo(mark.points[i], mark.points[i + 1]);
    pen.strokeStyle = mark.color;
    pen.lineWidth = mark.width;
    pen.lineCap = "round";
    pen.stroke();
  }
  pen.setTransform(1, 0, 0, 1, 0, 0);
}
