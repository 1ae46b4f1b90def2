/** A policy at play: shown at a speed, paused and stepped by keys on a terminal. */
import { TimeLimit } from "../envs/wrappers.ts";
import { Actor } from "../policies/actor.ts";
import { beginEpisode, evaluationLimit } from "../rollout/evaluate.ts";
import type { VectorEnv } from "../rollout/vector-env.ts";
import type { EnvironmentSession } from "../tasks/environment-session.ts";
import { actionText, endText, type Frame, frameText, isOver } from "./play-frame.ts";
import { say } from "./stdout.ts";
import { Keys, Terminal } from "./terminal.ts";

export interface PlayOptions {
  readonly episodes: number;
  readonly seed: number;
}
export interface WatchOptions extends PlayOptions {
  readonly greedy: boolean;
  /** Steps per second, on a terminal. */
  readonly speed: number;
}

/** Yields every step of episodes, the same as those of an evaluation with this seed. */
function* framesOf(
  { training, makeEnv }: EnvironmentSession,
  { episodes, seed, greedy }: WatchOptions,
): Generator<Frame, void> {
  const made = makeEnv();
  const env = Number.isFinite(made.maxSteps) ? made : new TimeLimit(made, evaluationLimit);
  const envs = training.env.around([env], { autoreset: false, normalizeReward: false });
  envs.learning = false;
  const actor = new Actor(training.model, 1, { masked: envs.mask !== null, value: false });
  try {
    for (let episode = 1; episode <= episodes; episode++) {
      const random = beginEpisode(envs, seed, episode - 1);
      const act = () => (greedy ? actor.actGreedily() : actor.act(random));
      yield { env, episode, step: 0, action: null, total: 0 };
      for (let step = 1, total = 0; !isOver(env); step++) {
        take(envs, actor, act);
        total += env.reward;
        yield { env, episode, step, action: actionText(env.actionSpace, actor.command), total };
      }
    }
  } finally {
    actor.free();
    env.close();
  }
}

function take(envs: VectorEnv, actor: Actor, act: () => void): void {
  actor.observation.set(envs.observation);
  if (envs.mask !== null) actor.mask.set(envs.mask);
  actor.reset.set(envs.fresh);
  act();
  envs.step(actor.command);
}

/** Shows episodes: live on a terminal, else one frame after another without waiting. */
export async function watch(session: EnvironmentSession, options: WatchOptions): Promise<void> {
  const frames = framesOf(session, options);
  if (process.stdout.isTTY) say((await watchLive(frames, options.speed)).join(""));
  else printFrames(frames);
}

function printFrames(frames: Iterable<Frame>): void {
  for (const frame of frames) {
    say(`${frameText(frame, false)}\n`);
    if (isOver(frame.env)) say(`${endText(frame)}\n`);
  }
}

const help = "space pauses, → or n steps, + and − change the speed, q quits";
const least = 0.1; // steps per second
const most = 1000;
const pause = 1; // seconds at least that an episode's end is shown

/** Shows frames until they end or a key ends them. Returns a line per episode that was shown to its end. */
async function watchLive(frames: Iterable<Frame>, speed: number): Promise<string[]> {
  const ends: string[] = [];
  const terminal = new Terminal();
  const keys = new Keys();
  const pace = new Pace(keys, speed);
  const color = process.stdout.hasColors();
  try {
    for (const frame of frames) {
      const over = isOver(frame.env);
      const text = frameText(frame, color) + (over ? endText(frame) : "\n");
      if (over) ends.push(endText(frame));
      const show = () => terminal.draw(`${text}\n${pace.text()}\n${help}\n`);
      if (!(await pace.goesOn(show, over ? pause : 0))) break;
    }
  } finally {
    keys.close();
    terminal.close();
  }
  return ends;
}

/** The speed of a show, and the keys that change it. */
class Pace {
  private readonly keys: Keys;
  private speed: number;
  private paused = false;

  constructor(keys: Keys, speed: number) {
    this.keys = keys;
    this.speed = speed;
  }

  text(): string {
    return this.paused ? "paused" : `${Math.round(10 * this.speed) / 10} steps per second`;
  }

  /** Shows the step until it is time for the next one. Returns false if a key ended the show. */
  async goesOn(show: () => void, seconds: number): Promise<boolean> {
    const begun = performance.now();
    for (;;) {
      show();
      const wait = 1000 * Math.max(seconds, 1 / this.speed) - (performance.now() - begun);
      const key = await this.keys.next(this.paused ? Infinity : Math.max(0, wait));
      if (key === null) return !this.paused; // it is time, or no more keys can come
      if (key === "q" || key === "ctrl-c") return false;
      if (key === "right" || key === "n") return true;
      if (key === "space") this.paused = !this.paused;
      if (key === "+" || key === "=") this.speed = Math.min(most, 1.5 * this.speed);
      if (key === "-") this.speed = Math.max(least, this.speed / 1.5);
    }
  }
}
