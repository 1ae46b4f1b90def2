/** Worker processes: the same bits as one machine, whatever is killed meanwhile. */
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { absent, Command, NatsServer } from "../support/nats.ts";
import { jsonLines, pigrad, temporary } from "../support/pigrad.ts";

const at = temporary();
let server: NatsServer;
beforeAll(async () => {
  if (absent === "") server = await NatsServer.start();
});
afterAll(() => server?.remove());

const commands: Command[] = [];
afterEach(async () => {
  for (const command of commands.splice(0)) await command.kill();
});
const run = (...args: string[]): Command => {
  const command = new Command(args);
  commands.push(command);
  return command;
};
const worker = (...args: string[]): Command =>
  run("worker", server.url, "--checkpoint-every", "1", ...args);

/** A sweep's results without the seconds that it took. */
function resultsOf(folder: string): unknown[] {
  const lines = jsonLines(readFileSync(join(folder, "results.jsonl"), "utf8"));
  return lines.map(({ seconds: _, ...rest }) => rest).sort((a, b) => (a.job < b.job ? -1 : 1));
}

/** Expects two sweeps' folders to have the same results, checkpoints and metrics. */
function expectSame(folder: string, other: string): void {
  expect(resultsOf(folder)).toEqual(resultsOf(other));
  const runs = readdirSync(other).filter((name) => name.startsWith("row"));
  expect(runs.length).toBeGreaterThan(0);
  const metrics = (path: string): unknown[] =>
    jsonLines(readFileSync(path, "utf8")).map(({ seconds: _, ...rest }) => rest);
  for (const name of runs) {
    const [a, b] = [folder, other].map((one) => join(one, name));
    for (const file of ["checkpoint.safetensors", "config.json"])
      expect(readFileSync(join(a, file)).equals(readFileSync(join(b, file)))).toBe(true);
    expect(metrics(join(a, "metrics.jsonl"))).toEqual(metrics(join(b, "metrics.jsonl")));
  }
}

const long = ["sweep", "cartpole", "--algo", "ppo", "--steps", "60000", "--seeds", "1"];
const expected = async (name: string, sweep: readonly string[]): Promise<string> => {
  if (!existsSync(at(name))) expect((await pigrad(...sweep, "--out", at(name))).status).toBe(0);
  return at(name);
};
/** Seconds without a worker's heartbeat after which its job goes on elsewhere. */
const lease = ["--lease", "2"];

describe.skipIf(absent !== "")(`workers${absent}`, () => {
  test("two workers give the results and checkpoints of one machine, rung by rung", async () => {
    const rates = "learningRate=0.01,0.003,0.001,0.0003";
    const sweep = ["sweep", "line", "--steps", "4000", "--seeds", "2", "--set", rates];
    sweep.push("--halving", "2");
    const two = [worker("--threads", "1"), worker("--threads", "1", "--name", "second")];
    const options = ["--workers", server.url, ...lease];
    const given = run(...sweep, "--out", at("two"), ...options);
    expect([await given.ended, given.stderr]).toEqual([0, ""]);
    expectSame(at("two"), await expected("one", sweep));
    for (const { stdout } of two) expect(stdout).toMatch(/done: line reinforce, seed \d in/);
    const evaluate = [
      "eval",
      join(at("two"), "row1-seed1"),
      "--episodes",
      "30",
      "--sample",
      "--json",
    ];
    for (const shards of ["1", "4"]) {
      const here = await pigrad(...evaluate, "--shards", shards);
      const there = await pigrad(...evaluate, "--shards", shards, "--workers", server.url);
      expect([there.status, there.stderr]).toEqual([0, ""]);
      expect(there.stdout).toBe(here.stdout);
      expect(jsonLines(here.stdout)[0].returns).toHaveLength(30);
    }
    const plain = await pigrad(...evaluate);
    expect((await pigrad(...evaluate, "--workers", server.url)).stdout).toBe(plain.stdout);
    await two[0].kill("SIGTERM");
    expect(two[0].stdout).toContain("stopped; jobs in hand are back in the queue");
    expect(two[0].process.exitCode).toBe(0);
  });

  test("a training whose worker is killed goes on elsewhere from its checkpoint", async () => {
    const first = worker("--threads", "1");
    const given = run(...long, "--out", at("killed"), "--workers", server.url, ...lease);
    await first.says("stored: cartpole ppo, seed 1");
    await first.kill("SIGKILL");
    const second = worker("--threads", "1", "--name", "second");
    expect(await given.ended).toBe(0);
    expect(second.stdout).toMatch(/takes: cartpole ppo, seed 1 from [1-9]\d* of 60000 steps/);
    expectSame(at("killed"), await expected("long", long));
  });

  test("the server is killed and started again: both sides go on", async () => {
    const one = worker("--threads", "1");
    const given = run(...long, "--out", at("restart"), "--workers", server.url, ...lease);
    await one.says("takes: cartpole");
    await server.kill();
    await new Promise((done) => setTimeout(done, 1500));
    await server.run();
    expect([await given.ended, given.stderr]).toEqual([0, ""]);
    expect(one.process.exitCode).toBeNull();
    expectSame(at("restart"), await expected("long", long));
  });

  test("the server stays away: one line on both sides after the patience", async () => {
    const patience = ["--patience", "2"];
    const one = worker("--threads", "1", ...patience);
    await one.says("takes jobs from");
    const given = run(...long, "--out", at("away"), "--workers", server.url, ...patience);
    await one.says("takes: cartpole");
    await server.kill();
    const begun = Date.now();
    for (const { ended } of [one, given]) expect(await ended).toBe(2);
    expect(Date.now() - begun).toBeLessThan(10_000);
    for (const { stderr } of [one, given])
      expect(stderr).toMatch(/^pigrad: 127\.0\.0\.1:\d+: the server was away for 2 s; .*\n$/);
    await server.run();
    // the same command goes on, with what is in the server's store
    worker("--threads", "1");
    const again = run(...long, "--out", at("away"), "--workers", server.url, ...lease);
    expect([await again.ended, again.stderr]).toEqual([0, ""]);
    expectSame(at("away"), await expected("long", long));
  });

  test("the giver is killed: the same command takes what was done meanwhile", async () => {
    const sweep = ["sweep", "line", "--steps", "3000", "--seeds", "4"];
    const command = [...sweep, "--out", at("giver"), "--workers", server.url, ...lease];
    const given = run(...command);
    await new Promise((done) => setTimeout(done, 2500)); // jobs are given, nobody does them
    await given.kill("SIGKILL");
    const one = worker("--threads", "2");
    await one.says(/(done: line[^]*){4}/);
    const again = run(...command);
    expect([await again.ended, again.stderr]).toEqual([0, ""]);
    expect(one.stdout.match(/done: line/g)).toHaveLength(4);
    expectSame(at("giver"), await expected("given", sweep));
  });

  test("own files: none, another content, the same", async () => {
    const source = fileURLToPath(
      new URL("../../docs/examples/own-environment.ts", import.meta.url),
    );
    const env = at("gems.ts");
    copyFileSync(source, env);
    const sweep = ["sweep", env, "--algo", "reinforce", "--steps", "2000", "--seeds", "1"];
    const give = (patience: string): Command =>
      run(...sweep, "--workers", server.url, "--patience", patience, ...lease);
    const none = worker("--threads", "1");
    await none.says("takes jobs from");
    const refused = give("5");
    expect(await refused.ended).toBe(2);
    expect(refused.stderr).toMatch(/refuses: it has no gems\.ts with sha256 [0-9a-f]{12}…/);
    await none.kill();
    writeFileSync(at("copy.ts"), readFileSync(env));
    writeFileSync(at("gems.mts"), `${readFileSync(env)}\n`);
    const other = worker("--threads", "1", "--task", at("gems.mts"));
    await other.says("takes jobs from");
    const refusedToo = give("5");
    expect(await refusedToo.ended).toBe(2);
    expect(refusedToo.stderr).toMatch(/refuses: it has no gems\.ts with/);
    await other.kill();
    worker("--threads", "1", "--task", at("gems.mts"), "--task", at("copy.ts"));
    const done = give("20");
    expect([await done.ended, done.stderr]).toEqual([0, ""]);
    expect(done.stdout).toBe((await pigrad(...sweep)).stdout.replace(/0\.\d(?= )/, "0.1"));
  });
});
