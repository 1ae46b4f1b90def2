/** pigrad plot RUN... --svg FILE: learning curves as one picture. */
import { SettingError } from "../core/errors.ts";
import { writeAtomically } from "../node/files.ts";
import { leastOf, mostOf } from "./extent.ts";
import { didYouMean } from "./nearest.ts";
import { escaped } from "./page.ts";
import { parseOptions } from "./parse.ts";
import { type Band, bands, figureNames, groupRuns, readRun } from "./runs.ts";
import { say } from "./stdout.ts";

export const plotHelp = `  pigrad plot RUN... --svg FILE [--figure NAME]
      learning curves as an SVG picture; NAME is a figure of the metrics (default meanReturn)`;

export function plotCommand(args: string[]): void {
  const { values, positionals } = parseOptions(args, {
    svg: { type: "string" },
    figure: { type: "string" },
  });
  if (positionals.length === 0) throw new SettingError("expected run folders, got none");
  if (values.svg === undefined) throw new SettingError("expected --svg FILE");
  const figure = values.figure ?? "meanReturn";
  const runs = positionals.map(readRun);
  const names = figureNames(runs);
  if (!names.includes(figure)) {
    throw new SettingError(
      `no figure "${figure}"; there are ${names.join(", ")}${didYouMean(figure, names)}`,
    );
  }
  writeAtomically(values.svg, curvesSvg(figure, bands(groupRuns(runs), figure)));
  say(`picture: ${values.svg}\n`);
}

const [width, height, left, right, top, bottom] = [720, 420, 64, 16, 36, 48];
const palette = ["#2f6fde", "#d9582b", "#2b9a66", "#8b5cf6", "#c99700", "#0891b2"];

/** Means as lines, seeds' least to largest as bands, over environment steps. */
export function curvesSvg(figure: string, curves: readonly Band[]): string {
  const numbers = (list: readonly (number | null)[]): number[] =>
    list.filter((x): x is number => x !== null);
  const all = curves.flatMap(({ low, high }) => [...numbers(low), ...numbers(high)]);
  const [min, max] = all.length === 0 ? [0, 1] : [leastOf(all), mostOf(all)];
  const spread = max - min || 1;
  const end = Math.max(1, mostOf(curves.flatMap(({ steps }) => steps)));
  const x = (step: number): number => left + (step / end) * (width - left - right);
  const y = (v: number): number => height - bottom - ((v - min) / spread) * (height - top - bottom);
  const path = (steps: readonly number[], values: readonly (number | null)[]): string =>
    steps
      .flatMap((step, i) => {
        const v = values[i];
        return v === null ? [] : [`${x(step).toFixed(1)},${y(v).toFixed(1)}`];
      })
      .join(" ");
  const drawn = curves.map(({ name, steps, mean, low, high }, i) => {
    const color = palette[i % palette.length];
    const back = path([...steps].reverse(), [...low].reverse());
    const label = `<text x="${left + 12}" y="${top + 16 + 18 * i}" fill="${color}">${escaped(name)}</text>`;
    return `<polygon points="${path(steps, high)} ${back}" fill="${color}" opacity="0.15"/><polyline points="${path(steps, mean)}" fill="none" stroke="${color}" stroke-width="2"/>${label}`;
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const value = min + share * spread;
    const step = share * end;
    return `<line x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}" stroke="#8884"/><text x="${left - 8}" y="${y(value) + 4}" text-anchor="end">${Number(value.toPrecision(3))}</text><text x="${x(step)}" y="${height - bottom + 20}" text-anchor="middle">${Math.round(step).toLocaleString("en")}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#777">
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="${left}" y="22" font-size="15" fill="#222">${escaped(figure)}</text>
<text x="${(left + width - right) / 2}" y="${height - 8}" text-anchor="middle">environment steps</text>
${ticks.join("\n")}
${drawn.join("\n")}
</svg>
`;
}
