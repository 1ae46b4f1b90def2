/** checkEnv: faults of environments that nothing but one of its checks would find. */
import { describe, expect, test } from "vitest";
import { EnvError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { checkEnv } from "../../src/envs/check-env.ts";
import type { Action, Reset, ResetOptions, Step } from "../../src/envs/env.ts";
import {
  type Box,
  box,
  discrete,
  multiBinary,
  multiDiscrete,
  type Space,
} from "../../src/envs/space.ts";
import { Toy, type ToyOptions } from "../support/toy.ts";

/** The message of what is found; null where nothing is. */
function fault(make: () => Toy, options = { steps: 60 }): string | null {
  try {
    checkEnv(make, options);
    return null;
  } catch (error) {
    if (!(error instanceof EnvError)) throw error;
    return error.message;
  }
}
const stepping = (
  change: (step: Step, self: Toy, t: number) => unknown,
  options: ToyOptions = {},
): (() => Toy) => {
  class Changed extends Toy {
    private t = 0;
    override step(action: Action): Step {
      return change(super.step(action), this, this.t++) as Step;
    }
    override reset(o?: ResetOptions): Reset {
      this.t = 0;
      return super.reset(o);
    }
  }
  return () => new Changed(options);
};
const resetting = (change: (reset: Reset) => unknown): (() => Toy) => {
  class Changed extends Toy {
    override reset(options?: ResetOptions): Reset {
      return change(super.reset(options)) as Reset;
    }
  }
  return () => new Changed();
};

test("nothing is found where nothing is wrong, whatever the spaces", () => {
  for (const action of [
    discrete(3, 2),
    multiDiscrete([2, 3], [1, -1]),
    multiBinary(2),
    box(-1, [1, Infinity], [2]),
  ])
    expect(fault(() => new Toy({ action, maxSteps: 7 }))).toBeNull();
});

describe("resets and steps", () => {
  test.each([
    ["no object from reset", resetting(() => 5), "reset: expected { observation, info }"],
    ["null from reset", resetting(() => null), "reset: expected { observation, info }"],
    [
      "info that is no object",
      resetting((r) => ({ ...r, info: 1 })),
      "reset: expected { observation, info }",
    ],
    [
      "a short observation",
      resetting((r) => ({ ...r, observation: new Float32Array(2) })),
      "got Float32Array(2)",
    ],
    ["a list", resetting((r) => ({ ...r, observation: [0, 0, 0] })), "got object"],
    ["no object from step", stepping(() => 5), "step 0: expected { observation, reward"],
    ["null from step", stepping(() => null), "step 0: expected { observation, reward"],
    [
      "infinity in an observation",
      stepping((s, _, t) => ({
        ...s,
        observation: t < 3 ? s.observation : Float32Array.of(0, Infinity, 0),
      })),
      "step 3: observation[1] is Infinity",
    ],
    [
      "an infinite reward",
      stepping((s) => ({ ...s, reward: Infinity })),
      "finite reward, got Infinity",
    ],
    ["a reward in a text", stepping((s) => ({ ...s, reward: "1" })), "finite reward, got 1"],
    [
      "both ends at once",
      stepping((s, _, t) => ({ ...s, terminated: t === 4, truncated: t === 4 })),
      "step 4: expected terminated or truncated, got both",
    ],
  ])("%s", (_, make, message) => {
    expect(fault(make)).toContain(message);
  });
  test("an observation outside of the space, at reset or after steps", () => {
    expect(fault(resetting((r) => ({ ...r, observation: Float32Array.of(0, 2, 0) })))).toContain(
      "reset: observation [0,2,0] is outside",
    );
  });
  test("an observation that a later step changes", () => {
    let last: Float32Array | null = null;
    const make = stepping((step) => {
      if (last !== null) last[0] = 1 - last[0];
      last = step.observation;
      return step;
    });
    expect(fault(make)).toContain("changed the observation");
  });
  test("the array of the step before", () => {
    const kept = new Float32Array(3);
    expect(fault(stepping((step) => ({ ...step, observation: kept })))).toContain(
      "step 1: expected a fresh observation",
    );
    const reset = new Float32Array(3);
    expect(fault(resetting((r) => ({ ...r, observation: reset })))).toContain(
      "reset: expected a fresh observation",
    );
  });
  test("an episode that goes on beyond its limit, at the very step", () => {
    class Endless extends Toy {
      override step(action: Action): Step {
        this.truncated = false;
        return { ...super.step(action), truncated: false };
      }
    }
    expect(fault(() => new Endless({ maxSteps: 5 }))).toContain(
      "step 4: expected the episode to end after 5 steps",
    );
    expect(fault(() => new Endless({ maxSteps: 5 }), { steps: 4 })).toBeNull();
  });
});

describe("seeds", () => {
  let made = 0;
  test("a new environment that differs; a used one that differs; each named with the number", () => {
    class Born extends Toy {
      private readonly n = made++;
      override step(action: Action): Step {
        return { ...super.step(action), reward: this.n };
      }
    }
    expect(fault(() => new Born())).toMatch(
      /the same seed, in a new environment; number 6 differs/,
    );
    class Used extends Toy {
      private used = 0;
      override step(action: Action): Step {
        return { ...super.step(action), reward: this.used };
      }
      override reset(o?: ResetOptions): Reset {
        if (o?.seed === 2) this.used = 1; // it was played under another seed
        return super.reset(o);
      }
    }
    expect(fault(() => new Used())).toMatch(/in a used environment; number 6 differs/);
  });
});

describe("actions outside the space", () => {
  /** An environment that lets through what one test says. */
  const lax = (action: Space, through: (x: ArrayLike<number>) => boolean): (() => Toy) => {
    class Lax extends Toy {
      override step(given: Action): Step {
        const list = typeof given === "number" ? [given] : given;
        const inside = (): Action => {
          const sample = action.sample(new Random(1));
          return action.kind === "discrete" ? sample[0] : sample;
        };
        return super.step(!action.contains(list) && through(list) ? inside() : given);
      }
    }
    return () => new Lax({ action });
  };
  const bounds = box([-1, 0, -Infinity], [1, Infinity, 5], [3]) as Box;
  test.each([
    ["one below a choice", discrete(3, 2), (x) => x[0] === 1],
    ["one above", discrete(3, 2), (x) => x[0] === 5],
    ["a half", discrete(3, 2), (x) => x[0] === 2.5],
    ["NaN as a choice", discrete(3, 2), (x) => Number.isNaN(x[0])],
    ["a number too many", multiBinary(2), (x) => x.length === 3],
    ["NaN in a list", multiBinary(2), (x) => Number.isNaN(x[0])],
    ["a bit of 2", multiBinary(2), (x) => x[1] === 2],
    ["a choice too high, the second", multiDiscrete([2, 3]), (x) => x[1] === 3],
    ["a choice too high, counted from 5", multiDiscrete([2], [5]), (x) => x[0] === 7],
    ["a choice too low, counted from 5", multiDiscrete([2], [5]), (x) => x[0] === 4],
    ["a choice too low, the first", multiDiscrete([2, 3]), (x) => x[0] === -1],
    ["below a box", bounds, (x) => x[0] < -1],
    ["above it", bounds, (x) => x[0] > 1],
    ["below where it is open above", bounds, (x) => x[1] < 0],
    ["above where it is open below", bounds, (x) => x[2] > 5],
  ] as [string, Space, (x: ArrayLike<number>) => boolean][])("%s", (_, space, through) => {
    expect(fault(lax(space, through))).toContain("which is outside the space, got none");
  });
  test("a step after the end", () => {
    class After extends Toy {
      override step(action: Action): Step {
        if (this.truncated) this.start();
        return super.step(action);
      }
    }
    expect(fault(() => new After({ maxSteps: 3 }))).toContain("a step after the episode's end");
  });
});

describe("spaces and saving", () => {
  test("a space that does not contain what it draws", () => {
    const wrong: Space = { ...box(0, 1, [3]), contains: (x) => x[0] < 0.9 };
    expect(fault(() => new Toy({ observation: wrong }))).toContain(
      "observationSpace: does not contain its sample",
    );
    const action: Space = { ...discrete(4), contains: (x) => x[0] < 3 };
    expect(fault(() => new Toy({ action }))).toContain("actionSpace: does not contain its sample");
  });
  test("a part of the state that save leaves out; a text that is none", () => {
    class Forgets extends Toy {
      private t = 0;
      override reset(o?: ResetOptions): Reset {
        this.t = 0;
        return super.reset(o);
      }
      override step(action: Action): Step {
        return { ...super.step(action), reward: this.t++ };
      }
    }
    expect(fault(() => new Forgets({ maxSteps: 9 }))).toContain(
      "save: expected the same steps after restore",
    );
    class Mute extends Toy {
      override render(): string {
        return 5 as never;
      }
    }
    expect(fault(() => new Mute())).toContain("render: expected text");
  });
  test("steps and seed have defaults; episodes of one step are walked through", () => {
    let [steps, seeds] = [0, [] as (number | undefined)[]];
    class Counts extends Toy {
      override step(action: Action): Step {
        steps++;
        return super.step(action);
      }
      override reset(o?: ResetOptions): Reset {
        if (o?.seed !== undefined) seeds.push(o.seed);
        return super.reset(o);
      }
    }
    checkEnv(() => new Counts({ maxSteps: 1 }));
    expect(steps).toBeGreaterThan(3000);
    expect(steps).toBeLessThan(3300);
    expect(seeds.slice(0, 4)).toEqual([1, 1, 2, 1]);
    [steps, seeds] = [0, []];
    checkEnv(() => new Counts(), { steps: 20, seed: 9 });
    expect(steps).toBeLessThan(300);
    expect(seeds.slice(0, 4)).toEqual([9, 9, 10, 9]);
  });
});
