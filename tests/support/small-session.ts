/** A small training of control, with some settings changed. */

import type { EnvironmentSession } from "../../src/tasks/environment-session.ts";
import { configOf, openControl } from "./sessions.ts";

export const small = { hidden: [4], rollout: 4, envs: 2, minibatch: 4 };
export function session(
  settings: object = {},
  { task = "line", algo = "ppo", seed = 3, steps = 1000 } = {},
): EnvironmentSession {
  return openControl(
    configOf({ task, algo, seed, steps, backend: "loops", settings: { ...small, ...settings } }),
  );
}
