/** An episode's steps as text: the environment's drawing, and the action, reward and return below it. */
import { styleText } from "node:util";
import { printable } from "../core/printable.ts";
import type { Dynamics } from "../envs/env.ts";
import type { Space } from "../envs/space.ts";

/** An environment after a step of an episode. */
export interface Frame {
  readonly env: Dynamics;
  readonly episode: number;
  readonly step: number;
  /** The action of the last step; null before the first. */
  readonly action: string | null;
  readonly total: number;
}

export const isOver = ({ terminated, truncated }: Dynamics): boolean => terminated || truncated;

/** Returns an action with the names that its space has. */
export function actionText(space: Space, action: ArrayLike<number>): string {
  const { names } = space;
  switch (space.kind) {
    case "discrete":
      return names?.[action[0] - space.start] ?? String(action[0]);
    case "multiDiscrete": {
      let first = 0;
      return space.choices
        .map((n, i) => {
          const name = names?.[first + action[i] - space.start[i]] ?? String(action[i]);
          first += n;
          return name;
        })
        .join(", ");
    }
    default:
      return Array.from(action, (x, i) => {
        const value = space.kind === "box" ? x.toFixed(3) : String(x);
        return names === null ? value : `${names[i]} ${value}`;
      }).join(", ");
  }
}

/** Rounds to two places at most, as people write returns. */
const short = (x: number): string => String(Math.round(100 * x) / 100);

/** Returns a frame: the drawing, and a line about the step. */
export function frameText({ env, episode, step, action, total }: Frame, color: boolean): string {
  const paint: typeof styleText = (style, text) => (color ? styleText(style, text) : text);
  const reward = paint(env.reward < 0 ? "red" : "green", short(env.reward));
  const facts =
    action === null
      ? [`episode ${episode}`, "start"]
      : [
          `episode ${episode}`,
          `step ${step}`,
          paint("cyan", printable(action)),
          `reward ${reward}`,
          `return ${short(total)}`,
        ];
  const drawing = printable(env.render());
  return `${color ? colored(drawing) : drawing}\n${facts.join("  ")}\n`;
}

/** Returns one line about an episode that is over. */
export function endText({ env, episode, step, total }: Frame): string {
  const success = env.success === null ? "" : env.success ? ", success" : ", no success";
  const cut = env.truncated ? ", cut short" : "";
  return `episode ${episode} over after ${step} steps: return ${short(total)}${success}${cut}\n`;
}

/** Colors the signs that people look for, and dims the ground. */
function colored(drawing: string): string {
  return drawing
    .replace(/[·.]+/g, (ground) => styleText("dim", ground))
    .replace(/[●█X]+/g, (figure) => styleText(["bold", "yellow"], figure))
    .replace(/[O∘▒▂]+/g, (figure) => styleText("red", figure));
}
