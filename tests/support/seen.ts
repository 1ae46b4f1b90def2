/** What an environment shows, written behind a number that must stay. */
import type { Dynamics } from "../../src/envs/env.ts";

export function seen(env: Dynamics): number[] {
  const { size } = env.observationSpace;
  const out = new Float32Array(size + 2).fill(77);
  env.observe(out, 1);
  if (out[0] !== 77 || out[size + 1] !== 77) throw new Error("observe: wrote beyond its place");
  return [...out.subarray(1, size + 1)];
}

/** One action from a state: the state reached, the reward and the flags. */
export function stepFrom(
  env: Dynamics,
  state: ArrayLike<number>,
  action: number | ArrayLike<number>,
) {
  env.startFrom(state);
  env.act([Number.NaN, ...(typeof action === "number" ? [action] : Array.from(action))], 1);
  const { reward, terminated, truncated, success } = env;
  return { state: [...env.state], reward, terminated, truncated, success };
}

export function mustBeNear(got: ArrayLike<number>, want: ArrayLike<number>, digits = 9): void {
  const [a, b] = [got, want].map((x) => Array.from(x));
  if (a.length !== b.length || a.some((x, i) => !(Math.abs(x - b[i]) < 10 ** -digits)))
    throw new Error(`expected [${b}], got [${a}]`);
}
