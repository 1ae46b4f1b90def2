// @module-tag deep
/** Text tasks on the command line: train, resume, evaluate, sample, report; and what is said to wrong input. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { beforeAll, describe, expect, test } from "vitest";
import { settle } from "../../src/core/settings.ts";
import { decodeState } from "../../src/io/state-file.ts";
import { languageTasks } from "../../src/tasks/text/index.ts";
import { jsonLines, node, pigrad, temporary } from "../support/pigrad.ts";

const at = temporary();
const small = ["--set", "prompts=4", "--set", "groupSize=4", "--set", "width=16"];
const trained = ["train", "tokens", "--steps", "3000", ...small, "--checkpoint-every", "500"];

describe("a run of a text task", () => {
  beforeAll(async () => {
    const { status, stderr } = await pigrad(...trained, "--out", at("whole"), "--json");
    expect(stderr).toBe("");
    expect(status).toBe(0);
  });

  test("stopped and resumed, it has the weights and figures of one that went through", async () => {
    expect(
      (await pigrad(...trained, "--out", at("part"), "--until-steps", "1200", "--quiet")).status,
    ).toBe(0);
    expect((await pigrad("train", "--resume", at("part"), "--quiet")).status).toBe(0);
    const bytes = (run: string) => readFileSync(at(run, "checkpoint.safetensors"));
    expect(bytes("part").equals(bytes("whole"))).toBe(true);
    const figures = (run: string) =>
      readFileSync(at(run, "metrics.jsonl"), "utf8").replace(/,"seconds":[\d.]+/g, "");
    expect(figures("part")).toBe(figures("whole"));
  });

  test("killed in the supervised stage, it goes on from a checkpoint of that stage", async () => {
    const taught = ["sftUpdates=700", "sftTexts=3", "sftDropout=0.1"].flatMap((s) => ["--set", s]);
    const how = ["--steps", "300", "--checkpoint-every", "700"];
    const every = ["train", "tokens", ...taught, ...small, ...how];
    expect((await pigrad(...every, "--out", at("taught"), "--quiet")).status).toBe(0);
    const killed = spawn(process.execPath, [...node, ...every, "--out", at("killed"), "--json"]);
    const lines = createInterface({ input: killed.stdout as Readable });
    for await (const line of lines) if (JSON.parse(line).update >= 150) break;
    killed.kill("SIGKILL");
    await once(killed, "close");
    const saved = decodeState(readFileSync(at("killed", "checkpoint.safetensors")));
    const { update, stage } = saved.state as { update: number; stage: number };
    expect(stage).toBe(0);
    expect(update).toBeGreaterThanOrEqual(100);
    expect((await pigrad("train", "--resume", at("killed"), "--quiet")).status).toBe(0);
    const bytes = (run: string) => readFileSync(at(run, "checkpoint.safetensors"));
    expect(bytes("killed").equals(bytes("taught"))).toBe(true);
  });

  test("training shows validation prompts, eval asks the held-out ones", async () => {
    const none = [
      "--set",
      "sftUpdates=1",
      "--set",
      "width=8",
      "--set",
      "layers=1",
      "--out",
      at("sides"),
    ];
    const shown = (await pigrad("train", "number-words", "--algo", "sft", ...none)).stdout;
    expect(shown).toMatch(/over 100 episodes: .* \(validation prompts\)/);
    const asked = JSON.parse(
      (await pigrad("eval", at("sides"), "--episodes", "1000", "--json")).stdout,
    );
    const { make, settings } = languageTasks["number-words"];
    const { validation, heldOut } = make(settle(settings), () => "").prompts;
    expect(asked.episodes).toBe(heldOut.length);
    expect(heldOut.length).not.toBe(validation.length);
  });

  test("evaluated, sampled from, reported", async () => {
    expect((await pigrad("eval", at("whole"))).stdout).toMatch(
      /greedy return over 4 episodes: .*, reward \d/,
    );
    const { stdout, status } = await pigrad(
      "sample",
      at("whole"),
      "--prompt",
      "a",
      "-n",
      "3",
      "--json",
    );
    expect(status).toBe(0);
    const samples = jsonLines(stdout);
    expect(samples).toHaveLength(3);
    for (const { prompt, completion } of samples) {
      expect(prompt).toBe("a");
      expect(completion).toMatch(/^[abcd]{0,4}$/);
    }
    expect((await pigrad("sample", at("whole"), "--prompt", "a", "-n", "3", "--json")).stdout).toBe(
      stdout,
    );
    expect((await pigrad("report", at("whole"), "--out", at("page.html"))).status).toBe(0);
    const page = readFileSync(at("page.html"), "utf8");
    expect(page).toContain(`Samples: ${at("whole")}`);
    expect(page).toMatch(/<span title="-?[\d.e-]+" style="background:#[0-9a-f]{8}">[abcd]</);
  });

  test("a corpus that is gone, or another vocabulary, is said in one line", async () => {
    cpSync(at("whole"), at("other"), { recursive: true });
    const file = at("other", "config.json");
    const config = JSON.parse(readFileSync(file, "utf8"));
    config.settings.letters = 5;
    writeFileSync(file, JSON.stringify(config));
    const { status, stderr } = await pigrad("eval", at("other"));
    expect(status).toBe(2);
    expect(stderr).toMatch(/^pigrad: \S*other\/checkpoint.safetensors: .*wte\.weight.*\n$/);
  });
});

const wrong: Record<string, [string[], RegExp]> = {
  "an algorithm of control": [
    ["train", "tokens", "--algo", "trpo"],
    /algorithm trpo does not fit: its natural step needs Fisher .*; allowed for tokens: sft, reinforce/,
  ],
  "a setting that is none": [["train", "guess", "--set", "gamma=1"], /unknown setting "gamma"/],
  "a corpus that is not there": [
    ["train", "g2p", "--set", "data=no.txt"],
    /data: cannot read "no.txt" \(no such file in \/.*\)/,
  ],
  "data for a task that has none": [
    ["data", "guess"],
    /nothing to fetch for "guess"; there is for: g2p, sentiment/,
  ],
  "a sample of what is no run": [["sample", at("nowhere")], /nowhere is not a run folder/],
};
test.each(Object.entries(wrong))("wrong input: %s", async (_, [args, message]) => {
  const { status, stderr } = await pigrad(...args);
  expect(stderr).toMatch(message);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(status).toBe(2);
});

test("an empty corpus", async () => {
  writeFileSync(at("empty.txt"), "\n\n");
  const { status, stderr } = await pigrad("train", "g2p", "--set", `data=${at("empty.txt")}`);
  expect(stderr).toBe("pigrad: corpus: expected an example or more, got none\n");
  expect(status).toBe(2);
});
