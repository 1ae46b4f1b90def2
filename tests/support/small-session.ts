/** A small training of control, with some settings changed. */
import { open, resolve, type Session } from "../../src/tasks/session.ts";

export const small = { hidden: [4], rollout: 4, envs: 2, minibatch: 4 };
export function session(
  settings: object = {},
  { task = "line", algo = "ppo", seed = 3, steps = 1000 } = {},
): Session {
  return open(
    resolve({ task, algo, seed, steps, backend: "loops", settings: { ...small, ...settings } }),
  );
}
