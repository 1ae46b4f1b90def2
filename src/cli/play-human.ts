/** A person at play: each key is an action. */
import { SettingError } from "../core/errors.ts";
import type { Dynamics } from "../envs/env.ts";
import type { Discrete } from "../envs/space.ts";
import { actionText, endText, type Frame, frameText, isOver } from "./play-frame.ts";
import type { PlayOptions } from "./play-policy.ts";
import { say } from "./stdout.ts";
import { Keys, Terminal } from "./terminal.ts";

const letters = "123456789abcdefghijklmnoprstuvwxyz"; // without q, which quits
const arrows: readonly string[] = ["up", "down", "left", "right"];

/** The keys of a space's actions. */
class Controls {
  private readonly space: Discrete;

  constructor(space: Discrete) {
    this.space = space;
  }

  /** Returns one line that names every key. */
  text(): string {
    const { n, names, start } = this.space;
    const keys =
      names === null
        ? `${letters[0]} to ${letters[n - 1]} are actions ${start} to ${start + n - 1}`
        : names.map((name, i) => `${letters[i]} ${name}`).join(", ");
    const also = arrows.some((arrow) => this.named(arrow) >= 0) ? ", or arrow keys" : "";
    return `keys: ${keys}${also}; q quits`;
  }

  /** Returns the index of the action of a key, or −1. */
  indexOf(key: string): number {
    if (arrows.includes(key)) return this.named(key);
    const i = key.length === 1 ? letters.indexOf(key) : -1;
    return i < this.space.n ? i : -1;
  }

  private named(name: string): number {
    return this.space.names?.findIndex((one) => one.toLowerCase() === name) ?? -1;
  }
}

/** Returns the environment's choices. Throws SettingError for actions that no key can stand for. */
function choicesOf(env: Dynamics, name: string): Discrete {
  const { actionSpace: space } = env;
  if (space.kind === "discrete" && space.n <= letters.length) return space;
  const got = space.kind === "discrete" ? `${space.n} choices` : `actions of kind ${space.kind}`;
  throw new SettingError(
    `${name}: --human expects one choice of at most ${letters.length} per step, got ${got}`,
  );
}

/** Lets a person play: on the whole screen of a terminal, else one frame after another. */
export async function playHuman(env: Dynamics, name: string, options: PlayOptions): Promise<void> {
  const controls = new Controls(choicesOf(env, name));
  const terminal = process.stdout.isTTY ? new Terminal() : null;
  const keys = new Keys();
  const color = terminal !== null && process.stdout.hasColors();
  const show = (frame: Frame, line: string): void => {
    const text = frameText(frame, color);
    if (terminal !== null) terminal.draw(`${text}${line}\n\n${controls.text()}\n`);
    else say(`${line === "" ? "" : `${line}\n`}${text}\n`);
  };
  const ends: string[] = [];
  try {
    if (terminal === null) say(`${controls.text()}\n\n`);
    env.seed(options.seed);
    for (let episode = 1; episode <= options.episodes; episode++) {
      const last = await episodeOf(env, episode, { controls, keys, show });
      if (last === null) break;
      ends.push(endText(last));
      if (terminal === null) continue;
      show(last, `${endText(last)}any key goes on`);
      const key = await keys.next();
      if (key === null || isQuit(key)) break;
    }
  } finally {
    keys.close();
    terminal?.close();
    env.close();
  }
  say(ends.join(""));
}

const isQuit = (key: string): boolean => key === "q" || key === "ctrl-c";

interface Seat {
  readonly controls: Controls;
  readonly keys: Keys;
  readonly show: (frame: Frame, line: string) => void;
}

/** Plays one episode. Returns its last frame, or null if the person quit or no more keys can come. */
async function episodeOf(
  env: Dynamics,
  episode: number,
  { controls, keys, show }: Seat,
): Promise<Frame | null> {
  const space = env.actionSpace as Discrete;
  const mask = new Float32Array(space.n).fill(1);
  env.start();
  let frame: Frame = { env, episode, step: 0, action: null, total: 0 };
  let line = "";
  while (!isOver(env)) {
    show(frame, line);
    const key = await keys.next();
    if (key === null || isQuit(key)) return null;
    const i = controls.indexOf(key);
    line = i < 0 ? `no action has the key ${key}` : "";
    if (i < 0) continue;
    const action = actionText(space, [space.start + i]);
    env.mask?.(mask, 0);
    line = mask[i] === 0 ? `${action} is not allowed here` : "";
    if (mask[i] === 0) continue;
    env.act([space.start + i], 0);
    frame = { env, episode, step: frame.step + 1, action, total: frame.total + env.reward };
  }
  show(frame, "");
  return frame;
}
