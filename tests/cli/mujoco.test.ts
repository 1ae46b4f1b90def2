// @module-tag deep
/** A robot of the user's in MuJoCo from the command line, in processes of its own: trained, resumed, evaluated. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loadMujoco } from "../../src/node/mujoco.ts";
import { OwnedFiles } from "../../src/node/nats/owned.ts";
import { type Done, pigrad, pigradProcess, temporary } from "../support/pigrad.ts";

const at = temporary();
const installed = await loadMujoco().then(
  () => true,
  () => false,
);

/** A cart to push to the right, with a wheel from a file of its own. */
const cart = (mass: number): string => `<mujoco>
  <compiler meshdir="parts"/>
  <worldbody>
    <body><joint name="track" type="slide" axis="1 0 0" damping="1"/><geom type="box" size="0.2 0.1 0.1" mass="${mass}"/>
      <include file="parts/wheel.xml"/></body>
  </worldbody>
  <actuator><motor joint="track" gear="5"/></actuator>
</mujoco>`;
const wheel = (radius: number): string =>
  `<mujocoinclude><geom type="sphere" size="${radius}" mass="0.1"/></mujocoinclude>`;
const robot = at("cart.xml");
mkdirSync(at("parts"));
const write = (mass = 1, radius = 0.05): void => {
  writeFileSync(robot, cart(mass));
  writeFileSync(at("parts", "wheel.xml"), wheel(radius));
};
write();

const inProcess = (...args: string[]): Done => pigradProcess(args, { cwd: at() });
const sets = [
  ...["--set", `model=${robot}`, "--set", "reward=x_velocity - 0.01 * control_cost"],
  ...["--set", "done=abs(qpos0) > 1", "--set", "maxSteps=40"],
  ...["--set", "envs=4", "--set", "rollout=16", "--set", "epochs=2"],
];
const train = (out: string, ...more: string[]): Promise<Done> =>
  pigrad("train", "mujoco", ...sets, "--steps", "1024", "--out", at(out), ...more);
const checkpointOf = (folder: string): string =>
  readFileSync(at(folder, "checkpoint.safetensors")).toString("base64");
const returnOf = ({ stdout }: Done): string | undefined =>
  /return over .*?: (\S+)/.exec(stdout)?.[1];

describe.skipIf(!installed)("with mujoco-js", () => {
  test("check says what the robot is", async () => {
    const { status, stdout, stderr } = await pigrad("check", "mujoco", ...sets.slice(0, 4));
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("observation: 2 numbers, shape [2] (track, track velocity)");
    expect(stdout).toContain("action: 1 numbers, shape [1] (ctrl0)");
  });

  test("half a run and the other half, in another process, are the whole run; so are threads", {
    tags: ["long"],
  }, async () => {
    const whole = await train("whole");
    expect([whole.status, whole.stderr]).toEqual([0, ""]);
    const relative = sets.map((given) => given.replace(robot, "cart.xml"));
    const ends = ["--steps", "1024", "--out", "halves", "--until-steps", "512"];
    const first = inProcess("train", "mujoco", ...relative, ...ends);
    expect(first.stdout).toMatch(/trained 512 steps/);
    expect(inProcess("train", "--resume", "halves").status).toBe(0);
    expect(checkpointOf("halves")).toBe(checkpointOf("whole"));
    expect((await train("threads", "--threads", "2")).status).toBe(0);
    expect(checkpointOf("threads")).toBe(checkpointOf("whole"));
    const config = JSON.parse(readFileSync(at("whole", "config.json"), "utf8"));
    expect(config.files.model).toEqual({
      path: robot,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(config.settings.model).toBe(robot);
    expect(returnOf(inProcess("eval", "whole"))).toMatch(/^-?\d/);
    expect((await pigrad("report", at("whole"), "--out", at("report.html"))).status).toBe(0);
    expect(readFileSync(at("report.html"), "utf8")).toContain("track velocity");
  });

  test("a model that has changed, or a file of it, is refused; another may be named", async () => {
    expect((await train("changed")).status).toBe(0);
    const evaluate = (...more: string[]): Promise<Done> => pigrad("eval", at("changed"), ...more);
    const before = returnOf(await evaluate());
    for (const change of [() => write(30), () => write(1, 0.06)]) {
      change();
      const resume = () => pigrad("train", "--resume", at("changed"), "--steps", "2048");
      for (const command of [evaluate, resume]) {
        const { status, stderr } = await command();
        expect(status).toBe(2);
        expect(stderr).toBe(
          `pigrad: ${robot}: the run's model has changed since the run began; --model FILE names the file to use\n`,
        );
      }
    }
    write(30);
    const other = await evaluate("--model", robot);
    expect(other.stderr).toBe(`pigrad: ${robot}: has changed since the run began\n`);
    expect(returnOf(other)).not.toBe(before);
    const { files } = JSON.parse(readFileSync(at("changed", "config.json"), "utf8"));
    expect(() => new OwnedFiles([], [robot]).insteadOf(files)).toThrow(
      /^its cart\.xml is not the one with sha256 [0-9a-f]{12}…; pigrad worker --model …$/,
    );
    write();
    expect(new OwnedFiles([], [robot]).insteadOf(files)).toEqual(files);
    expect(returnOf(await evaluate())).toBe(before);
  });

  test.each([
    [["train", "mujoco"], "mujoco: expected a robot: --set model=FILE.xml"],
    [["train", "mujoco", "--set", `model=${at("none.xml")}`], `${at("none.xml")}: no such file`],
    [
      ["check", "mujoco", "--set", `model=${at("bad.xml")}`],
      "mujoco: XML Error: Schema violation: unrecognized element; Element 'x', line 1",
    ],
    [
      ["train", "mujoco", "--model", robot, "--set", "reward=qpos0 +* 2"],
      'reward: column 8: expected a number, a name or (, got "*"',
    ],
    [
      ["train", "cartpole", "--model", robot],
      "--model: expected a task of texts or on MuJoCo, got cartpole",
    ],
  ])("%j is refused in one line and leaves no folder", async (args, message) => {
    writeFileSync(at("bad.xml"), "<mujoco><x/></mujoco>");
    const out = args[0] === "train" ? ["--out", at("none")] : [];
    expect(await pigrad(...args, ...out)).toEqual({
      status: 2,
      stdout: "",
      stderr: `pigrad: ${message}\n`,
    });
    expect(existsSync(at("none"))).toBe(false);
  });

  test("a task file may bring its own reward, as a function", async () => {
    const src = (path: string): string =>
      JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
    const xml = cart(1).replace(/<include[^>]*>/, "");
    writeFileSync(
      at("cart.mjs"),
      `import { loadMujoco } from ${src("node/mujoco.ts")};
      import { MujocoEnv } from ${src("envs/mujoco/mujoco.ts")};
      const library = await loadMujoco();
      const model = { xml: ${JSON.stringify(xml)} };
      const reward = (simulation) => simulation.field("qvel")[0];
      export default { environment: () => new MujocoEnv(library, { model, reward, done: "x > 1" }) };`,
    );
    const { status, stderr } = await pigrad(
      "train",
      at("cart.mjs"),
      "--steps",
      "512",
      "--out",
      at("own"),
    );
    expect([status, stderr]).toEqual([0, ""]);
  });
});

test.runIf(!installed)("mujoco-js is not installed: its tests are left out", () => {});
