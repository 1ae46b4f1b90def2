/** pigrad completion: its scripts, run in the shells that they are for. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { algorithms, textAlgorithms } from "../../src/algos/index.ts";
import { optionsOf } from "../../src/cli/completion.ts";
import { commands } from "../../src/cli/pigrad.ts";
import { tasks } from "../../src/tasks/index.ts";
import { pigrad, temporary } from "../support/pigrad.ts";

const at = temporary();
const shells = ["bash", "zsh", "fish"] as const;
beforeAll(async () => {
  for (const shell of shells) {
    const { stdout, stderr } = await pigrad("completion", shell);
    expect(stderr).toBe("");
    writeFileSync(at(shell), stdout);
  }
});

/** Runs code of a shell; returns the words that it prints. */
function wordsOf(shell: string, code: string): string[] {
  const args = shell === "bash" ? ["--norc", "-c", code] : ["-c", code];
  const { stdout, stderr } = spawnSync(shell, args, { encoding: "utf8" });
  expect(stderr).toBe("");
  return stdout.split(/\s+/).filter((word) => word !== "");
}
const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(" ");

/** The words that each shell offers at the end of a line, the last of which is begun. */
const offers: Record<(typeof shells)[number], (...line: string[]) => string[]> = {
  bash: (...line) =>
    wordsOf(
      "bash",
      `source ${at("bash")}; COMP_WORDS=(pigrad ${quoted(line)}); COMP_CWORD=${line.length}; _pigrad; echo "\${COMPREPLY[@]}"`,
    ),
  zsh: (...line) =>
    wordsOf(
      "zsh",
      `compdef() { }; _files() { print files }
      compadd() { while [[ $1 != -- ]]; do shift; done; shift; print -r -- \${(M)@:#\${words[CURRENT]}*} }
      source ${at("zsh")}; words=(pigrad ${quoted(line)}); CURRENT=${line.length + 1}; _pigrad`,
    ),
  fish: (...line) =>
    wordsOf("fish", `source ${at("fish")}; complete -C 'pigrad ${line.join(" ")}' | cut -f 1`),
};
const isInstalled = (shell: string): boolean => spawnSync(shell, ["-c", "true"]).status === 0;

describe.each(shells)("%s", (shell) => {
  const offered = offers[shell];
  const absent = isInstalled(shell) ? "" : ` (skipped: ${shell} is not installed)`;

  test.skipIf(absent !== "")(`commands, options, tasks, algorithms and settings${absent}`, () => {
    expect(offered("s").sort()).toEqual(["sample", "sweep"]);
    expect(offered("").sort()).toEqual([...Object.keys(commands), "help"].sort());
    expect(offered("train", "cartp")).toEqual(["cartpole"]);
    expect(offered("sweep", "number")).toEqual(["number-words"]);
    expect(offered("completion", "z")).toEqual(["zsh"]);
    expect(offered("help", "emit")).toEqual(["emit-wasm"]);
    expect(offered("eval", "runs/x", "--ep")).toEqual(["--episodes"]);
    expect(offered("train", "cartpole", "--backend", "l")).toEqual(["loops"]);
    const algos = (...line: string[]) => offered("train", ...line, "--algo", "").sort();
    expect(algos("cartpole")).toEqual(Object.keys(algorithms).sort());
    expect(algos("arith")).toEqual(Object.keys(textAlgorithms).sort());
    expect(algos("./own.mjs")).toEqual(
      [...new Set([...Object.keys(algorithms), ...Object.keys(textAlgorithms)])].sort(),
    );
    expect(offered("train", "cartpole", "--set", "veloc")).toEqual(["velocities="]);
    expect(offered("train", "cartpole", "--set", "gamm")).toEqual(["gamma="]);
    expect(offered("train", "bandit", "--set", "veloc")).toEqual([]);
    expect(offered("train", "./own.mjs", "--set", "veloc")).toEqual(["velocities="]);
  });
});

test.skipIf(!isInstalled("bash"))(
  "bash is left to complete files where the script has no word",
  () => {
    expect(offers.bash("eval", "")).toEqual([]);
    expect(offers.bash("train", "cartpole", "--out", "x")).toEqual([]);
    expect(offers.bash("train", "./x")).toEqual([]);
  },
);

test("what a script offers is what a command parses, and what its help names", async () => {
  for (const [name, { run, help }] of Object.entries(commands)) {
    const options = Object.keys(await optionsOf(run));
    const [usage] = help.split(/\n {6}(?=\S)/);
    for (const [, option] of usage.matchAll(/--([a-z][a-z-]*)/g))
      expect(options, `${name} --${option}`).toContain(option);
  }
  expect(Object.keys(await optionsOf(commands.list.run))).toEqual(["json"]);
  expect(commands.train.words).toEqual(Object.keys(tasks));
});

test("docs/commands.md has every command, and no option that there is not", async () => {
  const page = readFileSync(new URL("../../docs/commands.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, name]) => name);
  expect(rows.sort()).toEqual(Object.keys(commands).sort());
  const lines = [...page.matchAll(/\bpigrad (\w+) (.*)$/gm)].filter(([, name]) => name in commands);
  expect(lines.length).toBeGreaterThan(10);
  for (const [line, name, rest] of lines)
    for (const [, option] of rest.matchAll(/ --([\w-]+)/g))
      expect(Object.keys(await optionsOf(commands[name].run)), line).toContain(option);
});

test.each([
  [["completion"], /expected one shell, got none/],
  [["completion", "fihs"], /unknown shell "fihs"; allowed: bash, zsh, fish; did you mean "fish"\?/],
  [["completion", "bash", "--json"], /unknown option '--json'/],
])("%j is refused in one line", async (args, message) => {
  const { stderr, status } = await pigrad(...args);
  expect(stderr).toMatch(message);
  expect([stderr.trimEnd().split("\n").length, status]).toEqual([1, 2]);
});
