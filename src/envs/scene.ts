/**
 * A picture of an environment's state, as marks on a canvas of given size. This file draws it as SVG; pages draw it
 * on a canvas.
 */
export type Mark =
  | {
      readonly kind: "line";
      readonly points: readonly number[];
      readonly width: number;
      readonly color: string;
    }
  | {
      readonly kind: "disk";
      readonly x: number;
      readonly y: number;
      readonly r: number;
      readonly color: string;
    }
  | {
      readonly kind: "box";
      readonly x: number;
      readonly y: number;
      readonly w: number;
      readonly h: number;
      readonly color: string;
    }
  | {
      readonly kind: "text";
      readonly x: number;
      readonly y: number;
      readonly size: number;
      readonly text: string;
    };

export interface Scene {
  readonly width: number;
  readonly height: number;
  readonly marks: readonly Mark[];
}

/** Colors that are readable on light and dark backgrounds. */
export const colors = {
  ink: "#888888",
  first: "#2f6fde",
  second: "#d9582b",
  third: "#2b9a66",
} as const;

const letter = 14;

/** Draws the lines of a text in a monospaced font. */
export function textScene(text: string): Scene {
  const lines = text.split("\n");
  const widest = Math.max(...lines.map((line) => [...line].length));
  return {
    width: Math.max(widest * letter * 0.62, letter) + letter,
    height: (lines.length + 1) * letter * 1.2,
    marks: lines.map((line, i) => ({
      kind: "text",
      x: letter / 2,
      y: (i + 1) * letter * 1.2,
      size: letter,
      text: line,
    })),
  };
}

/** Returns the scene as an SVG document. */
export function sceneSvg({ width, height, marks }: Scene): string {
  const drawn = marks.map((m) => {
    if (m.kind === "line") {
      return `<polyline points="${m.points.map(short).join(" ")}" fill="none" stroke="${m.color}" stroke-width="${m.width}" stroke-linecap="round"/>`;
    }
    if (m.kind === "disk") {
      return `<circle cx="${short(m.x)}" cy="${short(m.y)}" r="${short(m.r)}" fill="${m.color}"/>`;
    }
    if (m.kind === "box") {
      return `<rect x="${short(m.x)}" y="${short(m.y)}" width="${short(m.w)}" height="${short(m.h)}" fill="${m.color}"/>`;
    }
    return `<text x="${short(m.x)}" y="${short(m.y)}" font-size="${m.size}" font-family="monospace" xml:space="preserve" fill="${colors.ink}">${escaped(m.text)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${short(width)} ${short(height)}">${drawn.join("")}</svg>`;
}

const short = (x: number): number => Math.round(x * 100) / 100;
const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
