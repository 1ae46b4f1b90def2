// @module-tag deep
/** pigrad play: a policy shown step by step, and people who play, in a pipe and on a terminal. */
import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { actionText } from "../../src/cli/play-frame.ts";
import { box, discrete, multiBinary, multiDiscrete } from "../../src/envs/space.ts";
import { jsonLines, node, pigrad, pigradProcess, temporary } from "../support/pigrad.ts";

const at = temporary();
const [line, four, lake, pole] = [at("line"), at("four"), at("lake"), at("pole")];
beforeAll(async () => {
  const remembers = ["--set", "memory=8", "--set", "normalizeObservation=true"];
  for (const [out, ...args] of [
    [line, "line", "--steps", "3000"],
    [four, "connect-four", "--steps", "3000"],
    [lake, "frozen-lake", "--steps", "2000"],
    [pole, "cartpole", "--steps", "3000", ...remembers],
  ])
    expect((await pigrad("train", ...args, "--quiet", "--out", out)).stderr).toBe("");
});

/** The returns that the lines of ended episodes tell. */
const returnsOf = (said: string): number[] =>
  [...said.matchAll(/^episode \d+ over after \d+ steps: return (\S+?)(?:,|$)/gm)].map(([, x]) =>
    Number(x),
  );
const human = (args: string[], input: string) =>
  pigradProcess(["play", ...args, "--human"], { input });

describe("in a pipe", () => {
  test("a person's keys may stand on lines of their own", () => {
    const { stdout, status } = human(["line"], "2\r\n2\n");
    expect(status).toBe(0);
    expect(stdout).toContain("step 2  right");
    expect(stdout).not.toContain("no action has the key");
  });

  test("frames follow one another without codes or waiting; episodes are those of eval", async () => {
    const args = ["--seed", "7", "--episodes", "4"];
    for (const how of ["--greedy", "--sample"]) {
      for (const run of [line, four, lake, pole]) {
        const { stdout, stderr, status } = await pigrad(
          "play",
          run,
          ...args,
          how,
          "--speed",
          "0.1",
        );
        expect([stderr, status]).toEqual(["", 0]);
        expect(stdout).not.toContain("\u001b");
        const [{ returns }] = jsonLines((await pigrad("eval", run, ...args, how, "--json")).stdout);
        expect(returnsOf(stdout)).toEqual(returns);
      }
    }
  });

  test("a frame has the drawing, the action by name, its reward and the return so far", async () => {
    const { stdout } = await pigrad("play", line, "--seed", "1", "--episodes", "1", "--sample");
    const [first, second, third] = stdout.split("\n\n");
    expect(first).toBe("●····+·····\nepisode 1  start");
    expect(second).toMatch(/^[●·+]{11}\nepisode 1 {2}step 1 {2}(left|right) {2}reward -\d/);
    const [, reward] = /reward (\S+)/.exec(second) ?? [];
    const [, more, total] = /reward (\S+) {2}return (\S+)$/.exec(third) ?? [];
    expect(Number(total)).toBe(Number(reward) + Number(more));
  });

  test("--set plays in a task with other settings", async () => {
    const { stdout } = await pigrad("play", line, "--set", "maxSteps=3", "--episodes", "2");
    expect(stdout.match(/over after 3 steps: .*cut short/g)).toHaveLength(2);
  });

  test("a task of one's own is played by people and policies", async () => {
    const env = `{
      observationSpace: { type: "Box", low: 0, high: 9, shape: [1] },
      actionSpace: { type: "Discrete", n: 2, names: ["stay", "go"] },
      reset() { this.x = 0; return [0]; },
      step(a) { this.x += a; return [[this.x], a, this.x === 3, false]; },
      mask() { return [this.x > 0, true]; },
      render() { return "x".repeat(this.x) + "\\u001b[31m"; },
    }`;
    writeFileSync(at("walk.mjs"), `export default { environment: () => (${env}) };`);
    const played = human([at("walk.mjs"), "--episodes", "1"], "1x2212");
    expect(played.stderr).toBe("");
    expect(played.stdout).toContain("keys: 1 stay, 2 go; q quits");
    expect(played.stdout).toContain("stay is not allowed here\n");
    expect(played.stdout).toContain("no action has the key x\n");
    expect(played.stdout).toContain("\\u{1b}[31m"); // codes of a file are shown, not obeyed
    expect(played.stdout).toMatch(/over after 4 steps: return 3\n/);
    await pigrad("train", at("walk.mjs"), "--steps", "500", "--quiet", "--out", at("walk"));
    expect((await pigrad("play", at("walk"), "--sample", "--episodes", "1")).stdout).toContain(
      " go ",
    );
  });

  test("people play with digits and arrows until q or the end of the input", () => {
    const moves = human(["frozen-lake", "--set", "slippery=false", "--seed", "1"], "3\u001b[D2q3");
    expect(moves.stderr).toBe("");
    expect(moves.stdout.match(/ {2}(left|down|right|up) {2}/g)).toEqual([
      "  right  ",
      "  left  ",
      "  down  ",
    ]);
    const ended = human(["frozen-lake"], "");
    expect([ended.status, ended.stdout.match(/start/g)?.length]).toEqual([0, 1]);
  });

  test("in connect four the run's policy answers, the same at the same seed", () => {
    const game = (...args: string[]) => human([four, "--episodes", "1", ...args], "4445556667771");
    const first = game("--seed", "5");
    expect(first.stderr).toBe("");
    expect(first.stdout).toContain("keys: 1 to 7 are actions 0 to 6; q quits");
    const stones = first.stdout.split("\n\n").map((frame) => frame.match(/[XO]/g)?.length ?? 0);
    expect(Math.max(...stones)).toBeGreaterThan(5);
    expect(game("--seed", "5").stdout).toBe(first.stdout);
    const random = human(["connect-four", "--episodes", "1", "--seed", "5"], "4445556667771");
    expect(random.stdout).not.toBe(first.stdout);
  });
});

test("elo rates the run's policy, a past self, search and random play, the same at the same seed", {
  tags: ["long"],
}, async () => {
  const args = ["elo", four, "--games", "2", "--copies", "1", "--json"];
  const { stdout, stderr } = await pigrad(...args);
  expect(stderr).toBe("");
  const rows = jsonLines(stdout) as { player: string; elo: number; score: number }[];
  const names = ["past 1", "policy", "random", "search 2", "search 4", "search 6"];
  expect(rows.map(({ player }) => player).sort()).toEqual(names);
  expect(rows.find(({ player }) => player === "random")?.elo).toBe(0);
  expect(rows.map(({ elo }) => elo)).toEqual(rows.map(({ elo }) => elo).sort((a, b) => b - a));
  expect(rows.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(3, 9); // half a point per player and game
  expect((await pigrad(...args)).stdout).toBe(stdout);
  expect((await pigrad("elo", four, "--games", "2", "--copies", "0")).stdout).toMatch(
    /^player +Elo +score\n/,
  );
});

test.each([
  [["elo", "nothing"], /is not a run folder/],
  [["elo"], /expected one run folder, got none/],
  [["elo", "x", "--games", "1"], /--games: expected a whole number ≥ 2/],
  [["play", "cartpole"], /expected a run folder, got a task; .* pigrad play cartpole --human/],
  [["play", "cartpol", "--human"], /did you mean "cartpole"\?/],
  [["play", "pendulum", "--human"], /expects one choice of at most 34 per step, got .* box/],
  [["play", "bandit", "--human", "--set", "means=@/dev/null"], /means/],
  [["play", "arith", "--human"], /expected an environment, got a text/],
  [["play", "nothing"], /is not a run folder/],
  [["play", "x", "--greedy", "--sample"], /got both/],
  [["play", "x", "--speed", "0"], /--speed: expected a number ≥ 0.1, got "0"/],
  [["play"], /expected one run folder, got none/],
])("%j is refused in one line", async (args, message) => {
  const { stderr, status } = await pigrad(...args);
  expect(stderr).toMatch(message);
  expect([stderr.trimEnd().split("\n").length, status]).toEqual([1, 2]);
});

test("actions have the names of their spaces", () => {
  expect(actionText(discrete(["a", "b"], 5), [6])).toBe("b");
  expect(actionText(discrete(3), [2])).toBe("2");
  expect(
    actionText(
      multiDiscrete([
        ["a", "b"],
        ["c", "d"],
      ]),
      [1, 0],
    ),
  ).toBe("b, c");
  expect(actionText(multiDiscrete([2, 3]), [1, 2])).toBe("1, 2");
  expect(actionText(multiDiscrete([["a", "b"], 3], [1, -1]), [2, -1])).toBe("b, -1");
  expect(actionText(multiBinary(2), [1, 0])).toBe("1, 0");
  expect(actionText(box(-1, 1, [2], ["x", "y"]), [0.5, -1])).toBe("x 0.500, y -1.000");
});

const hasScript = spawnSync("script", ["--version"]).status === 0;
const unless = hasScript
  ? ""
  : " (skipped: the program script, which makes a terminal, is not installed)";

/** A terminal with colors, whatever is around the tests (CI, NO_COLOR and others take them away). */
const { CI, NO_COLOR, NODE_DISABLE_COLORS, FORCE_COLOR, TMUX, ...around } = process.env;
const inColor = { ...around, TERM: "xterm-256color" };

/** Runs a command on a terminal; after each text that it waits for, types a key or does something else. */
async function onTerminal(
  args: string[],
  typed: [after: RegExp, keys: string | ((said: string) => void)][],
  prefix = "",
) {
  const quoted = [process.execPath, ...node, ...args].map((arg) => `'${arg}'`).join(" ");
  const child = spawn("script", ["-qec", prefix + quoted, "/dev/null"], { env: inColor });
  let said = "";
  child.stdout.on("data", (bytes) => {
    said += bytes;
  });
  const errors = text(child.stderr);
  for (const [after, keys] of typed) {
    for (let i = 0; i < 600 && !after.test(said); i++) await wait(50);
    if (typeof keys === "string") child.stdin.write(keys);
    else keys(said);
  }
  const status = await new Promise((resolve) => child.once("close", resolve));
  return { said, status, stderr: await errors };
}
const entered = "\u001b[?1049h\u001b[?25l";
const left = "\u001b[?25h\u001b[?1049l";

describe.skipIf(!hasScript)(`on a terminal${unless}`, () => {
  test("space pauses, n and → step, + and - change the speed, q quits; the screen is restored", async () => {
    const { said, status } = await onTerminal(
      ["play", lake, "--speed", "2", "--seed", "3", "--sample"],
      [
        [/start/, " "],
        [/paused/, "n"],
        [/step 1 .*paused/s, "\u001b[C"],
        [/step 2 .*paused/s, "+ "],
        [/\n3 steps per second/, "--"],
        [/\n1.3 steps per second/, "q"],
      ],
    );
    expect(status).toBe(0);
    expect(said).toContain(entered);
    expect(said).toContain("\u001b[36m"); // colors
    expect(said.indexOf(left)).toBeGreaterThan(said.lastIndexOf("steps per second"));
  });

  test("episodes end by themselves, each with a line that stays", async () => {
    const args = ["play", lake, "--speed", "1000", "--episodes", "1", "--seed", "3"];
    const { said, status } = await onTerminal(args, []);
    expect(status).toBe(0);
    expect(said.slice(said.indexOf(left))).toMatch(/episode 1 over after \d+ steps/);
  });

  test("Ctrl-C, a signal and an error of the environment restore it too", async () => {
    const cut = await onTerminal(["play", "taxi", "--human"], [[/keys: /, "\u0003"]]);
    expect(cut.said).toContain(left);
    const killed = await onTerminal(
      ["play", lake, "--speed", "0.1"],
      [[/start/, (said) => process.kill(Number(/pid (\d+)/.exec(said)?.[1]), "SIGTERM")]],
      "echo pid $$; exec ",
    );
    expect(killed.said).toContain(entered);
    expect(killed.said).toContain(left);
    writeFileSync(
      at("breaks.mjs"),
      `export default { environment: () => ({
        observationSpace: { type: "Box", low: 0, high: 1, shape: [1] },
        actionSpace: { type: "Discrete", n: 2 },
        reset: () => [0],
        step() { throw new Error("broken"); },
      }) };`,
    );
    const broken = await onTerminal(["play", at("breaks.mjs"), "--human"], [[/keys: /, "1"]]);
    expect(broken.status).toBe(2);
    const [, after] = broken.said.split(left);
    expect(after).toMatch(/breaks\.mjs: broken/);
  });

  test("a person goes on from one episode to the next with any key", async () => {
    const { said } = await onTerminal(
      ["play", "blackjack", "--human", "--seed", "2"],
      [
        [/keys: 1 stick, 2 hit/, "1"],
        [/any key goes on/, " "],
        [/episode 2 {2}start/, "q"],
      ],
    );
    expect(said).toContain("episode 1 over after 1 steps");
  });
});
