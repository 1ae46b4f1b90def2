/** Trains, plays and compares, off the page's thread: a few milliseconds at a time, so that it hears the page. */

import { SettingError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { messageOf } from "../../src/core/thrown.ts";
import { lab, labProblems } from "../../src/oracle/lab.ts";
import type { OwnFiles } from "../../src/tasks/own-files.ts";
import { open, type Session } from "../../src/tasks/session.ts";
import { completing } from "../../src/tasks/text/completing.ts";
import { begun } from "../../src/text/task.ts";
import type { Progress, Setup, ToPage, ToWorker } from "./messages.ts";
import { loadPageModel } from "./model.ts";
import { loadPageTask } from "./own.ts";
import { moduleOf, replayOf, runOf, taskInfos } from "./sessions.ts";

interface Scope {
  postMessage(message: ToPage): void;
  onmessage: ((event: { readonly data: ToWorker }) => void) | null;
}
const scope = globalThis as unknown as Scope;
const say = (message: ToPage): void => scope.postMessage(message);

const slice = 25; // milliseconds of work between looking at messages
const spoken = 200; // between progress messages
const played = 1500; // between replays

let session: Session | null = null;
let own: OwnFiles = {}; // the page's own files
let [running, over] = [false, false];
let points: Progress[] = [];
let steps = 0; // of the last progress message
let [lastSaid, lastPlayed] = [0, 0];

function update(current: Session): void {
  const { value, done } = current.reports.next();
  if (done !== true) points.push({ envSteps: value.envSteps, meanReturn: value.meanReturn });
  over = done === true || current.training.envSteps >= current.config.steps;
}

function tell(current: Session, force: boolean): void {
  const now = performance.now();
  if (force || now - lastSaid > spoken) {
    const { envSteps } = current.training;
    const speed = (1000 * (envSteps - steps)) / Math.max(1, now - lastSaid);
    say({ type: "progress", points, speed, done: over });
    [points, steps, lastSaid] = [[], envSteps, now];
  }
  if (force || now - lastPlayed > played) {
    say({ type: "replay", replay: replayOf(current) });
    lastPlayed = performance.now();
  }
}

function work(): void {
  if (!running || session === null) return;
  for (const end = performance.now() + slice; !over && performance.now() < end; ) update(session);
  tell(session, over);
  running &&= !over;
  if (running) setTimeout(work, 0);
}

function openSession(setup: Setup): void {
  [running, over] = [false, false];
  session = open(runOf(setup, own));
  [points, steps, lastSaid] = [[], 0, performance.now()];
  say({ type: "opened", backend: session.config.backend });
  tell(session, true);
}

async function openModel(from: readonly File[] | string): Promise<void> {
  const loaded = await loadPageModel(from, (what) => say({ type: "loading", what }));
  own = { ...own, model: loaded.file };
  say({ type: "model", about: loaded.about, tasks: taskInfos(own) });
}

async function openTask(code: string): Promise<void> {
  own = { ...own, task: await loadPageTask(code) };
  say({ type: "own", tasks: taskInfos(own) });
}

const seeds = new Random(1);

/** Continues a person's text. */
function complete(current: Session, prompt: string): void {
  if (current.kind !== "text") throw new SettingError("to continue a text: choose a task of texts");
  const before = begun(current.task, current.task.tokenizer.encode(prompt));
  let text = prompt;
  for (const more of completing(current, before, seeds.split(), {})) {
    text += more;
    say({ type: "written", text });
  }
}

const fail = (error: unknown): void => {
  running = false;
  say({ type: "failed", message: messageOf(error) });
};

scope.onmessage = ({ data }) => {
  try {
    if (data.type === "open") openSession(data.setup);
    else if (data.type === "model") void openModel(data.from).catch(fail);
    else if (data.type === "own") void openTask(data.code).catch(fail);
    else if (data.type === "lab") say({ type: "lab", report: lab(data.problem) });
    else if (data.type === "pause") running = false;
    else if (session === null) return;
    else if (data.type === "complete") complete(session, data.prompt);
    else if (data.type === "run") {
      [running, lastSaid] = [true, performance.now()];
      work();
    } else if (data.type === "step") {
      update(session);
      tell(session, true);
    } else say({ type: "file", js: moduleOf(session) });
  } catch (error) {
    fail(error);
  }
};
say({ type: "ready", tasks: taskInfos(own), problems: Object.keys(labProblems) });
