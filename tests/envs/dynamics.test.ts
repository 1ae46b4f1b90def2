/** The contract's own part: limits, flags, seeds, saving. */
import { describe, expect, test } from "vitest";
import { EnvError, FormatError } from "../../src/core/errors.ts";
import type { Dynamics } from "../../src/envs/env.ts";
import { discrete } from "../../src/envs/space.ts";
import { seen } from "../support/seen.ts";
import { Toy } from "../support/toy.ts";
import { Walker } from "../support/walker.ts";

/** All that a caller sees of an environment. */
const view = (env: Dynamics) => ({
  state: [...env.state],
  seen: seen(env),
  flags: [env.reward, env.terminated, env.truncated, env.success],
  random: env.random.save(),
});

describe("Dynamics", () => {
  test("a limit of n is n steps; termination on the last wins; 1 is the least", () => {
    for (const maxSteps of [1, 3]) {
      const env = new Toy({ maxSteps });
      env.reset();
      const cut = Array.from({ length: maxSteps }, () => env.step(0).truncated);
      expect(cut).toEqual([...new Array(maxSteps - 1).fill(false), true]);
      env.reset();
      expect([env.truncated, env.reward, env.success]).toEqual([false, 0, null]);
      expect(env.step(0).truncated).toBe(maxSteps === 1);
    }
    for (const maxSteps of [0, -1, 1.5, Number.NaN])
      expect(() => new Toy({ maxSteps })).toThrow(RangeError);
    const end = (): "terminated" => "terminated";
    const both = new Toy({ maxSteps: 1, end });
    both.reset();
    expect(both.step(0)).toMatchObject({ terminated: true, truncated: false });
    expect(() => both.step(0)).toThrow(EnvError);
    expect(() => new Toy().act([0], 0)).toThrow(/call reset first/);
  });
  test("reset restarts the generator with a seed, and goes on without one", () => {
    const env = new Walker();
    const first = (seed?: number) => [...env.reset(seed === undefined ? {} : { seed }).observation];
    const [a, b] = [first(4), first()];
    expect(a).not.toEqual(b);
    expect([first(4), first()]).toEqual([a, b]);
    expect(env.reset().info).toEqual({});
  });
  test("isSeeded: after a seed, after a draw, after a restore of either; not before", () => {
    const fresh = new Walker();
    expect(fresh.isSeeded).toBe(false);
    const seeded = new Walker();
    seeded.seed(0);
    expect(seeded.isSeeded).toBe(true);
    const used = new Walker();
    used.start();
    expect(used.isSeeded).toBe(true);
    fresh.restore(used.save());
    expect(fresh.isSeeded).toBe(true);
  });
  test("step takes one number or a list, and refuses what is not of the space", () => {
    const env = new Toy({ action: discrete(3, 4) });
    env.reset();
    env.step(6);
    env.step([4]);
    for (const bad of [3, 7, [4, 4], []]) expect(() => env.step(bad)).toThrow(EnvError);
  });
  test("startFrom begins an episode in a state of the right length", () => {
    const env = new Walker({ maxSteps: 2 });
    env.reset();
    env.step([0, 0]);
    env.startFrom([5, 1]);
    expect([env.state[0], env.reward, env.terminated]).toEqual([5, 0, false]);
    env.step([0, 0]);
    expect(() => env.startFrom([5])).toThrow(FormatError);
  });
  for (const [name, until] of Object.entries({
    "before any episode": () => false,
    "within one": (_: Walker, t: number) => t < 2,
    "that was terminated": (env: Walker) => !env.terminated,
    "that was cut short by its limit": (env: Walker, t: number) => !(env.truncated && t > 6),
  } as Record<string, (env: Walker, t: number) => boolean>)) {
    test(`save and restore, ${name}: everything comes back, and goes on the same`, () => {
      const env = new Walker();
      for (let seed = 0, t = 0; until(env, t); t++) {
        if (t === 0 || env.terminated || env.truncated) {
          env.reset({ seed: seed++ });
          t = 0;
        }
        env.step([0, 0]);
      }
      const other = new Walker();
      other.reset({ seed: 99 });
      while (!other.terminated) {
        if (other.truncated) other.reset();
        other.step([1, 2]);
      }
      other.restore(JSON.parse(JSON.stringify(env.save())));
      expect(view(other)).toEqual(view(env));
      expect(other.save()).toEqual(env.save());
      const goOn = (e: Walker): unknown[] => {
        const record: unknown[] = [];
        for (let t = 0; t < 12; t++) {
          try {
            e.step([1, 1]);
          } catch (error) {
            record.push((error as Error).message);
            e.reset();
          }
          record.push(view(e));
        }
        return record;
      };
      expect(goOn(other)).toEqual(goOn(env));
    });
  }
  test("success is kept as true, false or none", () => {
    for (const success of [true, false, null]) {
      const [env, other] = [new Walker(), new Walker()];
      env.reset();
      env.success = success;
      other.success = success === null ? true : null;
      other.restore(env.save());
      expect(other.success).toBe(success);
    }
  });
  test("a state that save did not give is refused", () => {
    const env = new Walker();
    const saved = env.save();
    for (const bad of [saved.slice(1), [...saved, 0], saved.map(String), null, {}])
      expect(() => env.restore(bad as never)).toThrow(FormatError);
  });
});
