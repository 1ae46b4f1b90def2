/** A line chart as an SVG picture: curves with bands, ticks at round numbers, a legend above the curves. */
import { leastOf, mostOf } from "./extent.ts";
import { escaped } from "./page.ts";

/** A curve over x, ascending, and its band from low to high. */
export interface Curve {
  readonly name: string;
  readonly x: readonly number[];
  readonly middle: readonly (number | null)[];
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
}
export interface Chart {
  readonly title: string;
  readonly xName: string;
  /** The least x to show; by default that of the curves. */
  readonly from?: number;
  /** Legend entry that explains the bands. */
  readonly note?: string;
  readonly curves: readonly Curve[];
}
export interface Size {
  readonly width: number;
  readonly height: number;
}
export const usualSize: Size = { width: 720, height: 420 };

const palette = ["#2f6fde", "#d9582b", "#2b9a66", "#8b5cf6", "#c99700", "#0891b2"];
const letter = 6.8; // pixels of a character at 12 px, a generous mean
const [lineHeight, right, bottom] = [18, 20, 48];

/** Draws charts below each other. */
export function chartsSvg(charts: readonly Chart[], { width, height }: Size = usualSize): string {
  const parts = charts.map(
    (chart, i) =>
      `<g transform="translate(0 ${i * height})">\n${drawn(chart, { width, height })}\n</g>`,
  );
  const whole = height * charts.length;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${whole}" viewBox="0 0 ${width} ${whole}" font-family="system-ui, sans-serif" font-size="12" fill="#555">
<rect width="${width}" height="${whole}" fill="#fff"/>
${parts.join("\n")}
</svg>
`;
}

function drawn(
  { title, xName, from: start, note = "", curves }: Chart,
  { width, height }: Size,
): string {
  const legend = legendOf(curves, note, { width, height });
  const top = 44 + lineHeight * legend.lines;
  const [min, max] = extentOf(curves);
  const spread = max - min || 1;
  const ends = curves.flatMap(({ x }) => x);
  const least = Math.min(start ?? Infinity, leastOf(ends));
  const [from, to] = ends.length === 0 ? [0, 1] : [least, Math.max(mostOf(ends), least + 1e-9)];
  const yTicks = ticks(min, min + spread, 5);
  const left = 24 + letter * mostOf(yTicks.map((v) => short(v).length));
  const x = (v: number): number => left + ((v - from) / (to - from)) * (width - left - right);
  const y = (v: number): number => height - bottom - ((v - min) / spread) * (height - top - bottom);
  const points = (at: readonly number[], values: readonly (number | null)[]): string[] =>
    at.flatMap((v, i) => {
      const value = values[i];
      return value === null ? [] : [`${x(v).toFixed(1)},${y(value).toFixed(1)}`];
    });
  const horizontal = yTicks.map(
    (v) =>
      `<line x1="${left.toFixed(1)}" x2="${width - right}" y1="${y(v).toFixed(1)}" y2="${y(v).toFixed(1)}" stroke="#8884"/><text x="${(left - 8).toFixed(1)}" y="${(y(v) + 4).toFixed(1)}" text-anchor="end">${short(v)}</text>`,
  );
  const xTicks = ticks(from, to, Math.max(2, Math.floor(width / 120)));
  const vertical = xTicks.map((v) => {
    const text = v.toLocaleString("en", { maximumFractionDigits: 6 });
    const half = (letter * text.length) / 2;
    const at = Math.min(x(v), width - half - 2);
    return `<text x="${at.toFixed(1)}" y="${height - bottom + 20}" text-anchor="middle">${text}</text>`;
  });
  const lines = curves.map((curve, i) => {
    const color = colorOf(i);
    const middle = points(curve.x, curve.middle);
    const edge = [...points(curve.x, curve.high), ...points(curve.x, curve.low).reverse()];
    const [only] = middle;
    const dot =
      middle.length === 1
        ? `<circle cx="${only.split(",")[0]}" cy="${only.split(",")[1]}" r="3" fill="${color}"/>`
        : "";
    return `<polygon points="${edge.join(" ")}" fill="${color}" opacity="0.15"/><polyline points="${middle.join(" ")}" fill="none" stroke="${color}" stroke-width="2" stroke-linejoin="round"${dashOf(i)}/>${dot}`;
  });
  return `<text x="16" y="24" font-size="15" fill="#222">${escaped(title)}</text>
${legend.svg}
<text x="${((left + width - right) / 2).toFixed(1)}" y="${height - 10}" text-anchor="middle">${escaped(xName)}</text>
${[...horizontal, ...vertical, ...lines].join("\n")}`;
}

const colorOf = (i: number): string => palette[i % palette.length];

const dashOf = (i: number): string => (i < palette.length ? "" : ' stroke-dasharray="6 3"');

const leastPlot = 90; // pixels of height that a legend leaves to the curves

/**
 * Returns the note and the curves' names in lines as wide as the picture. Names that do not fit are cut; names without
 * a line are counted.
 */
function legendOf(
  curves: readonly Curve[],
  note: string,
  { width, height }: Size,
): { svg: string; lines: number } {
  const most = Math.max(8, Math.floor((width - 64) / letter));
  const mostLines = Math.max(1, Math.floor((height - 44 - bottom - leastPlot) / lineHeight));
  let [line, x, hidden] = [1, 16, 0];
  const entry = (name: string, mark: (x: number, y: number) => string): string => {
    const text = name.length > most ? `${name.slice(0, most - 1)}…` : name;
    const wide = 24 + letter * text.length + 16;
    if (x > 16 && x + wide > width) [line, x] = [line + 1, 16];
    const [at, y] = [x, 26 + lineHeight * line];
    x += wide;
    if (line > mostLines) {
      hidden++;
      return "";
    }
    return `${mark(at, y - 4)}<text x="${(at + 24).toFixed(1)}" y="${y}" fill="#222">${escaped(text)}</text>`;
  };
  const box = (at: number, y: number): string =>
    `<rect x="${at.toFixed(1)}" y="${y - 5}" width="18" height="10" fill="#555" opacity="0.25"/>`;
  const entries = [
    ...(note === "" ? [] : [entry(note, box)]),
    ...curves.map(({ name }, i) =>
      entry(
        name,
        (at, y) =>
          `<line x1="${at.toFixed(1)}" x2="${(at + 18).toFixed(1)}" y1="${y}" y2="${y}" stroke="${colorOf(i)}" stroke-width="3"${dashOf(i)}/>`,
      ),
    ),
  ];
  if (hidden > 0)
    entries.push(
      `<text x="${width - right}" y="24" text-anchor="end" fill="#222">${hidden} more</text>`,
    );
  return {
    svg: entries.join("\n"),
    lines: entries.length === 0 ? 0 : Math.min(line, mostLines),
  };
}

/** The least and the largest value of the curves and bands. */
function extentOf(curves: readonly Curve[]): readonly [number, number] {
  const all = curves
    .flatMap(({ middle, low, high }) => [...middle, ...low, ...high])
    .filter((x): x is number => x !== null);
  return all.length === 0 ? [0, 1] : [leastOf(all), mostOf(all)];
}

/** Returns about `count` multiples of 1, 2 or 5 times a power of ten between two ends. */
export function ticks(from: number, to: number, count: number): number[] {
  const rough = (to - from) / count;
  if (!(rough > 0 && rough < Infinity)) return [from];
  const power = Number(`1e${rough.toExponential().split("e")[1]}`);
  const step = power * ([1, 2, 5].find((n) => n * power >= rough / 1.4) ?? 10);
  const [first, last] = [Math.ceil(from / step - 1e-9), Math.floor(to / step + 1e-9)];
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/** A number in at most five digits. */
const short = (v: number): string =>
  v !== 0 && (Math.abs(v) >= 1e6 || Math.abs(v) < 1e-4)
    ? v.toExponential().replace("e+", "e")
    : String(Number(v.toPrecision(5)));
