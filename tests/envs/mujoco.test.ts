// @module-tag deep
/** Robots in MuJoCo: the contract, saving to the bit, physics by hand, rules on constructed states, memory. */
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { settle } from "../../src/core/settings.ts";
import { checkEnv } from "../../src/envs/check-env.ts";
import { type Mujoco, type MujocoModel, simulations } from "../../src/envs/mujoco/engine.ts";
import { MujocoEnv, type MujocoOptions } from "../../src/envs/mujoco/mujoco.ts";
import { sceneSvg } from "../../src/envs/scene.ts";
import { loadMujoco } from "../../src/node/mujoco.ts";
import { type MujocoTaskName, mujocoTasks } from "../../src/tasks/mujoco.ts";

const library = (await loadMujoco().catch(() => null)) as Mujoco;
const robots = (Object.keys(mujocoTasks) as MujocoTaskName[]).filter((name) => name !== "mujoco");

const opened: MujocoEnv[] = [];
const kept = (env: MujocoEnv): MujocoEnv => {
  opened.push(env);
  return env;
};
const make = (name: MujocoTaskName, given: object = {}): MujocoEnv => {
  const { settings, make: build } = mujocoTasks[name];
  return kept(build(settle(settings, { ...given }) as never) as MujocoEnv);
};
const own = (model: MujocoModel, options: Partial<MujocoOptions> = {}): MujocoEnv =>
  kept(new MujocoEnv(library, { model, reward: "0", noise: 0, frameSkip: 1, ...options }));

/** A ball that falls, and a motor elsewhere, since an environment has actions. */
const falling: MujocoModel = {
  xml: `<mujoco><option timestep="0.01"/><worldbody>
    <body name="ball" pos="0 0 2"><freejoint/><geom type="sphere" size="0.1"/></body>
    <body pos="5 0 0"><joint name="turn" type="hinge" axis="0 0 1"/><geom type="sphere" size="0.1" pos="0.2 0 0"/></body>
  </worldbody><actuator><motor joint="turn"/></actuator></mujoco>`,
};
const bits = (numbers: ArrayLike<number>): string =>
  Buffer.from(Float64Array.from(numbers).buffer).toString("hex");

function walk(env: MujocoEnv, steps: number, random: Random): number[] {
  const action = new Float32Array(env.actionSpace.size);
  const out: number[] = [];
  for (let i = 0; i < steps; i++) {
    env.actionSpace.sample(random, action);
    env.act(action, 0);
    out.push(env.reward, Number(env.terminated), ...env.state);
    if (env.terminated || env.truncated) env.start();
  }
  return out;
}

describe.skipIf(library === null)("with mujoco-js", () => {
  let before = 0; // of other files of tests
  beforeAll(() => {
    before = simulations(library).size;
  });
  afterEach(() => {
    for (const env of opened.splice(0)) env.close();
    expect(simulations(library).size).toBe(before);
  });

  const sizes = {
    "inverted-pendulum": [4, 1],
    "inverted-double-pendulum": [9, 1],
    hopper: [11, 3],
    "half-cheetah": [17, 6],
    walker2d: [17, 6],
    ant: [105, 8],
    humanoid: [348, 17],
  };
  describe.each(robots)("%s", (name) => {
    test("keeps the contract, has Gymnasium's sizes, and draws itself", () => {
      checkEnv(() => make(name), { steps: 300 });
      const env = make(name);
      const { observationSpace, actionSpace } = env;
      expect([observationSpace.size, actionSpace.size]).toEqual(sizes[name as keyof typeof sizes]);
      env.start();
      const svg = sceneSvg(env.scene());
      expect(svg).toMatch(/^<svg .*<\/svg>$/s);
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
      expect(env.render()).toContain("o");
    });

    test("goes on from a saved state bit for bit, whoever else uses the simulation", () => {
      const [env, other, third] = [make(name), make(name), make(name)];
      env.seed(3);
      env.start();
      walk(env, 40, new Random(1));
      const saved = JSON.parse(JSON.stringify(env.save()));
      const whole = walk(env, 60, new Random(2));
      other.seed(9);
      other.start();
      walk(other, 5, new Random(4));
      other.restore(saved);
      third.seed(5);
      third.start();
      const parts: number[] = [];
      const random = new Random(2);
      for (let i = 0; i < 60; i++) {
        parts.push(...walk(other, 1, random));
        third.scene();
        walk(third, 1, new Random(i));
      }
      expect(bits(parts)).toBe(bits(whole));
    });
  });

  test("a body falls as semi-implicit Euler says: z = 2 − g·dt²·n·(n + 1) / 2", () => {
    const env = own(falling, { reward: "z_velocity", frameSkip: 2 });
    env.start();
    for (let n = 2; n <= 40; n += 2) {
      env.act([0], 0);
      const z = (k: number): number => 2 - (9.81 * 0.01 * 0.01 * k * (k + 1)) / 2;
      expect(env.state[3]).toBeCloseTo(z(n), 12);
      expect(env.reward).toBeCloseTo((z(n) - z(n - 2)) / 0.02, 9);
      expect(env.state[0]).toBeCloseTo(0.01 * n, 12);
    }
  });

  /** Begins at rest in given positions, and takes one step. */
  function after(name: MujocoTaskName, positions: readonly number[], action: readonly number[]) {
    const env = make(name, { noise: 0 });
    env.start();
    for (const [i, q] of positions.entries()) if (!Number.isNaN(q)) env.state[1 + i] = q;
    const before = [...env.state];
    env.act(action, 0);
    const { simulation, state } = env;
    const [nq, nv] = [simulation.field("qpos").length, simulation.field("qvel").length];
    const [q, v] = [state.slice(1, 1 + nq), state.slice(1 + nq, 1 + nq + nv)];
    return { env, before, q, v, reward: env.reward, terminated: env.terminated };
  }
  const same = Number.NaN;

  test("inverted-pendulum: 1 a step up to 0.2 rad, 0 beyond", () => {
    expect(after("inverted-pendulum", [0, 0.15], [0])).toMatchObject({
      reward: 1,
      terminated: false,
    });
    expect(after("inverted-pendulum", [0, -0.15], [0])).toMatchObject({
      reward: 1,
      terminated: false,
    });
    expect(after("inverted-pendulum", [0, 0.21], [0])).toMatchObject({
      reward: 0,
      terminated: true,
    });
    expect(after("inverted-pendulum", [0, -0.21], [0])).toMatchObject({
      reward: 0,
      terminated: true,
    });
  });

  test("inverted-double-pendulum: 10 less distance of the tip from (0, 2) and speeds", () => {
    const { q, v, reward, terminated, env } = after(
      "inverted-double-pendulum",
      [0.3, 0.1, -0.2],
      [0.5],
    );
    const x = q[0] + 0.6 * Math.sin(q[1]) + 0.6 * Math.sin(q[1] + q[2]);
    const z = 0.6 * Math.cos(q[1]) + 0.6 * Math.cos(q[1] + q[2]);
    const speeds = 0.001 * v[1] ** 2 + 0.005 * v[2] ** 2;
    expect(reward).toBeCloseTo(10 - 0.01 * x * x - (z - 2) ** 2 - speeds, 9);
    expect(terminated).toBe(false);
    const seen = new Float32Array(9);
    env.observe(seen, 0);
    const sight = [q[0], Math.sin(q[1]), Math.sin(q[2]), Math.cos(q[1]), Math.cos(q[2]), ...v, 0];
    for (const [i, number] of sight.entries()) expect(seen[i]).toBeCloseTo(number, 6);
    const low = after("inverted-double-pendulum", [0, 0.7, 0], [0]);
    expect(low.terminated).toBe(true);
    expect(low.reward).toBeLessThan(0);
  });

  test.each(["hopper", "walker2d"] as const)(
    "%s: speed + 1 − 0.001·|action|², while upright",
    (name) => {
      const action = name === "hopper" ? [1, -0.5, 0.25] : [1, -0.5, 0.25, 0, 0, 2];
      const { before, q, reward, terminated } = after(name, [], action);
      const cost = 0.001 * (1 + 0.25 + 0.0625 + (name === "hopper" ? 0 : 1)); // 2 is clipped to 1
      expect(terminated).toBe(false);
      expect(reward).toBeCloseTo((q[0] - before[1]) / 0.008 + 1 - cost, 9);
      const still = name === "hopper" ? [0, 0, 0] : [0, 0, 0, 0, 0, 0];
      const lean = name === "hopper" ? 0.2 : 1;
      expect(after(name, [same, same, lean - 0.02], still).terminated).toBe(false);
      expect(after(name, [same, same, -lean - 0.02], still).terminated).toBe(true);
      const folded = name === "hopper" ? [-1.57, 0, 0] : [-1.57, 0, 0, -1.57, 0, 0];
      const low = name === "hopper" ? 0.7 : 0.8;
      expect(after(name, [same, low + 0.01, 0, ...folded], still).terminated).toBe(false);
      expect(after(name, [same, low - 0.01, 0, ...folded], still).terminated).toBe(true);
      expect(after(name, [same, 2.01], still).terminated).toBe(name === "walker2d");
      const fallen = after(name, [same, same, lean + 0.02], still);
      expect(fallen.reward).toBeCloseTo((fallen.q[0] - fallen.before[1]) / 0.008, 9);
    },
  );

  test("hopper ends where an angle or speed reaches 100, its place apart", () => {
    const still = [0, 0, 0];
    const { env } = after("hopper", [150], still);
    expect(env.terminated).toBe(false);
    env.state[1 + 6] = 101; // a forward speed
    env.act(still, 0);
    expect(env.terminated).toBe(true);
  });

  test("half-cheetah: speed − 0.1·|action|², without an end", () => {
    const { before, q, reward, terminated } = after(
      "half-cheetah",
      [same, same, 2],
      [1, 1, 0, 0, 0, 0],
    );
    expect(reward).toBeCloseTo((q[0] - before[1]) / 0.05 - 0.2, 9);
    expect(terminated).toBe(false);
  });

  test("ant: speed + 1 − 0.5·|action|² − 0.0005·|contact forces within ±1|²", () => {
    const high = after("ant", [same, same, 0.9], [1, 0, 0, 0, 0, 0, 0, 0.5]);
    expect(high.reward).toBeCloseTo((high.q[0] - high.before[1]) / 0.05 + 1 - 0.5 * 1.25, 9);
    const still = [0, 0, 0, 0, 0, 0, 0, 0];
    expect(after("ant", [same, same, 1.2], still).terminated).toBe(true);
    const env = make("ant", { noise: 0 });
    env.start();
    for (let i = 0; i < 40; i++) env.act(still, 0); // it comes to stand
    const x = env.state[1];
    env.act(still, 0);
    const forces = Array.from(env.simulation.field("cfrc_ext"));
    const squares = forces.reduce((sum, f) => sum + Math.min(f * f, 1), 0);
    expect(squares).toBeGreaterThan(1);
    expect(env.reward).toBeCloseTo((env.state[1] - x) / 0.05 + 1 - 0.0005 * squares, 9);
    const seen = new Float32Array(105);
    env.observe(seen, 0);
    const within = forces.slice(6).map((f) => Math.fround(Math.min(Math.max(f, -1), 1)));
    expect([...seen.slice(27)]).toEqual(within);
  });

  test("humanoid: 1.25·speed of the center of mass + 5 − 0.1·|controls|², of height 1 to 2", () => {
    const still = new Array(17).fill(0);
    const { env, before, reward } = after("humanoid", [same, same, 1.7], [0.4, ...still.slice(1)]);
    const center = env.state.length - 3;
    expect(reward).toBeCloseTo(
      (1.25 * (env.state[center] - before[center])) / 0.015 + 5 - 0.1 * 0.16,
      9,
    );
    expect(after("humanoid", [same, same, 0.95, 0.8, 0, 0.6, 0], still).terminated).toBe(true);
    expect(after("humanoid", [same, same, 2.1], still).terminated).toBe(true);
  });

  test("an unstable simulation ends the episode, with reward 0, and is counted", () => {
    const lines: string[] = [];
    const told: Mujoco = { ...library, warn: (line) => lines.push(line) };
    const env = kept(new MujocoEnv(told, { model: falling, reward: "5", noise: 0 }));
    for (const speed of [1e12, Number.NaN]) {
      env.start();
      env.state[1 + 8] = speed; // qpos is 8 long
      env.act([0], 0);
      expect([env.terminated, env.reward]).toEqual([true, 0]);
    }
    expect(env.simulation.unstable).toBe(2);
    expect(lines).toEqual([expect.stringMatching(/^mujoco: the simulation became unstable/)]);
    env.start();
    env.act([0], 0);
    expect([env.terminated, env.reward]).toEqual([false, 5]);
    env.close();
    expect(simulations(told).size).toBe(0);
  });

  test.each([
    [
      "<mujoco",
      /^mujoco: Loading error: XML parse error 6: ?; Error=XML_ERROR_PARSING_ELEMENT[^\n]*$/,
    ],
    ["", /^mujoco: Loading error: ParseXML: empty file 'model.xml'$/],
    [
      `<mujoco><worldbody><geom type="cone"/></worldbody></mujoco>`,
      /^mujoco: XML Error: invalid keyword: 'cone'; Element 'geom', line 1$/,
    ],
    [
      `<mujoco><worldbody><body><joint/></body></worldbody></mujoco>`,
      /^mujoco: Error: mass and inertia of moving bodies must be larger than mjMINVAL; [^\n]*$/,
    ],
    [
      `<mujoco><worldbody><geom size="1"/></worldbody></mujoco>`,
      /^mujoco: expected a model with actuators, got none$/,
    ],
  ])("%s is refused in one line", (xml, message) => {
    expect(() => own({ xml })).toThrow(message);
  });

  test("an expression may name what the model has, alive only in the reward; NaN is refused", () => {
    expect(() => own(falling, { reward: "qpos8" })).toThrow(
      /^reward: column 1: expected one of qpos0…/,
    );
    expect(() => own(falling, { done: "!alive" })).toThrow(/^done: column 2: expected one of/);
    const env = own(falling, { reward: "sqrt(0 - 1)" });
    env.start();
    expect(() => env.act([0], 0)).toThrow(
      /^mujoco: reward and done: expected finite numbers, got NaN and 0/,
    );
    const functions = own(falling, {
      reward: ({ data }) => data.time,
      done: (s) => Number(s.field("qpos")[2] < 1.999),
    });
    functions.start();
    functions.act([0], 0);
    expect([functions.reward, functions.terminated]).toEqual([0.01, false]);
    functions.act([0], 0);
    expect(functions.terminated).toBe(true);
  });

  test("100,000 starts take no more memory, nor do models opened and closed", () => {
    const env = make("hopper");
    env.start();
    const bytes = (): number => env.simulation.field("qpos").buffer.byteLength;
    const before = bytes();
    for (let i = 0; i < 100_000; i++) env.start();
    for (let i = 0; i < 100; i++) own(falling).close();
    expect(bytes() - before).toBeLessThan(20e6); // one more simulation, not a hundred
  });

  test("environments of one model share a simulation, and go on when its memory has moved", () => {
    const [a, b] = [make("hopper"), make("hopper")];
    expect(a.simulation).toBe(b.simulation);
    for (const env of [a, b]) {
      env.seed(1);
      env.start();
    }
    const random = new Random(1);
    const whole = walk(a, 20, new Random(1));
    const parts = walk(b, 10, random);
    const before = b.simulation.field("qpos");
    for (let i = 0; i < 200 && before.length > 0; i++) own({ xml: falling.xml });
    expect(before.length).toBe(0); // detached
    parts.push(...walk(b, 10, random));
    expect(bits(parts)).toBe(bits(whole));
  });
});

test.runIf(library === null)("mujoco-js is not installed: its tests are left out", () => {});
