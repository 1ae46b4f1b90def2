// @module-tag deep
/** pigrad explain: decisions of any policy, updates, trees, and what it refuses. */
import { readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { jsonLines, pigrad, pigradProcess, temporary } from "../support/pigrad.ts";

const at = temporary();
const [pole, memory, swing, sums] = [at("pole"), at("memory"), at("swing"), at("sums")];
beforeAll(async () => {
  const remembers = [
    "velocities=false",
    "memory=8",
    "rollout=32",
    "minibatch=64",
    "learningRate=0.0001",
  ];
  const small = ["width=16", "layers=1", "sftUpdates=20", "prompts=4", "groupSize=4"];
  const set = (list: string[]): string[] => list.flatMap((pair) => ["--set", pair]);
  for (const [out, ...args] of [
    [pole, "cartpole", "--steps", "3000"],
    [memory, "cartpole", "--steps", "3000", ...set(remembers)],
    [swing, "pendulum", "--steps", "3000"],
    [sums, "arith", "--steps", "300", ...set(small)],
  ])
    expect((await pigrad("train", ...args, "--quiet", "--out", out)).stderr).toBe("");
}, 60_000);

const explained = async (...args: string[]) => {
  const { stdout, stderr, status } = await pigrad("explain", ...args, "--json");
  expect([stderr, status]).toEqual(["", 0]);
  return jsonLines(stdout);
};
const total = (x: number[]): number => x.reduce((sum, a) => sum + a, 0);

describe("a decision", () => {
  test.each([
    ["an MLP", () => [pole, "--step", "3"], [1, 4], "ln π("],
    ["an LSTM", () => [memory, "--step", "7"], [7, 2], "ln π("],
    ["a continuous policy", () => [swing, "--baseline", "mean"], [1, 3], "mean of torque"],
    ["a GPT", () => [sums, "--prompt", "27+46="], [7, 1], "ln π("],
    ["a GPT from zeros", () => [sums, "--baseline", "zeros"], [7, 1], "ln π("],
  ] as const)("of %s is complete to 1e-3", async (_, args, [rows, columns], name) => {
    const [{ targets, ...facts }] = await explained(...args());
    expect(facts.columns).toHaveLength(columns);
    if (!args().includes("zeros")) expect(facts.rows).toHaveLength(rows);
    for (const { attributions, from, to, gap, complete, name: target } of targets) {
      expect(target.startsWith(name)).toBe(true);
      expect(attributions).toHaveLength(facts.rows.length * columns);
      expect(Math.abs(to - from)).toBeGreaterThan(0);
      expect(total(attributions) - (to - from)).toBeCloseTo(gap, 12);
      expect(Math.abs(gap)).toBeLessThanOrEqual(1e-3 * Math.max(1, Math.abs(to - from)));
      expect(complete).toBe(true);
    }
  });

  test("is that of the episode which play shows, with the run's own probability", async () => {
    const [{ chosen, probability, targets }] = await explained(pole, "--step", "3", "--seed", "7");
    const { stdout } = await pigrad("play", pole, "--seed", "7", "--episodes", "1");
    expect(stdout).toMatch(new RegExp(`step 3 {2}${chosen} `));
    expect(probability).toBeCloseTo(Math.exp(targets[0].to), 12);
  });

  test("as text names inputs, past steps or tokens, and the gap", async () => {
    const { stdout } = await pigrad("explain", memory, "--step", "5");
    expect(stdout).toMatch(/^pole angle +\S+ +[+-]/m);
    expect(stdout).toMatch(/^step 5 +[+-]/m);
    expect(stdout).toMatch(/a gap of \S+, within 0\.001 \(\d+ gradients\)/);
    expect((await pigrad("explain", sums, "--prompt", "1+2=")).stdout).toMatch(/^⏹ +[+-]/m);
  });
});

describe("an update", () => {
  test.each([
    ["cartpole", () => [pole], 256],
    ["with memory", () => [memory], 256],
    ["arith", () => [sums, "--prompt", "27+46="], 16],
  ] as const)("%s: samples by their pull, and what the step did", async (_, args, samples) => {
    const before = readFileSync(`${args()[0]}/checkpoint.safetensors`);
    const [decision, update] = await explained(...args(), "--update");
    expect(update.samples).toBeLessThanOrEqual(samples);
    const [{ strongest, before: was, after, firstOrder, up, down }] = update.targets;
    expect(was).toBeCloseTo(decision.targets[0].to, 4);
    expect(up).toBeGreaterThanOrEqual(0);
    expect(down).toBeLessThanOrEqual(0);
    const sizes = strongest.map(({ pull }: { pull: number }) => Math.abs(pull));
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    if (Math.abs(firstOrder) > 1e-4) {
      expect(Math.sign(after - was)).toBe(Math.sign(firstOrder));
      expect(Math.abs(after - was - firstOrder)).toBeLessThan(0.5 * Math.abs(firstOrder));
    }
    expect(readFileSync(`${args()[0]}/checkpoint.safetensors`).equals(before)).toBe(true);
  });
});

describe("a tree", () => {
  test("has code, its agreement and the returns of both on seeds 501 to 505", async () => {
    const [, tree] = await explained(pole, "--tree", "--depth", "2", "--episodes", "2");
    expect(tree.depth).toBeLessThanOrEqual(2);
    expect(tree.code).toContain("export function act(observation: ArrayLike<number>): number {");
    expect(tree.seeds.map(({ seed }: { seed: number }) => seed)).toEqual([501, 502, 503, 504, 505]);
    expect(tree.treeReturn.episodes).toBe(10);
    expect(tree.agreement).toBeGreaterThan(0.5);
    const { stdout } = await pigrad("eval", pole, "--seed", "502", "--episodes", "2", "--json");
    expect(tree.seeds[1].policy.returns).toEqual(jsonLines(stdout)[0].returns);
  });
});

test("--html writes a page that needs no script and lets nothing else in", async () => {
  const file = at("why.html");
  const { stdout } = await pigrad("explain", pole, "--tree", "--episodes", "1", "--html", file);
  expect(stdout).toContain(`page: ${file}`);
  const page = readFileSync(file, "utf8");
  expect(page).toContain("default-src 'none'");
  expect(page).not.toContain("<script");
  expect(page).toContain('<svg xmlns="http://www.w3.org/2000/svg" class="tree"');
});

test.each([
  [
    () => [pole, "--step", "9999"],
    /--step: expected at most \d+, the length of episode 1, got 9999/,
  ],
  [() => [pole, "--depth", "3"], /--depth goes with --tree/],
  [() => [pole, "--baseline", "median"], /--baseline: expected zeros or mean, got "median"/],
  [() => [pole, "--prompt", "1+1="], /--prompt: expected a run of a text/],
  [() => [pole, "--update", "--best"], /--update: expected a run as it goes on/],
  [() => [swing, "--tree"], /--tree: expected an environment of one choice per step/],
  [() => [sums, "--tree"], /--tree: expected a run of an environment/],
  [() => [sums, "--step", "99"], /--step: expected at most \d+, the tokens of the completion/],
  [() => [at("none")], /is not a run folder/],
] as const)("refusal %#", async (args, message) => {
  const { stdout, stderr, status } = await pigrad("explain", ...args());
  expect([stdout, status]).toEqual(["", 2]);
  expect(stderr).toMatch(message);
});

describe("what was left over", () => {
  const environment = (shape: string): string => `export default {
  environment: () => ({
    observationSpace: { type: "Box", low: 0, high: 1, shape: ${shape} },
    actionSpace: { type: "Discrete", n: 2 },
    reset: () => new Array(${shape}.reduce((a, b) => a * b)).fill(1),
    step: () => [new Array(${shape}.reduce((a, b) => a * b)).fill(1), 1, true, false],
  }),
};`;
  test("check and train say which layers read an image, and how to choose convolution", async () => {
    const [small, large] = [at("small.mjs"), at("large.mjs")];
    writeFileSync(small, environment("[1, 5, 6]"));
    writeFileSync(large, environment("[2, 10, 10]"));
    const flat =
      /images of 1 × 5 × 6 \(planes, rows, columns\) go straight into dense layers \(hidden=[\d,]+\), without convolution; --set filters=16 puts/;
    const filtered =
      /images of 2 × 10 × 10 \(.*\) go through convolutions \(filters=16\), then dense layers/;
    expect((await pigrad("check", small)).stdout).toMatch(flat);
    expect((await pigrad("check", large)).stdout).toMatch(filtered);
    writeFileSync(at("grid.mjs"), environment("[5, 6]"));
    expect((await pigrad("check", at("grid.mjs"))).stdout).toMatch(
      /observations of 5 × 6 go straight into dense layers \(hidden=[\d,]+\); if they are an image, declare \[1, 5, 6\]/,
    );
    const trained = await pigrad("train", small, "--steps", "600", "--out", at("small"));
    expect(trained.stdout).toMatch(flat);
    // channels that come last would be taken for columns: neither size is silent about that
    writeFileSync(at("last.mjs"), environment("[10, 12, 3]"));
    for (const [set, read] of [
      [
        [],
        "10 × 12 × 3 (planes, rows, columns) go straight into dense layers (hidden=64,64), without convolution;",
      ],
      [
        ["--set", "filters=8"],
        "10 × 12 × 3 (planes, rows, columns) go through convolutions (filters=8), then dense layers (hidden=64,64);",
      ],
    ] as const)
      expect((await pigrad("check", at("last.mjs"), ...set)).stdout).toContain(
        `images of ${read} if these are rows, columns and channels, put the channels first ([3, 10, 12]), or say channels: "last" for pixels of 0 to 255\n`,
      );
    for (const task of [large, "game-2048"])
      expect((await pigrad("check", task)).stdout).not.toContain("channels first");
    expect((await pigrad("check", "cartpole")).stdout).not.toContain("images");
    const { stdout } = await pigrad("explain", at("small"), "--step", "1");
    expect(stdout).toMatch(/^plane 0, row 3, column 4 +1 /m);
  });

  test("a task's file without its ending is suggested", () => {
    writeFileSync(at("gems.mjs"), environment("[1]"));
    for (const args of [
      ["train", "gems"],
      ["check", "gems"],
      ["play", "gems", "--human"],
    ])
      expect(pigradProcess(args, { cwd: at() }).stderr).toBe(
        'pigrad: unknown task "gems"; did you mean the file ./gems.mjs?\n',
      );
  });

  test.each([
    ["(scores) => scores.slice(1)", "a list of 2"],
    ["(scores) => scores.map(() => NaN)", "NaN"],
    ["() => 3", "3"],
  ])("an error of compare names its file: %s", async (compare, got) => {
    const file = at(`median-${got.replaceAll(" ", "-")}.mjs`); // a module is loaded once
    writeFileSync(file, `export default { compare: ${compare} };`);
    const { stderr } = await pigrad("lab", "bandit", "--algo", file, "--group", "3");
    expect(stderr).toBe(
      `pigrad: ${file}: compare: expected 3 finite numbers, one per score, got ${got}\n`,
    );
  });
});
