/** The report's page: learning curves with seed bands, what the policy does and looks at, settings. */
import type { ExplainedSample } from "../algos/explain-samples.ts";
import type { Replay } from "../tasks/replay.ts";
import { escaped, page } from "./page.ts";
import { profilesSection } from "./report-profiles.ts";
import { samplesSection } from "./report-samples.ts";
import { bands, figureNames, groupRuns, isOfText, type Run, unitOf } from "./runs.ts";

export interface ReportPart {
  readonly run: Run;
  readonly replay: Replay | null;
  /** Completions of a language model, in the order of training. */
  readonly samples?: readonly ExplainedSample[];
}

export function reportPage(parts: readonly ReportPart[], live = false): string {
  const runs = parts.map(({ run }) => run);
  const groups = groupRuns(runs);
  const first = ["meanReturn", "meanLength"];
  const named = figureNames(runs).filter((name) => !first.includes(name) && !isIdle(name, runs));
  const names = [...first, ...named];
  const all = live && !runs.some(isOfText); // a text has no return before it is rewarded
  const charts = names
    .map((figure) => ({ figure, bands: bands(groups, figure) }))
    .filter(({ bands: list }) => all || list.some(({ mean }) => mean.some((x) => x !== null)));
  const replays = parts
    .filter(({ replay }) => (replay?.frames.length ?? 0) > 0)
    .map(({ run, replay }) => ({ name: run.path, ...replay }));
  const title = `pigrad: ${[...new Set(runs.map(({ config }) => config.task))].join(", ")}`;
  return page({
    title,
    live,
    data: { charts, replays, live, unit: unitOf(runs) },
    style,
    script,
    body: `<h1>${escaped(title)}</h1>
<p class="soft">${live ? '<span id="state">training …</span>' : `${runs.length} run${runs.length > 1 ? "s" : ""}; lines are means over seeds; bands are 95 % intervals of the mean, of two seeds from the least to the greatest`}</p>
${replays.length === 0 ? "" : replaySection}
<h2>Learning</h2>
<p id="legend" class="soft"></p>
<div id="charts"></div>
${live ? "" : profilesSection(groups)}
${parts.map(({ run, samples = [] }) => samplesSection(run.path, samples)).join("\n")}
<h2>Runs</h2>
<div class="scroll">${settingsTable(runs)}</div>`,
  });
}

/** Counters, which only ascend, and the value loss of algorithms without a critic, which is constantly 0. */
const isIdle = (figure: string, runs: readonly Run[]): boolean =>
  figure === "episodes" ||
  figure === "seconds" ||
  figure === "trainedTokens" ||
  (figure === "valueLoss" &&
    runs.every(({ curves }) => curves.get(figure)?.values.every((x) => x === 0) ?? true));

const replaySection = `<h2>Replay</h2>
<div class="replay">
<canvas id="stage" width="480" height="300" role="img" aria-label="the environment, step by step"></canvas>
<div class="thoughts">
<p><select id="which" aria-label="run"></select> <button id="play">pause</button>
<label><input id="at" type="range" min="0" value="0" aria-label="step"></label></p>
<p id="what" class="soft"></p>
<h3 id="outputs-title">What it would do</h3><div id="outputs" class="bars"></div>
<h3>What it looks at <span class="soft">|x · ∂f/∂x| as shares, f = ln π, or a continuous action</span></h3><div id="attribution" class="bars"></div>
</div></div>`;

function settingsTable(runs: readonly Run[]): string {
  const facts = runs.map(({ config, last }) => {
    const { task, algo, seed, steps, backend, settings } = config;
    return {
      task,
      algo,
      seed,
      backend,
      steps,
      "steps taken": last?.envSteps ?? 0,
      seconds: last?.seconds ?? 0,
      ...settings,
    } as Record<string, unknown>;
  });
  const names = [...new Set(facts.flatMap(Object.keys))];
  const head = `<tr><th scope="row">run</th>${runs.map(({ path }) => `<th>${escaped(path)}</th>`).join("")}</tr>`;
  const rows = names.map((name) => {
    const cells = facts.map((fact) => `<td>${escaped(shown(fact[name]))}</td>`).join("");
    return `<tr><th scope="row">${escaped(name)}</th>${cells}</tr>`;
  });
  return `<table><thead>${head}</thead><tbody>${rows.join("")}</tbody></table>`;
}

const shown = (value: unknown): string => {
  const text = String(value ?? "–");
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
};

const style = `
.soft { color: var(--soft); font-weight: 400; font-size: 13px; }
#charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr)); gap: 1.2rem; }
#charts > div { min-width: 0; }
.u-title { font-size: 14px; }
.read { margin: 0; min-height: 1.5em; }
#legend span { margin-right: 1.2rem; }
.replay { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 1.5rem; }
#stage { max-width: 100%; height: auto; border: 1px solid var(--line); }
.thoughts { flex: 1 1 18rem; min-width: 0; }
.thoughts h3 { font-size: 14px; margin: .8rem 0 .2rem; }
.bars div { display: grid; grid-template-columns: var(--name, 3.5rem) 1fr 3.5rem; gap: .5rem; align-items: center; font-size: 12px; }
.bars i { display: block; height: .7rem; background: #2f6fde; }
.bars .taken i { background: #d9582b; }
`;

/** Runs in the page. */
const script = `
const { charts, replays, live, unit } = JSON.parse(document.getElementById("data").textContent);
const css = getComputedStyle(document.documentElement);
const [ink, line] = ["--ink", "--line"].map((name) => css.getPropertyValue(name));
const colors = ["#2f6fde", "#d9582b", "#2b9a66", "#8b5cf6", "#c99700", "#0891b2"];
const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line } };
const short = (x) => x == null ? "–" : Math.abs(x) >= 1e5 || (x !== 0 && Math.abs(x) < 1e-3) ? x.toExponential(1) : String(+x.toPrecision(4));
const steps = (x) => x >= 1e6 ? +(x / 1e6).toPrecision(3) + "M" : x >= 1e3 ? +(x / 1e3).toPrecision(3) + "k" : x;
const plots = new Map();
function draw({ figure, bands }) {
  const box = document.createElement("div");
  document.getElementById("charts").append(box);
  const at = [...new Set(bands.flatMap((b) => b.steps))].sort((a, b) => a - b);
  const on = (b, values) => { const map = new Map(b.steps.map((s, i) => [s, values[i]])); return at.map((s) => map.has(s) ? map.get(s) : undefined); };
  const read = document.createElement("p");
  read.className = "soft read";
  const series = [{}], data = [at], areas = [], means = [];
  bands.forEach((b, i) => {
    const color = colors[i % colors.length];
    const many = b.low.some((x, j) => x !== b.high[j]);
    means.push([series.length, color]);
    series.push({ label: b.name, stroke: color, width: 1.5, spanGaps: true, points: { show: (u, j) => u.data[j].filter((v) => v != null).length < 3 } });
    data.push(on(b, b.mean));
    if (!many) return;
    for (const edge of [b.high, b.low]) { series.push({ stroke: "transparent", points: { show: false }, spanGaps: true }); data.push(on(b, edge)); }
    areas.push({ series: [series.length - 2, series.length - 1], fill: color + "22" });
  });
  const plot = new uPlot({
    title: figure, width: box.clientWidth, height: 220, bands: areas, cursor: { sync: { key: "all" } },
    scales: { x: { time: false } }, legend: { show: false },
    hooks: { setCursor: [(u) => {
      const i = u.cursor.idx;
      if (i == null) { read.textContent = ""; return; }
      const values = means.flatMap(([j, color]) => u.data[j][i] != null ? [[color, short(u.data[j][i])]] : []);
      read.replaceChildren(u.data[0][i].toLocaleString("en") + " " + unit, ...values.map(([color, text]) => { const b = document.createElement("b"); b.style.color = color; b.textContent = " " + text; return b; }));
    }] },
    axes: [{ ...axis, label: unit, labelSize: 18, labelFont: "12px system-ui", size: 34, values: (_, list) => list.map(steps) }, { ...axis, size: 62, values: (_, list) => list.map(short) }],
    series,
  }, data, box);
  box.append(read);
  plots.set(figure, { plot, box, data });
}
charts.forEach(draw);
document.getElementById("legend").replaceChildren(...(live ? [] : charts[0]?.bands ?? []).map(({ name }, i) => {
  const chip = document.createElement("span");
  chip.style.color = colors[i % colors.length];
  chip.textContent = "━ " + name + "  ";
  return chip;
}));
new ResizeObserver(() => { for (const { plot, box } of plots.values()) plot.setSize({ width: box.clientWidth, height: 220 }); }).observe(document.getElementById("charts"));

if (live) {
  let taught = 0;
  const source = new EventSource("events");
  source.onmessage = ({ data: text }) => {
    const report = JSON.parse(text);
    if (report.type === "end") { document.getElementById("state").textContent = "done"; source.close(); return; }
    taught = report.trainedTokens ?? taught;
    const step = taught + report.envSteps;
    document.getElementById("state").textContent = "training: " + step.toLocaleString("en") + " " + unit.split(" ").pop() + ", " + ("loss" in report ? "loss " + short(report.loss) : "mean return " + short(report.meanReturn));
    for (const [figure, value] of Object.entries(report)) {
      if (["type", "update", "envSteps", "episodes", "seconds", "trainedTokens"].includes(figure) || (typeof value !== "number" && value !== null)) continue;
      if (!plots.has(figure) && value === null) continue;
      if (!plots.has(figure)) draw({ figure, bands: [{ name: figure, steps: [], mean: [], low: [], high: [] }] });
      const { plot, data } = plots.get(figure);
      data[0].push(step); data[1].push(value);
      if (data[0].length > 3000) { data[0] = data[0].filter((_, i) => i % 2); data[1] = data[1].filter((_, i) => i % 2); }
      plots.get(figure).fresh = true;
    }
  };
  setInterval(() => { for (const p of plots.values()) if (p.fresh) { p.plot.setData(p.data); p.fresh = false; } }, 250);
}

if (replays.length > 0) {
  const $ = (id) => document.getElementById(id);
  const canvas = $("stage"), pen = canvas.getContext("2d");
  let run = replays[0], at = 0, playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  replays.forEach(({ name }, i) => $("which").add(new Option(name, i)));
  const bars = (box, values, chosen, names) => {
    const most = Math.max(1, ...values.map(Math.abs)); // probabilities and shares are parts of 1
    const width = Math.max(3.5, ...(names ?? []).slice(0, 24).map((name) => Math.min(name.length, 26) * 0.45));
    box.style.setProperty("--name", width + "rem");
    // the 24 largest, in their order
    const shown = [...values.keys()].sort((a, b) => Math.abs(values[b]) - Math.abs(values[a])).slice(0, 24).sort((a, b) => a - b);
    box.replaceChildren(...shown.map((i) => {
      const v = values[i];
      const row = document.createElement("div"), name = document.createElement("span"), bar = document.createElement("i"), number = document.createElement("span");
      name.textContent = names?.[i] ?? i; number.textContent = short(+v.toFixed(3)); bar.style.width = 100 * Math.abs(v) / most + "%";
      if (chosen === i) row.className = "taken";
      row.append(name, bar, number); return row;
    }));
  };
  const named = (action) => run.firstAction === undefined ? action.map(short).join(" ") : run.actionNames?.[action[0] - run.firstAction] ?? short(action[0]);
  function show() {
    const { scene, episode, action, outputs, value, attribution } = run.frames[at];
    const scale = Math.min(canvas.width / scene.width, canvas.height / scene.height);
    pen.setTransform(1, 0, 0, 1, 0, 0); pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.setTransform(scale, 0, 0, scale, (canvas.width - scale * scene.width) / 2, (canvas.height - scale * scene.height) / 2);
    for (const m of scene.marks) {
      pen.fillStyle = pen.strokeStyle = m.color ?? ink;
      if (m.kind === "line") { pen.lineWidth = m.width; pen.lineCap = "round"; pen.beginPath(); for (let i = 0; i < m.points.length; i += 2) pen.lineTo(m.points[i], m.points[i + 1]); pen.stroke(); }
      else if (m.kind === "disk") { pen.beginPath(); pen.arc(m.x, m.y, m.r, 0, 7); pen.fill(); }
      else if (m.kind === "box") pen.fillRect(m.x, m.y, m.w, m.h);
      else { pen.font = m.size + "px monospace"; pen.fillText(m.text, m.x, m.y); }
    }
    $("at").value = at;
    $("what").textContent = "episode " + (episode + 1) + " of return " + short(run.returns[episode]) + ", step " + (at + 1 - run.frames.findIndex((frame) => frame.episode === episode)) + ", action " + named(action) + (value === null ? "" : ", V " + short(value));
    bars($("outputs"), outputs ?? [], action.length === 1 ? action[0] - (run.firstAction ?? 0) : -1, run.actionNames);
    bars($("attribution"), attribution ?? [], -1, run.observationNames);
  }
  const choose = (i) => { run = replays[i]; at = 0; $("at").max = run.frames.length - 1; show(); };
  $("which").onchange = () => choose(Number($("which").value));
  $("at").oninput = () => { playing = false; $("play").textContent = "play"; at = Number($("at").value); show(); };
  $("play").textContent = playing ? "pause" : "play";
  $("play").onclick = () => { playing = !playing; $("play").textContent = playing ? "pause" : "play"; };
  choose(0);
  setInterval(() => { if (playing) { at = (at + 1) % run.frames.length; show(); } }, 40);
}
`;
