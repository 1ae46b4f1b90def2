// @module-tag deep
/** Worker processes: the same bits as one machine, also where a worker is killed; own files. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { absent, type Command } from "../support/nats.ts";
import { jsonLines, pigrad } from "../support/pigrad.ts";
import { expectSame, lease, long, setUp, short } from "./same.ts";

const { at, run, server, worker, expected } = setUp();

describe.skipIf(absent !== "")(`workers${absent}`, () => {
  test("two workers give the results and checkpoints of one machine, rung by rung", async () => {
    const two = [worker(), worker("--name", "second")];
    const options = ["--workers", server().url, ...lease];
    const given = run(...short, "--out", at("two"), ...options);
    expect([await given.ended, given.stderr]).toEqual([0, ""]);
    expectSame(at("two"), await expected("short", short));
    for (const { stdout } of two) expect(stdout).toMatch(/done: line reinforce, seed \d in/);
    const evaluate = [
      "eval",
      join(at("two"), "row1-seed1"),
      "--episodes",
      "30",
      "--sample",
      "--json",
    ];
    const here = await pigrad(...evaluate);
    const there = await pigrad(...evaluate, "--workers", server().url);
    expect([there.status, there.stderr]).toEqual([0, ""]);
    expect(there.stdout).toBe(here.stdout);
    expect(jsonLines(here.stdout)[0].returns).toHaveLength(30);
    await two[0].kill("SIGTERM");
    expect(two[0].stdout).toContain("stopped; jobs in hand are back in the queue");
    expect(two[0].process.exitCode).toBe(0);
  });

  test("a training whose worker is killed goes on elsewhere from its checkpoint", {
    tags: ["long"],
  }, async () => {
    const first = worker();
    const given = run(...long, "--out", at("killed"), "--workers", server().url, ...lease);
    await first.says("stored: cartpole ppo, seed 1");
    await first.kill("SIGKILL");
    const second = worker("--name", "second");
    expect(await given.ended).toBe(0);
    expect(second.stdout).toMatch(/takes: cartpole ppo, seed 1 from [1-9]\d* of 12000 steps/);
    expectSame(at("killed"), await expected("long", long));
  });

  test("own files: none, another content, the same", { tags: ["long"] }, async () => {
    const source = fileURLToPath(new URL("../../templates/environment/lander.js", import.meta.url));
    const env = at("gems.mjs");
    copyFileSync(source, env);
    const sweep = ["sweep", env, "--steps", "2000", "--seeds", "1"];
    const give = (patience: string): Command =>
      run(...sweep, "--workers", server().url, "--patience", patience, ...lease);
    writeFileSync(at("copy.mjs"), readFileSync(env));
    mkdirSync(at("other"));
    writeFileSync(at("other", "gems.mjs"), `${readFileSync(env)}\n`);
    const none = worker("--name", "none");
    const other = worker("--name", "other", "--task", at("other", "gems.mjs"));
    for (const one of [none, other]) await one.says("takes jobs from");
    const refused = give("6");
    expect(await refused.ended).toBe(2);
    expect(refused.stderr).toMatch(/none refuses: it has no gems\.mjs with sha256 [0-9a-f]{12}…/);
    expect(refused.stderr).toMatch(
      /other refuses: its gems\.mjs is not the one with sha256 [0-9a-f]/,
    );
    for (const one of [none, other]) await one.kill();
    worker("--task", at("other", "gems.mjs"), "--task", at("copy.mjs"));
    const done = give("20");
    expect([await done.ended, done.stderr]).toEqual([0, ""]);
    const plain = (text: string): string => text.replace(/\d+\.\d(?= *$)/m, "seconds");
    expect(plain(done.stdout)).toBe(plain((await pigrad(...sweep)).stdout));
  });
});
