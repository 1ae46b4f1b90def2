/** A training inside a chapter, by the playground's worker: `<pg-train task=… algo=… slide="clip:0.02:0.6:0.02">`. */

import type { Replay } from "../../../src/tasks/replay.ts";
import { drawCurve, drawScene, grouped } from "../../playground/draw.ts";
import type { Progress, ToPage, ToWorker } from "../../playground/messages.ts";
import { part, sliders, Widget } from "./parts.ts";

const canvas = (into: HTMLElement, label: string): HTMLCanvasElement => {
  const element = document.createElement("canvas");
  Object.assign(element, { width: 560, height: 260, ariaLabel: label });
  element.setAttribute("role", "img");
  into.append(element);
  return element;
};

export class TrainWidget extends Widget {
  private worker: Worker | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;

  protected fill(): void {
    const {
      task = "cartpole",
      algo = "ppo",
      seed = "1",
      steps = "50000",
      slide = "",
    } = this.dataset;
    const controls = part(this, "controls");
    const pictures = part(this, "pictures");
    const [curve, stage] = [
      canvas(pictures, "mean return against steps"),
      canvas(pictures, "the policy, step by step"),
    ];
    const told = part(this, "told");
    told.setAttribute("role", "status");
    told.textContent = `${algo} on ${task}, ${grouped(Number(steps))} steps, seed ${seed}`;
    const run = Object.assign(document.createElement("button"), {
      type: "button",
      textContent: "Train",
    });
    let settings: Record<string, string> = {};
    if (slide !== "") {
      const [name, min, max, step, value] = slide.split(":");
      const numbers = {
        min: Number(min),
        max: Number(max),
        step: Number(step),
        value: Number(value),
      };
      sliders(controls, [{ label: name, ...numbers }], ([x]) => {
        settings = { [name]: String(x) };
        this.stop();
        run.textContent = "Train";
      });
    }
    controls.append(run);
    const setup = () => ({
      task,
      algo,
      seed: Number(seed),
      steps: Number(steps),
      backend: "auto",
      settings,
    });
    run.onclick = () => {
      const start = this.worker === null;
      this.stop();
      run.textContent = start ? "Stop" : "Train";
      if (start) this.train(setup(), { curve, stage, told, run });
    };
  }

  private train(
    setup: Extract<ToWorker, { type: "open" }>["setup"],
    {
      curve,
      stage,
      told,
      run,
    }: { curve: HTMLCanvasElement; stage: HTMLCanvasElement; told: HTMLElement; run: HTMLElement },
  ): void {
    const worker = new Worker("/playground/worker.js", { type: "module" });
    this.worker = worker;
    const tell = (message: ToWorker): void => worker.postMessage(message);
    const points: Progress[] = [];
    let replay: Replay = { frames: [], returns: [] };
    let frame = 0;
    let solved: number | null = null;
    this.timer = setInterval(() => {
      if (replay.frames.length > 0)
        drawScene(stage, replay.frames[frame++ % replay.frames.length].scene);
    }, 60);
    worker.onmessage = ({ data }: MessageEvent<ToPage>) => {
      if (data.type === "ready") {
        solved = data.tasks[setup.task].solved;
        tell({ type: "open", setup });
        tell({ type: "run" });
      } else if (data.type === "replay") replay = data.replay;
      else if (data.type === "failed") told.textContent = data.message;
      else if (data.type === "progress") {
        points.push(...data.points);
        drawCurve(curve, points, solved);
        const last = points.at(-1);
        if (last !== undefined)
          told.textContent = `${grouped(last.envSteps)} steps, mean return ${last.meanReturn.toFixed(2)}${data.done ? ", done" : ""}`;
        if (data.done) run.textContent = "Train";
      }
    };
  }

  private stop(): void {
    this.worker?.terminate();
    clearInterval(this.timer);
    this.worker = null;
  }

  disconnectedCallback(): void {
    this.stop();
  }
}

/** The whole playground, in a frame. */
export class PlaygroundWidget extends Widget {
  protected fill(): void {
    const frame = document.createElement("iframe");
    Object.assign(frame, { src: "/playground/index.html", title: "the playground" });
    this.append(frame);
  }
}
