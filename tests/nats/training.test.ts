// @module-tag deep
/** Trainings whose sampling is done by workers: the checkpoint of one machine, whatever dies meanwhile. */
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { Link } from "../../src/node/nats/link.ts";
import { absent, type Command, until } from "../support/nats.ts";
import { jsonLines, pigrad } from "../support/pigrad.ts";
import { lease, setUp } from "./same.ts";

const { at, run, server, worker } = setUp();

const text = "sftUpdates=1 sftTexts=8 prompts=4 groupSize=4 layers=1 width=16".split(" ");
const settings = (all: readonly string[]): string[] => all.flatMap((one) => ["--set", one]);
const trainings: Readonly<Record<string, readonly string[]>> = {
  cartpole: ["cartpole", "--algo", "ppo", "--steps", "2000"],
  arith: ["arith", "--algo", "grpo", "--steps", "600", ...settings(text)],
  guess: ["guess", "--algo", "rloo", "--steps", "600", ...settings(text)],
  long: ["cartpole", "--algo", "ppo", "--steps", "12000", "--checkpoint-every", "1000"],
};
const seconds = 60; // by which a training must have ended

/** The folder of a training on one machine. */
async function expected(name: string): Promise<string> {
  const out = at(`home-${name}`);
  if (!existsSync(out)) {
    const home = await pigrad("train", ...trainings[name], "--threads", "1", "--out", out);
    expect([home.status, home.stderr]).toEqual([0, ""]);
  }
  return out;
}

function expectSame(out: string, other: string): void {
  const [a, b] = [out, other].map((one) => readFileSync(join(one, "checkpoint.safetensors")));
  expect(a.equals(b)).toBe(true);
  const metrics = (one: string): unknown[] =>
    jsonLines(readFileSync(join(one, "metrics.jsonl"), "utf8")).map(
      ({ seconds: _, ...rest }) => rest,
    );
  expect(metrics(out)).toEqual(metrics(other));
}

const learn = (name: string, out: string, ...more: string[]): Command =>
  run("train", ...trainings[name], "--out", at(out), "--workers", server().url, ...lease, ...more);

const begun = (out: string): Promise<void> =>
  until("it has a checkpoint", () => existsSync(join(at(out), "checkpoint.safetensors")));

/** Jobs, results and objects on the server. */
async function left(): Promise<number> {
  const link = await Link.open(server().url, { name: "test", patience: 5 });
  let messages = 0;
  for (const stream of ["pigrad-jobs", "pigrad-results"])
    messages += (await link.jsm.streams.info(stream)).state.messages;
  const objects = await (await new link.client.obj.Objm(link.nc).open("pigrad-blobs")).list();
  await link.close();
  return messages + objects.length;
}

describe.skipIf(absent !== "")(`a training by workers${absent}`, () => {
  test("one worker and three give the checkpoints and metrics of one machine", async () => {
    const all = [worker()];
    for (const [count, names] of [
      [1, ["arith"]],
      [3, ["cartpole", "arith", "guess"]],
    ] as const) {
      while (all.length < count) all.push(worker("--name", `w${all.length}`));
      for (const one of all) await one.says("takes jobs from");
      for (const name of names) {
        const given = learn(name, `${name}${count}`);
        expect([await given.ended, given.stderr]).toEqual([0, ""]);
        expectSame(at(`${name}${count}`), await expected(name));
      }
    }
    for (const { stdout } of all) expect(stdout).toMatch(/samples for: \w+ \w+, seed 1/);
    expect(await left()).toBe(0);
  });

  test("a worker is killed: the other does its pieces", { tags: ["long"] }, async () => {
    const two = [worker(), worker("--name", "second")];
    const given = learn("long", "killed");
    await begun("killed");
    await two[0].kill("SIGKILL");
    expect([await given.ended, given.stderr]).toEqual([0, ""]);
    expectSame(at("killed"), await expected("long"));
  });

  test("the server is killed and started again: both sides go on", { tags: ["long"] }, async () => {
    const one = worker();
    const given = learn("long", "restart");
    await begun("restart");
    await server().kill();
    await new Promise((done) => setTimeout(done, 1000));
    await server().run();
    expect([await given.ended, given.stderr]).toEqual([0, ""]);
    expect(one.process.exitCode).toBeNull();
    expectSame(at("restart"), await expected("long"));
  });

  test("the learner is killed: its pieces vanish, and --resume goes on", {
    tags: ["long"],
  }, async () => {
    worker();
    const given = learn("long", "learner");
    await begun("learner");
    await given.kill("SIGKILL");
    const again = run("train", "--resume", at("learner"), "--workers", server().url, ...lease);
    expect([await again.ended, again.stderr]).toEqual([0, ""]);
    expect(again.stdout).toContain("going on with cartpole");
    expectSame(at("learner"), await expected("long"));
    await until("no piece is left", async () => (await left()) === 0);
  });

  test("every job and every answer comes twice", { tags: ["long"] }, async () => {
    const link = await Link.open(server().url, { name: "test", patience: 5 });
    let repeated = 0;
    for (const kind of ["jobs", "answers"]) {
      const seen = new Set<string>();
      link.nc.subscribe(`pigrad.${kind}.>`, {
        callback: (_, { subject, data }) => {
          const content = Buffer.from(data).toString("base64");
          if (seen.has(content)) return;
          seen.add(content);
          repeated++;
          link.nc.publish(subject, data);
        },
      });
    }
    worker();
    worker("--name", "second");
    const given = learn("cartpole", "twice");
    expect([await given.ended, given.stderr]).toEqual([0, ""]);
    await link.close();
    expect(repeated).toBeGreaterThan(50);
    expectSame(at("twice"), await expected("cartpole"));
  });

  test("every worker is gone: one line after the patience, and the checkpoint stands", {
    tags: ["long"],
  }, async () => {
    const one = worker();
    const given = learn("long", "gone", "--workers-patience", "3");
    await begun("gone");
    await one.kill("SIGKILL");
    const killed = Date.now();
    expect(await given.ended).toBe(2);
    expect(Date.now() - killed).toBeLessThan(1000 * seconds);
    expect(given.stderr).toMatch(
      /^pigrad: 127\.0\.0\.1:\d+: no worker for \d+ pieces of an update in 3 s; .*\n$/,
    );
    worker();
    const again = run("train", "--resume", at("gone"), "--workers", server().url, ...lease);
    expect([await again.ended, again.stderr]).toEqual([0, ""]);
    expectSame(at("gone"), await expected("long"));
  });

  test("--staleness: rollouts are an update old, also when a worker is killed; refused for others", {
    tags: ["long"],
  }, async () => {
    const two = [worker(), worker("--name", "second")];
    const given = learn("long", "stale", "--staleness", "1");
    await begun("stale");
    await two[0].kill("SIGKILL");
    expect([await given.ended, given.stderr]).toEqual([0, ""]);
    const updates = jsonLines(readFileSync(join(at("stale"), "metrics.jsonl"), "utf8"));
    expect(updates.map(({ update }) => update)).toEqual(updates.map((_, i) => i + 1));
    const home = join(await expected("long"), "metrics.jsonl");
    expect(updates).toHaveLength(jsonLines(readFileSync(home, "utf8")).length);
    expect(updates.slice(0, 3)).toMatchObject([
      { staleness: 0 },
      { staleness: 1 },
      { staleness: 1 },
    ]);
    expect(updates.slice(1).every(({ staleness }) => staleness === 1)).toBe(true);
    await until("nothing is left", async () => (await left()) === 0);
    const options = ["--workers", server().url, "--staleness", "1"];
    const a2c = await pigrad("train", "cartpole", "--algo", "a2c", ...options, "--out", at("a2c"));
    expect([a2c.status, a2c.stderr]).toEqual([
      2,
      "pigrad: --staleness: expected ppo or impala, whose ratios correct for old weights, got a2c\n",
    ]);
    expect(existsSync(at("a2c"))).toBe(false);
    const text = await pigrad("train", ...trainings.arith, ...options, "--out", at("in-step"));
    expect(text.stdout).toContain("--staleness: a text's completions are sampled in step with");
    expectSame(at("in-step"), await expected("arith"));
  });

  test("a task file of one's own: a worker without it refuses, one with it samples", {
    tags: ["long"],
  }, async () => {
    const source = fileURLToPath(new URL("../../templates/environment/lander.js", import.meta.url));
    copyFileSync(source, at("gems.mjs"));
    copyFileSync(source, at("copy.mjs"));
    const statistics = settings(["normalizeObservation=false", "normalizeReward=false"]);
    const train = ["train", at("gems.mjs"), "--steps", "1500", ...statistics];
    const none = worker("--name", "none");
    const given = run(...train, "--out", at("own"), "--workers", server().url, ...lease);
    await given.says(/none refuses: it has no gems\.mjs with sha256 [0-9a-f]{12}…/);
    worker("--task", at("copy.mjs"));
    expect(await given.ended).toBe(0);
    expect(none.stdout).not.toContain("samples for");
    const home = await pigrad(...train, "--threads", "1", "--out", at("own-home"));
    expect([home.status, home.stderr]).toEqual([0, ""]);
    expectSame(at("own"), at("own-home"));
  });

  test("what cannot be shared is sampled here, in one line; wrong options are refused", async () => {
    const workers = ["--workers", server().url];
    const here = await pigrad(
      "train",
      "pendulum",
      "--steps",
      "600",
      ...workers,
      "--out",
      at("here"),
    );
    expect([here.status, here.stderr]).toEqual([0, ""]);
    expect(here.stdout).toContain("sampled here, not by workers: its environments depend on each");
    const a3c = await pigrad(
      "train",
      "line",
      "--algo",
      "a3c",
      "--steps",
      "200",
      ...workers,
      "--out",
      at("a3c"),
    );
    expect(a3c.stdout).toContain("sampled here, not by workers: a3c has workers of its own");
    const threads = await pigrad("train", "line", ...workers, "--threads", "2");
    expect([threads.status, threads.stderr]).toEqual([
      2,
      "pigrad: --threads: expected 1 with --workers, whose threads sample, got 2\n",
    ]);
    const alone = await pigrad("train", "line", "--lease", "2");
    expect([alone.status, alone.stderr]).toEqual([2, "pigrad: --lease goes with --workers URL\n"]);
  });
});
