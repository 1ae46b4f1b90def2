/** Line charts as SVG that follows the reader's light or dark scheme. */

/** A curve; `dashed` marks references and promises, `dots` draws the points too, or "only" the points. Without a name it is not in the legend. */
export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
  readonly color: 1 | 2 | 3 | 4;
  readonly dashed?: boolean;
  readonly dots?: boolean | "only";
}
export interface Panel {
  readonly title: string;
  readonly x: string;
  readonly curves: readonly Curve[];
  readonly logX?: boolean;
  readonly logY?: boolean;
  /** Range of y. Default: that of the points. */
  readonly range?: readonly [number, number];
}

const style = `<style>
svg { --ink: #24292f; --soft: #6e7781; --line: #d8dee4; --paper: #ffffff;
  --c1: #1f6feb; --c2: #c2410c; --c3: #15803d; --c4: #7e22ce; }
@media (prefers-color-scheme: dark) { svg { --ink: #e6edf3; --soft: #9da7b1; --line: #30363d; --paper: #0d1117;
  --c1: #79b8ff; --c2: #ffab70; --c3: #7ee2a0; --c4: #d2a8ff; } }
text { font: 13px system-ui, sans-serif; fill: var(--ink); }
.soft { fill: var(--soft); } .title { font-weight: 600; } .mono { font-family: ui-monospace, monospace; }
.paper { fill: var(--paper); } .grid { stroke: var(--line); } .curve { fill: none; stroke-width: 2.2; }
.dashed { stroke-dasharray: 6 5; }
.s1 { stroke: var(--c1); } .s2 { stroke: var(--c2); } .s3 { stroke: var(--c3); } .s4 { stroke: var(--c4); }
.f1 { fill: var(--c1); } .f2 { fill: var(--c2); } .f3 { fill: var(--c3); } .f4 { fill: var(--c4); }
.box { fill: none; stroke: var(--soft); } .edge { stroke: var(--soft); fill: none; }
</style>`;

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
/** A coordinate: tenths of a pixel, so that engines' last bits do not show. */
export const at = (x: number): string => String(Math.round(x * 10) / 10);
/** A number's text with the sign of mathematics. */
export const withMinus = (text: string): string => text.replace("-", "−");
export const textAt = (x: number, y: number, text: string, rest = ""): string =>
  `<text x="${at(x)}" y="${at(y)}" ${rest}>${escaped(text)}</text>`;

/** A whole picture around its parts; `label` is read to those who cannot see it. */
export const picture = (width: number, height: number, label: string, body: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(label)}">
${style}
<rect class="paper" width="${width}" height="${height}"/>
${body}
</svg>
`;

const [panelWidth, panelHeight] = [380, 330];
const area = { left: 58, right: 14, top: 34, bottom: 44 };

/** Panels beside each other. */
export function charts(label: string, panels: readonly Panel[]): string {
  const body = panels.map(
    (panel, i) => `<g transform="translate(${i * panelWidth} 0)">\n${drawn(panel)}\n</g>`,
  );
  return picture(panelWidth * panels.length, panelHeight, label, body.join("\n"));
}

interface Scale {
  readonly ticks: readonly number[];
  to(value: number): number;
}

/** Maps values to pixels; ticks at 1, 2 or 5 times a power of ten, or, on a long logarithmic axis, at powers of ten. */
function scaleOf(values: readonly number[], from: number, to: number, log = false): Scale {
  const f = log ? Math.log10 : (v: number): number => v;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [start, span] = [f(low), f(high) - f(low) || 1];
  const map = (v: number): number => from + ((f(v) - start) / span) * (to - from);
  if (log) {
    const factors = span < 2 ? [1, 2, 5] : [1];
    const all = Array.from({ length: 24 }, (_, i) => factors.map((m) => m * 10 ** (i - 12))).flat();
    return { ticks: all.filter((v) => v >= low * 0.999 && v <= high * 1.001), to: map };
  }
  const rough = span / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((m) => m * power >= rough) ?? 10);
  const count = Math.floor(high / step + 1e-9) - Math.ceil(low / step - 1e-9) + 1;
  const ticks = Array.from({ length: count }, (_, i) => (Math.ceil(low / step - 1e-9) + i) * step);
  return { ticks, to: map };
}

/** A number on an axis; far from 1 as a power of ten. */
function tickText(v: number): string {
  const power = Math.round(Math.log10(Math.abs(v)));
  if (v !== 0 && (power > 4 || power < -3)) {
    const digits = String(power).replace("-", "⁻");
    return `10${digits.replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)])}`;
  }
  return withMinus(String(Number(v.toPrecision(4))));
}

function drawn({ title, x, curves, logX, logY, range }: Panel): string {
  const points = curves.flatMap((curve) => curve.points);
  const [left, right] = [area.left, panelWidth - area.right];
  const named = curves.filter(({ name }) => name !== "");
  const legend = 16 * named.length + 6;
  const [top, bottom] = [area.top + legend, panelHeight - area.bottom];
  const across = scaleOf(
    points.map(([px]) => px),
    left,
    right,
    logX,
  );
  const up = scaleOf(range ?? points.map(([, py]) => py), bottom, top, logY);
  const parts = [textAt(left - 40, 20, title, 'class="title"')];
  named.forEach(({ name, color, dashed, dots }, i) => {
    const y = area.top + 16 * i;
    const stroke = `class="curve s${color}${dashed ? " dashed" : ""}"`;
    if (dots === "only")
      parts.push(`<circle class="f${color}" cx="${left + 13}" cy="${y}" r="4"/>`);
    else parts.push(`<path ${stroke} d="M${left} ${y}h26"/>`);
    parts.push(textAt(left + 33, y + 4, name));
  });
  for (const v of up.ticks) {
    const y = at(up.to(v));
    parts.push(`<path class="grid" d="M${left} ${y}H${right}"/>`);
    parts.push(textAt(left - 7, up.to(v) + 4, tickText(v), 'text-anchor="end" class="soft"'));
  }
  for (const v of across.ticks)
    parts.push(textAt(across.to(v), bottom + 18, tickText(v), 'text-anchor="middle" class="soft"'));
  parts.push(textAt((left + right) / 2, bottom + 37, x, 'text-anchor="middle" class="soft"'));
  for (const { points: own, color, dashed, dots } of curves) {
    const path = own.map(([px, py]) => `${at(across.to(px))} ${at(up.to(py))}`);
    const stroke = `class="curve s${color}${dashed ? " dashed" : ""}"`;
    if (dots !== "only") parts.push(`<path ${stroke} d="M${path.join("L")}"/>`);
    if (dots)
      for (const [px, py] of own)
        parts.push(
          `<circle class="f${color}" cx="${at(across.to(px))}" cy="${at(up.to(py))}" r="3.2"/>`,
        );
  }
  return parts.join("\n");
}
