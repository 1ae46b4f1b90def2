/** Text tasks on the command line: train, resume, evaluate, sample, report; and what is said to wrong input. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { settle } from "../../src/core/settings.ts";
import { decodeState } from "../../src/io/state-file.ts";
import { languageTasks } from "../../src/tasks/text/index.ts";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "pigrad-language-"));
afterAll(() => rmSync(folder, { recursive: true }));

const tsx = fileURLToPath(import.meta.resolve("tsx"));
const begin = (...args: string[]) =>
  spawn(process.execPath, ["--import", tsx, main, ...args], { cwd: folder });
function pigrad(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", tsx, main, ...args], {
    encoding: "utf8",
    cwd: folder,
  });
  return { status, stdout, stderr };
}
const small = ["--set", "prompts=4", "--set", "groupSize=4", "--set", "width=16"];
const trained = ["train", "tokens", "--steps", "3000", ...small, "--checkpoint-every", "500"];

describe("a run of a text task", () => {
  beforeAll(() => {
    const { status, stderr } = pigrad(...trained, "--out", "whole", "--json");
    expect(stderr).toBe("");
    expect(status).toBe(0);
  });

  test("stopped and resumed, it has the weights and figures of one that went through", () => {
    expect(pigrad(...trained, "--out", "part", "--until-steps", "1200", "--quiet").status).toBe(0);
    expect(pigrad("train", "--resume", "part", "--quiet").status).toBe(0);
    const bytes = (run: string) => readFileSync(join(folder, run, "checkpoint.safetensors"));
    expect(bytes("part").equals(bytes("whole"))).toBe(true);
    const figures = (run: string) =>
      readFileSync(join(folder, run, "metrics.jsonl"), "utf8").replace(/,"seconds":[\d.]+/g, "");
    expect(figures("part")).toBe(figures("whole"));
  });

  test("killed in the supervised stage, it goes on from a checkpoint of that stage", async () => {
    const taught = ["sftUpdates=2000", "sftTexts=3", "sftDropout=0.1"].flatMap((s) => ["--set", s]);
    const how = ["--steps", "300", "--checkpoint-every", "700"];
    const every = ["train", "tokens", ...taught, ...small, ...how];
    expect(pigrad(...every, "--out", "taught", "--quiet").status).toBe(0);
    const killed = begin(...every, "--out", "killed", "--json");
    const lines = createInterface({ input: killed.stdout as Readable });
    for await (const line of lines) if (JSON.parse(line).update >= 150) break;
    killed.kill("SIGKILL");
    await once(killed, "close");
    const saved = decodeState(readFileSync(join(folder, "killed", "checkpoint.safetensors")));
    const { update, stage } = saved.state as { update: number; stage: number };
    expect(stage).toBe(0);
    expect(update).toBeGreaterThanOrEqual(100);
    expect(pigrad("train", "--resume", "killed", "--quiet").status).toBe(0);
    const bytes = (run: string) => readFileSync(join(folder, run, "checkpoint.safetensors"));
    expect(bytes("killed").equals(bytes("taught"))).toBe(true);
  });

  test("training shows validation prompts, eval asks the held-out ones", () => {
    const none = [
      "--set",
      "sftUpdates=1",
      "--set",
      "width=8",
      "--set",
      "layers=1",
      "--out",
      "sides",
    ];
    const shown = pigrad("train", "number-words", "--algo", "sft", ...none).stdout;
    expect(shown).toMatch(/over 100 episodes: .* \(validation prompts\)/);
    const asked = JSON.parse(pigrad("eval", "sides", "--episodes", "1000", "--json").stdout);
    const { make, settings } = languageTasks["number-words"];
    const { validation, heldOut } = make(settle(settings), () => "").prompts;
    expect(asked.episodes).toBe(heldOut.length);
    expect(heldOut.length).not.toBe(validation.length);
  });

  test("evaluated, sampled from, reported", () => {
    expect(pigrad("eval", "whole").stdout).toMatch(/greedy return over 4 episodes: .*, reward \d/);
    const { stdout, status } = pigrad("sample", "whole", "--prompt", "a", "-n", "3", "--json");
    expect(status).toBe(0);
    const samples = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(samples).toHaveLength(3);
    for (const { prompt, completion } of samples) {
      expect(prompt).toBe("a");
      expect(completion).toMatch(/^[abcd]{0,4}$/);
    }
    expect(pigrad("sample", "whole", "--prompt", "a", "-n", "3", "--json").stdout).toBe(stdout);
    expect(pigrad("report", "whole", "--out", "page.html").status).toBe(0);
    const page = readFileSync(join(folder, "page.html"), "utf8");
    expect(page).toContain("Samples: whole");
    expect(page).toMatch(/<span title="-?[\d.e-]+" style="background:#[0-9a-f]{8}">[abcd]</);
  });

  test("a corpus that is gone, or another vocabulary, is said in one line", () => {
    cpSync(join(folder, "whole"), join(folder, "other"), { recursive: true });
    const file = join(folder, "other", "config.json");
    const config = JSON.parse(readFileSync(file, "utf8"));
    config.settings.letters = 5;
    writeFileSync(file, JSON.stringify(config));
    const { status, stderr } = pigrad("eval", "other");
    expect(status).toBe(2);
    expect(stderr).toMatch(/^pigrad: other: .*wte\.weight.*\n$/);
  });
});

const wrong: Record<string, [string[], RegExp]> = {
  "an algorithm of control": [
    ["train", "tokens", "--algo", "trpo"],
    /unknown algorithm "trpo"; allowed for tokens: sft, reinforce/,
  ],
  "a setting that is none": [["train", "guess", "--set", "gamma=1"], /unknown setting "gamma"/],
  "a corpus that is not there": [
    ["train", "g2p", "--set", "data=no.txt"],
    /data: cannot read "no.txt" \(ENOENT\)/,
  ],
  "data for a task that has none": [
    ["data", "guess"],
    /nothing to fetch for "guess"; there is for: g2p, sentiment/,
  ],
  "a sample of what is no run": [["sample", "nowhere"], /nowhere is not a run folder/],
};
test.each(Object.entries(wrong))("wrong input: %s", (_, [args, message]) => {
  const { status, stderr } = pigrad(...args);
  expect(stderr).toMatch(message);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(status).toBe(2);
});

test("an empty corpus", () => {
  writeFileSync(join(folder, "empty.txt"), "\n\n");
  const { status, stderr } = pigrad("train", "g2p", "--set", "data=empty.txt");
  expect(stderr).toBe("pigrad: corpus: nothing in it\n");
  expect(status).toBe(2);
});
