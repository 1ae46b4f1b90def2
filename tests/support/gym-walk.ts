/** A walk between walls in two forms: as a Dynamics, and as a plain object in Gymnasium's shape. */
import type { Floats } from "../../src/core/backend.ts";
import { Random } from "../../src/core/random.ts";
import { Dynamics } from "../../src/envs/env.ts";
import type { GymnasiumEnv } from "../../src/envs/gymnasium.ts";
import { box, discrete } from "../../src/envs/space.ts";

export class Walk extends Dynamics {
  readonly observationSpace = box({ low: -2, high: 2, names: ["place", "wind"] });
  readonly actionSpace = discrete(["left", "stay", "right"], 1);
  readonly state = new Float64Array(2);
  constructor() {
    super(12);
  }
  protected begin(): void {
    this.state[0] = this.random.uniform() - 0.5;
    this.state[1] = this.random.uniform() - 0.5;
  }
  protected advance(actions: ArrayLike<number>, at: number): void {
    this.state[0] += 0.3 * (actions[at] - 2) + 0.2 * this.state[1];
    this.state[1] = this.random.uniform() - 0.5;
    this.reward = -Math.abs(this.state[0]);
    this.terminated = Math.abs(this.state[0]) > 1;
  }
  observe(out: Floats, at: number): void {
    out[at] = this.state[0];
    out[at + 1] = this.state[1];
  }
  override mask(out: Floats, at: number): void {
    out[at] = this.state[0] < -0.5 ? 0 : 1;
    out[at + 1] = 1;
    out[at + 2] = 1;
  }
  render(): string {
    return `${this.state[0]}`;
  }
}

interface Saved {
  readonly place: number;
  readonly wind: number;
  readonly t: number;
  readonly random: number[];
}

/** `saves`: with save and restore; `masks`: where its mask is. */
export function gymWalk({ saves = true, masks = "mask" as "mask" | "info" } = {}): GymnasiumEnv {
  let random = new Random(0);
  let [place, wind, t] = [0, 0, 0];
  const allowed = (): number[] => [place < -0.5 ? 0 : 1, 1, 1];
  const info = () => (masks === "info" ? { actionMask: allowed() } : {});
  const env: GymnasiumEnv = {
    observationSpace: { type: "Box", low: -2, high: 2, shape: [2], names: ["place", "wind"] },
    actionSpace: { type: "Discrete", n: 3, start: 1, names: ["left", "stay", "right"] },
    reset({ seed }) {
      if (seed !== undefined) random = new Random(seed);
      t = 0;
      place = random.uniform() - 0.5;
      wind = random.uniform() - 0.5;
      return [[place, wind], info()];
    },
    step(action: number) {
      place += 0.3 * (action - 2) + 0.2 * wind;
      wind = random.uniform() - 0.5;
      t++;
      const terminated = Math.abs(place) > 1;
      return [[place, wind], -Math.abs(place), terminated, !terminated && t >= 12, info()];
    },
    ...(masks === "mask" ? { mask: allowed } : {}),
    ...(saves
      ? {
          save: (): Saved => ({ place, wind, t, random: [...random.save()] }),
          restore(saved: Saved): void {
            ({ place, wind, t } = saved);
            random.restore(saved.random);
          },
        }
      : {}),
  };
  return env;
}
