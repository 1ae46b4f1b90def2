/** Episodes of a policy as pictures, with what it thought at each step: what a report plays back. */
import type { Scene } from "../envs/scene.ts";
import { type Names, numberNames, type Space } from "../envs/space.ts";
import { explainer } from "../policies/explain.ts";
import type { EnvironmentSession } from "./environment-session.ts";

export interface Frame {
  readonly episode: number;
  readonly scene: Scene;
  readonly action: readonly number[];
  readonly outputs: readonly number[] | null;
  readonly value: number | null;
  readonly attribution: readonly number[] | null;
}
export interface Replay {
  readonly frames: readonly Frame[];
  readonly returns: readonly number[];
  /** Of the observation's numbers, and of the actions' choices or numbers; null without. */
  readonly observationNames?: Names;
  readonly actionNames?: Names;
  /** The number of the first choice, of one choice per step. */
  readonly firstAction?: number;
}

/** Plays `episodes` greedily and keeps at most `most` frames. */
export function replay(
  session: EnvironmentSession,
  episodes: number,
  seed: number,
  most = 1200,
): Replay {
  const { model, env } = session.training;
  const explain = explainer(model, env.mask !== null);
  const frames: Frame[] = [];
  const { returns } = session.play(episodes, seed, true, (episode, actor, played) => {
    if (frames.length >= most) return;
    const why = explain?.(actor.observation, actor.mask, actor.action) ?? null;
    frames.push({
      episode,
      scene: played.envs[0].scene(),
      action: Array.from(actor.command),
      outputs: why?.outputs ?? null,
      value: why?.value ?? null,
      attribution: why?.attribution ?? null,
    });
  });
  const { observation, action } = model.options;
  return {
    frames,
    returns,
    observationNames: numberNames(observation),
    actionNames: action.names,
    ...firstActionOf(action),
  };
}

/** The number of the first choice, where an action is one choice. */
function firstActionOf(action: Space): Pick<Replay, "firstAction"> {
  if (action.kind === "discrete") return { firstAction: action.start };
  return action.kind === "multiDiscrete" && action.size === 1
    ? { firstAction: action.start[0] }
    : {};
}
