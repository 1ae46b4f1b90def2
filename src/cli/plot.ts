/** pigrad plot RUN...: learning curves as a picture or a table. */
import { SettingError } from "../core/errors.ts";
import { writeAtomically } from "../node/files.ts";
import { wholeNumber } from "./args.ts";
import { type Chart, chartsSvg, type Size, usualSize } from "./chart.ts";
import { csv } from "./csv.ts";
import { didYouMean } from "./nearest.ts";
import { parseOptions } from "./parse.ts";
import { checkFile, png } from "./picture.ts";
import {
  type Band,
  bands,
  type Center,
  centers,
  figureNames,
  groupRuns,
  type Run,
  readRun,
  runFolders,
  unitOf,
} from "./runs.ts";
import { say } from "./stdout.ts";

export const plotHelp = `  pigrad plot RUN... [--svg FILE] [--png FILE] [--csv FILE] [--figure NAME]...
               [--center mean|iqm] [--title TEXT] [--width N] [--height N]
      learning curves as a picture or a table; RUN may be a sweep's folder. NAME is a metric (default
      meanReturn, or loss of supervised runs); several make several charts. Bands are bootstrap intervals
      of 95 % where a group has three seeds or more. --png needs the package @resvg/resvg-js`;

export async function plotCommand(args: string[]): Promise<void> {
  const { values, positionals } = parseOptions(args, {
    svg: { type: "string" },
    png: { type: "string" },
    csv: { type: "string" },
    figure: { type: "string", multiple: true },
    center: { type: "string" },
    title: { type: "string" },
    width: { type: "string" },
    height: { type: "string" },
  });
  if (positionals.length === 0) throw new SettingError("expected run folders, got none");
  const formats = ["svg", "png", "csv"] as const;
  if (formats.every((format) => values[format] === undefined))
    throw new SettingError("expected --svg FILE, --png FILE or --csv FILE");
  for (const format of formats) checkFile(format, values[format]);
  const size = {
    width: wholeNumber("width", values.width, 240, 10_000) ?? usualSize.width,
    height: wholeNumber("height", values.height, 180, 10_000) ?? usualSize.height,
  };
  const center = centerFrom(values.center);
  const runs = runFolders(positionals).map(readRun);
  const groups = groupRuns(runs);
  const figures = checkFigures(values.figure ?? [usualFigure(runs)], figureNames(runs));
  const curves = figures.map((figure) => ({ figure, bands: bands(groups, figure, center) }));
  const svg = plotSvg(curves, { title: values.title, unit: unitOf(runs) }, size);
  if (values.png !== undefined) {
    writeAtomically(values.png, await png(svg));
    say(`picture: ${values.png}\n`);
  }
  if (values.svg !== undefined) {
    writeAtomically(values.svg, svg);
    say(`picture: ${values.svg}\n`);
  }
  if (values.csv !== undefined) {
    writeAtomically(values.csv, curvesCsv(curves));
    say(`table: ${values.csv}\n`);
  }
}

function centerFrom(given: string | undefined): Center {
  const name = given ?? "mean";
  if (Object.hasOwn(centers, name)) return name as Center;
  throw new SettingError(
    `--center: expected one of ${Object.keys(centers).join(", ")}, got ${name}`,
  );
}

/** Returns the return, or the loss of runs that have no return since they are supervised. */
function usualFigure(runs: readonly Run[]): string {
  const has = (figure: string): boolean =>
    runs.some(({ curves }) => (curves.get(figure)?.values.length ?? 0) > 0);
  return has("loss") && !has("meanReturn") ? "loss" : "meanReturn";
}

function checkFigures(figures: readonly string[], names: readonly string[]): readonly string[] {
  if (names.length === 0)
    throw new SettingError("these runs have no metrics yet: train them first");
  for (const figure of figures) {
    if (names.includes(figure)) continue;
    throw new SettingError(
      `no figure "${figure}"; there are ${names.join(", ")}${didYouMean(figure, names)}`,
    );
  }
  return figures;
}

export interface FigureBands {
  readonly figure: string;
  readonly bands: readonly Band[];
}

/** Texts of a picture beside the names of its metrics. */
export interface Words {
  /** Stands before the metric's name. */
  readonly title?: string | undefined;
  /** The name of what the steps count. */
  readonly unit: string;
}

/** Draws a chart per metric. */
export const plotSvg = (
  curves: readonly FigureBands[],
  { title, unit }: Words,
  size: Size,
): string =>
  chartsSvg(
    curves.map(({ figure, bands: list }) => ({
      ...chartOf(title === undefined ? figure : `${title}: ${figure}`, list),
      xName: unit,
    })),
    size,
  );

/** Says once what the bands are where all are the same, and otherwise for each curve. */
function chartOf(title: string, list: readonly Band[]): Omit<Chart, "xName"> {
  const notes = new Set(list.map(({ note }) => note).filter((note) => note !== ""));
  const [only] = notes;
  return {
    title,
    from: 0,
    ...(notes.size === 1 && { note: only }),
    curves: list.map(({ name, note, steps, mean, low, high }) => ({
      name: notes.size > 1 && note !== "" ? `${name}, ${note}` : name,
      x: steps,
      middle: mean,
      low,
      high,
    })),
  };
}

/** A row per metric, group and step. */
const curvesCsv = (curves: readonly FigureBands[]): string =>
  csv(
    ["figure", "group", "runs", "step", "center", "low", "high", "band"],
    curves.flatMap(({ figure, bands: list }) =>
      list.flatMap(({ name, runs, note, steps, mean, low, high }) =>
        steps.map((step, i) => [figure, name, runs, step, mean[i], low[i], high[i], note]),
      ),
    ),
  );
