// @module-tag deep
/** The files of docs/examples run as they stand, and learn. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { tsx } from "../support/main.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = `${root}docs/examples/`;
const textOf = (name: string): string => readFileSync(folder + name, "utf8");

/** Runs an example and returns what it prints. */
function run(name: string): string {
  const { stdout, stderr } = spawnSync(process.execPath, [...tsx, folder + name], {
    cwd: root, // where tsconfig.json says what "pigrad" is
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  return stdout;
}

/** The number at the end of each line that begins with `start`. */
const numbersOf = (output: string, start: string): number[] =>
  output
    .split("\n")
    .filter((line) => line.startsWith(start))
    .map((line) => Number(line.split(" ").at(-1)));

test("reinforce learns CartPole", () => {
  const returns = numbersOf(run("reinforce.ts"), "update");
  expect(returns).toHaveLength(10);
  expect(returns[0]).toBeLessThan(100);
  expect(Math.max(...returns)).toBeGreaterThan(475);
});

test("ppo solves CartPole", () => {
  const returns = numbersOf(run("ppo.ts"), "update");
  expect(returns).toHaveLength(10);
  expect(returns[0]).toBeLessThan(300);
  expect(returns[9]).toBeGreaterThan(495);
});

test("grpo learns to count down", () => {
  const output = run("grpo.ts");
  const rewards = numbersOf(output, "update");
  expect(rewards).toHaveLength(6);
  expect(rewards[0]).toBeLessThan(0.7);
  expect(rewards[5]).toBeGreaterThan(0.98);
  for (let n = 0; n < 10; n++) expect(output).toContain(`${n}: ${"9876543210".slice(10 - n)}.\n`);
});

test("own-environment: the room is kept warm", () => {
  const output = run("own-environment.ts");
  expect(numbersOf(output, "step")[0]).toBeLessThan(-80);
  expect(numbersOf(output, "greedy")[0]).toBeGreaterThan(-50);
});

test("own-reward: vowels and consonants alternate", () => {
  const output = run("own-reward.ts");
  expect(numbersOf(output, "update")[0]).toBeLessThan(1.2);
  expect(numbersOf(output, "greedy")[0]).toBeGreaterThan(1.45); // of at most 1.5
});

test("own-op: a network that uses it learns", () => {
  const errors = numbersOf(run("own-op.ts"), "step");
  expect(errors).toHaveLength(10);
  expect(errors[9]).toBeLessThan(0.02); // a constant is wrong by 0.5
  expect(errors[9]).toBeLessThan(errors[0]);
});

test("examples import what the package exports and keep to their lengths", () => {
  const { exports } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
  const names = readdirSync(folder).filter((name) => name.endsWith(".ts"));
  expect(names).toHaveLength(7);
  for (const name of names) {
    for (const [, path] of textOf(name).matchAll(/from "(?!node:)(.*)"/g)) {
      const key = path.replace(/^pigrad\/(\w+)\/.*/, "./$1/*").replace(/^pigrad$/, ".");
      expect(Object.keys(exports)).toContain(key);
    }
  }
  expect(textOf("ppo.ts").trimEnd().split("\n").length).toBeLessThanOrEqual(100);
  expect(textOf("grpo.ts").trimEnd().split("\n").length).toBeLessThanOrEqual(140);
});

test("the README has one listing, and leads to the environment", () => {
  const readme = readFileSync(`${root}README.md`, "utf8");
  expect([...readme.matchAll(/```ts\n/g)]).toHaveLength(1);
  expect(readme).toContain("(docs/examples/own-environment.ts)");
});

test("walk-forward: on prices with trends the policy beats holding, and what it saw in training flatters it", () => {
  const lines = run("walk-forward.ts").split("\n");
  const windows = lines.filter((line) => line.startsWith("trained"));
  expect(windows).toHaveLength(5);
  const [there, then] = [/there (\S+) %/, /then (\S+) %/].map((figure) =>
    windows.reduce((sum, line) => sum + Number(figure.exec(line)?.[1]) / 5, 0),
  );
  expect(there).toBeGreaterThan(then);
  const lead = (name: string): number[] => {
    const line = lines.find((one) => one.startsWith(`${name}: `)) ?? "";
    return (/ahead by (\S+) % ± (\S+) %/.exec(line) ?? []).slice(1).map(Number);
  };
  for (const name of ["buy and hold", "equal weights"]) {
    const [mean, margin] = lead(name);
    expect(mean - margin).toBeGreaterThan(0);
  }
  expect(lead("momentum")).toHaveLength(2);
});
