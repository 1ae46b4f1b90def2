/** The page: a form, two canvases and a table. All training is in a worker; a link holds the whole setup. */
import type { LabReport } from "../../src/oracle/lab.ts";
import type { Replay } from "../../src/tasks/replay.ts";
import { drawCurve, drawScene, grouped, shade } from "./draw.ts";
import { sandboxEngine, workerEngine } from "./engine.ts";
import type { Progress, Setup, TaskInfo, ToPage } from "./messages.ts";
import { example } from "./own.ts";
import { chapterPresets } from "./presets.ts";

const by = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const [task, algo, backend, problem, chapter] = [
  "task",
  "algo",
  "backend",
  "problem",
  "chapter",
].map((id) => by<HTMLSelectElement>(id));
const [seed, steps, at] = ["seed", "steps", "at"].map((id) => by<HTMLInputElement>(id));
const [run, play] = ["run", "play"].map((id) => by<HTMLButtonElement>(id));
const [curve, stage] = ["curve", "stage"].map((id) => by<HTMLCanvasElement>(id));

let engine = workerEngine(heard);
let tasks: Readonly<Record<string, TaskInfo>> = {};
let points: Progress[] = [];
let replay: Replay = { frames: [], returns: [] };
let [training, playing] = [false, true];
/** The curves of earlier runs of the task, each with what it was. */
let earlier: { readonly label: string; readonly points: readonly Progress[] }[] = [];
let opened = { task: "", label: "" };

// ---- setting up

function fill(select: HTMLSelectElement, names: readonly string[], chosen: string): void {
  select.replaceChildren(...names.map((name) => new Option(name, name, false, name === chosen)));
}

function chooseTask(name: string, wanted?: Setup): void {
  fill(task, Object.keys(tasks), name);
  const { algorithms, algo: usual } = tasks[name];
  fill(algo, Object.keys(algorithms), wanted?.algo ?? usual);
  chooseAlgorithm(wanted);
}

function chooseAlgorithm(wanted?: Setup): void {
  const info = tasks[task.value];
  by("asking").hidden = !info.isText;
  const { about, steps: usual, settings } = info.algorithms[algo.value];
  by("about").textContent = `${info.about}. ${about}.`;
  steps.value = String(wanted?.steps ?? usual);
  const inputs = settings.map(({ name, about, allowed, value }) => {
    const label = document.createElement("label");
    const field = document.createElement("input");
    field.name = name;
    field.value = wanted?.settings[name] ?? value;
    field.dataset.initial = value;
    label.title = `${about}; ${allowed}`;
    label.append(name, field);
    return label;
  });
  by("settings").replaceChildren(...inputs);
  reopen();
}

function setupNow(): Setup {
  const changed = [...by("settings").querySelectorAll("input")].filter(
    (field) => field.value !== field.dataset.initial,
  );
  return {
    task: task.value,
    algo: algo.value,
    seed: Number(seed.value),
    steps: Number(steps.value),
    backend: backend.value,
    settings: Object.fromEntries(changed.map(({ name, value }) => [name, value])),
  };
}

/** Begins again with the values of the form. */
function reopen(): void {
  setTraining(false);
  const setup = setupNow();
  keepCurve(setup);
  const { settings, ...rest } = setup;
  const query = new URLSearchParams({ ...rest, ...settings } as unknown as Record<string, string>);
  history.replaceState(null, "", `#${query}`);
  engine.tell({ type: "open", setup });
}

/** Puts the curve so far among the earlier ones, unless another task begins. */
function keepCurve({ task, algo, seed, settings }: Setup): void {
  if (task !== opened.task) earlier = [];
  else if (points.length > 1) earlier = [...earlier, { label: opened.label, points }].slice(-5);
  points = [];
  const changed = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  opened = { task, label: [`${algo}, seed ${seed}`, ...changed].join(", ") };
  by("clear").hidden = earlier.length === 0;
  by("earlier").replaceChildren(
    ...earlier.map(({ label }, i) => {
      const [row, key] = [document.createElement("li"), document.createElement("canvas")];
      const pen = key.getContext("2d");
      if (pen !== null) {
        pen.fillStyle = shade(i);
        pen.fillRect(0, 0, key.width, key.height);
      }
      row.append(key, label);
      return row;
    }),
  );
  showCurve();
}

const showCurve = (): void =>
  drawCurve(
    curve,
    points,
    tasks[task.value].solved,
    earlier.map((run) => run.points),
  );

/** The setup that the page's address asks for. */
function linked(): Setup | undefined {
  const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const { task = "", algo = "", seed = "1", steps = "", backend = "auto", ...settings } = given;
  if (!Object.hasOwn(tasks, task) || !Object.hasOwn(tasks[task].algorithms, algo)) return undefined;
  return { task, algo, seed: Number(seed), steps: Number(steps), backend, settings };
}

// ---- training

function setTraining(on: boolean): void {
  training = on;
  run.textContent = on ? "Pause" : "Start";
  run.setAttribute("aria-pressed", String(on));
}

function show(message: Extract<ToPage, { type: "progress" }>): void {
  points.push(...message.points);
  if (points.length > 2000) points = points.filter((_, i) => i % 2 === 0); // a curve needs no more
  if (message.done) setTraining(false);
  showCurve();
  const last = points.at(-1);
  if (last === undefined) return;
  const speed = training ? `, ${grouped(Math.round(message.speed))} steps/s` : "";
  const state = message.done ? "done" : training ? "training" : "paused";
  by("status").textContent =
    `${state}: ${grouped(last.envSteps)} steps, mean return ${last.meanReturn.toFixed(2)}${speed}`;
}

// ---- the policy at work

function showFrame(): void {
  const { frames, returns, actionNames, firstAction = 0 } = replay;
  const frame = frames[Number(at.value)];
  if (frame === undefined) return;
  drawScene(stage, frame.scene);
  const value = frame.value === null ? "" : `, V = ${frame.value.toFixed(2)}`;
  by("frame").textContent =
    `step ${at.value} of ${frames.length - 1}${value}; return of this episode ${returns[0].toFixed(1)}`;
  const outputs = frame.outputs ?? [];
  by("bars").replaceChildren(
    ...outputs.map((x, i) => {
      const row = document.createElement("div");
      const meter = document.createElement("meter");
      meter.value = x;
      meter.max = Math.max(1, ...outputs.map(Math.abs));
      const taken = frame.action[0] - firstAction === i && outputs.length > 1;
      const name = actionNames?.[i] ?? String(firstAction + i);
      row.append(taken ? `▸ ${name}` : name, meter, x.toFixed(3));
      return row;
    }),
  );
}

setInterval(() => {
  if (!playing || replay.frames.length === 0) return;
  at.value = String((Number(at.value) + 1) % replay.frames.length);
  showFrame();
}, 60);

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  showCurve();
  showFrame();
});

/** The frame under the pointer: the stage's width is the episode. */
function scrub(event: PointerEvent): void {
  if (playing) return;
  const { left, width } = stage.getBoundingClientRect();
  at.value = String(Math.floor(((event.clientX - left) / width) * replay.frames.length));
  showFrame();
}

// ---- comparing, taking home

function showLab({ fresh }: LabReport): void {
  const cells = (tag: "th" | "td", texts: readonly string[]) => {
    const row = document.createElement("tr");
    row.append(
      ...texts.map((text) => Object.assign(document.createElement(tag), { textContent: text })),
    );
    return row;
  };
  const number = (x: number): string =>
    Number.isFinite(x) ? String(Math.abs(x) < 1e-12 ? 0 : +x.toPrecision(3)) : "∞";
  by("estimators").replaceChildren(
    cells("th", ["estimator", "bias", "variance", "signal to noise"]),
    ...fresh.map(({ name, bias, variance, snr }) =>
      cells("td", [name, number(bias), number(variance), number(snr)]),
    ),
  );
}

function save(js: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([js], { type: "text/javascript" }));
  link.download = `${task.value}-policy.js`;
  link.click();
  URL.revokeObjectURL(link.href);
}

let pasted: string | null = null; // code that waits for the sandbox

function heard(data: ToPage): void {
  if (data.type === "ready" && pasted !== null) engine.tell({ type: "own", code: pasted });
  else if (data.type === "ready") {
    tasks = data.tasks;
    fill(problem, data.problems, data.problems[0]);
    const wanted = linked();
    if (wanted !== undefined) {
      seed.value = String(wanted.seed);
      backend.value = wanted.backend;
    }
    chooseTask(wanted?.task ?? Object.keys(tasks)[0], wanted);
  } else if (data.type === "own") {
    tasks = data.tasks;
    chooseTask(Object.keys(tasks)[0]);
  } else if (data.type === "opened") by("status").textContent = `ready, on ${data.backend}`;
  else if (data.type === "loading") by("model").textContent = data.what;
  else if (data.type === "model") {
    by("model").textContent = data.about;
    tasks = data.tasks;
    chooseTask(tasks[task.value].isText ? task.value : "sentiment");
  } else if (data.type === "written") by("written").textContent = data.text;
  else if (data.type === "progress") show(data);
  else if (data.type === "replay") {
    replay = data.replay;
    at.max = String(Math.max(0, replay.frames.length - 1));
    showFrame();
  } else if (data.type === "file") save(data.js);
  else if (data.type === "lab") showLab(data.report);
  else {
    setTraining(false);
    by("status").textContent = data.message;
    if (by("model").textContent !== "") by("model").textContent = data.message;
  }
}

for (const name of Object.keys(chapterPresets)) chapter.add(new Option(name, name));
chapter.onchange = () => {
  const preset = chapterPresets[chapter.value];
  if (preset === undefined) return;
  const { algorithms } = tasks[preset.task];
  const { steps } = algorithms[preset.algo];
  chooseTask(preset.task, { seed: 1, backend: "auto", settings: {}, steps, ...preset });
};
by<HTMLTextAreaElement>("code").value = example;
by("use").onclick = async () => {
  engine.stop();
  pasted = by<HTMLTextAreaElement>("code").value;
  by("status").textContent = "opening the sandbox";
  engine = await sandboxEngine(heard);
};
by("clear").onclick = () => {
  earlier = [];
  by("earlier").replaceChildren();
  by("clear").hidden = true;
  showCurve();
};
task.onchange = () => chooseTask(task.value);
algo.onchange = () => chooseAlgorithm();
by("setup").addEventListener("change", ({ target }) => {
  if (target !== task && target !== algo && target !== chapter) reopen();
});
by("setup").addEventListener("submit", (event) => event.preventDefault());
run.onclick = () => {
  setTraining(!training);
  engine.tell({ type: training ? "run" : "pause" });
};
by("step").onclick = () => {
  setTraining(false);
  engine.tell({ type: "pause" });
  engine.tell({ type: "step" });
};
by("reset").onclick = reopen;
by("download").onclick = () => engine.tell({ type: "download" });
by("share").onclick = async () => {
  await navigator.clipboard?.writeText(location.href);
  by("status").textContent = "the link is copied";
};
by("folder").onchange = () => {
  by("model").textContent = "reading";
  engine.tell({ type: "model", from: [...(by<HTMLInputElement>("folder").files ?? [])] });
};
by("fetch").onclick = () => {
  by("model").textContent = "fetching";
  const { value } = by<HTMLInputElement>("address");
  engine.tell({ type: "model", from: new URL(value, location.href).href });
};
by("asking").addEventListener("submit", (event) => {
  event.preventDefault();
  engine.tell({ type: "complete", prompt: by<HTMLInputElement>("prompt").value });
});
by("compare").onclick = () => engine.tell({ type: "lab", problem: problem.value });
play.onclick = () => {
  playing = !playing;
  play.textContent = playing ? "Pause replay" : "Play";
};
at.oninput = () => {
  if (playing) play.click();
  showFrame();
};
stage.onpointermove = scrub;
void navigator.serviceWorker?.register("sw.js");
