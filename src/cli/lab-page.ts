/** The lab's page: tables and charts of exact numbers. */
import type { LabReport, Row } from "../oracle/lab.ts";
import { escaped, page } from "./page.ts";

export const labPage = (reports: readonly LabReport[]): string =>
  page({
    title: "pigrad lab: estimators against the exact gradient",
    body: `<h1>Gradient estimators against the exact gradient</h1>
<p>Every figure is exact: a sum over all samples, or all groups of samples, with their probabilities. <b>Size</b> is
‖E ĝ‖/‖∇J‖, <b>angle</b> that between E ĝ and ∇J, <b>bias</b> ‖E ĝ − ∇J‖/‖∇J‖, <b>variance</b> E‖ĝ − E ĝ‖², and
<b>signal/noise</b> ‖E ĝ‖²/variance for one sample. A size other than 1 at angle 0 is mended by the learning rate; an
angle is not.</p>
${reports.map(section).join("\n")}`,
    data: reports.map(({ problem, sweeps }) => ({ problem, sweeps })),
    script,
    style,
  });

function section({ problem, about, J, gradientNorm, fresh, stale, sweeps }: LabReport): string {
  const charts = sweeps
    .map(
      ({ title }, i) =>
        `<h3>${escaped(title)}</h3><div class="charts" data-problem="${escaped(problem)}" data-sweep="${i}"></div>`,
    )
    .join("\n");
  return `<section>
<h2>${escaped(problem)}</h2>
<p>${escaped(about)}. J = ${J.toFixed(4)}, ‖∇J‖ = ${gradientNorm.toFixed(4)}.</p>
<div class="tables">${rows("Fresh data, groups of 2", fresh)}${rows("Stale data, groups of 2", stale)}</div>
${charts}
</section>`;
}

function rows(title: string, list: readonly Row[]): string {
  const cells = ({ name, size, angle, bias, variance, snr }: Row): string =>
    [
      name,
      size.toFixed(3),
      angle === null ? "–" : `${angle.toFixed(1)}°`,
      bias < 1e-9 ? "0" : bias.toFixed(3),
      variance.toPrecision(3),
      Number.isFinite(snr) ? snr.toPrecision(3) : "∞",
    ]
      .map((text, i) =>
        i === 0 ? `<th scope="row">${escaped(text)}</th>` : `<td>${escaped(text)}</td>`,
      )
      .join("");
  const head = ["", "size", "angle", "bias", "variance", "signal/noise"]
    .map((h) => `<th>${h}</th>`)
    .join("");
  return `<table><caption>${escaped(title)}</caption><thead><tr>${head}</tr></thead><tbody>${list
    .map((row) => `<tr>${cells(row)}</tr>`)
    .join("")}</tbody></table>`;
}

const style = `
.tables, .charts { display: flex; flex-wrap: wrap; gap: 1.5rem; overflow-x: auto; }
h2 { margin-top: 2.5rem; border-top: 2px solid var(--line); padding-top: 1rem; }
`;

/** Runs in the page: two charts a sweep, bias and variance. */
const script = `
const reports = JSON.parse(document.getElementById("data").textContent);
const colors = ["#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed"];
const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink");
const line = getComputedStyle(document.documentElement).getPropertyValue("--line");
for (const div of document.querySelectorAll(".charts")) {
  const { sweeps } = reports.find((r) => r.problem === div.dataset.problem);
  const { x, at, curves } = sweeps[Number(div.dataset.sweep)];
  const names = Object.keys(curves);
  const width = Math.min(540, document.querySelector("main").clientWidth - 32);
  for (const [title, figure] of [["bias ‖E ĝ − ∇J‖/‖∇J‖", "bias"], ["variance E‖ĝ − E ĝ‖²", "variance"]]) {
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line } };
    const series = names.map((name, i) => ({ label: name, stroke: colors[i], width: 2, points: { show: true, size: 6 } }));
    new uPlot({
      title, width, height: 260,
      scales: { x: { time: false }, y: { range: (_, __, max) => [0, max > 1e-9 ? 1.05 * max : 1] } },
      axes: [{ ...axis, label: x }, { ...axis, size: 60 }],
      series: [{ label: x }, ...series],
    }, [at, ...names.map((name) => curves[name].map((f) => (f[figure] < 1e-9 ? 0 : f[figure])))], div);
  }
}
`;
