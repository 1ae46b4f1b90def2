/** Sweeps over workers as the tests compare them: with what one machine gives. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { absent, Command, NatsServer } from "../support/nats.ts";
import { jsonLines, pigrad, temporary } from "../support/pigrad.ts";

/** One training of a few seconds. */
export const long = ["sweep", "cartpole", "--algo", "ppo", "--steps", "12000", "--seeds", "1"];
/** Four trainings of less than a second, and two rungs. */
export const short = ["sweep", "line", "--steps", "4000", "--seeds", "2", "--halving", "2"];
short.push("--set", "learningRate=0.01,0.001");
/** Seconds without a worker's heartbeat after which its job goes on elsewhere. */
export const lease = ["--lease", "2"];

/** A sweep's results without the seconds that it took. */
export function resultsOf(folder: string): unknown[] {
  const lines = jsonLines(readFileSync(join(folder, "results.jsonl"), "utf8"));
  return lines.map(({ seconds: _, ...rest }) => rest).sort((a, b) => (a.job < b.job ? -1 : 1));
}

/** Expects two sweeps' folders to have the same results, checkpoints and metrics. */
export function expectSame(folder: string, other: string): void {
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

/** Sets up a server, a folder and processes that end with the test. */
export function setUp() {
  const at = temporary();
  const commands: Command[] = [];
  let server: NatsServer | undefined;
  beforeAll(async () => {
    if (absent === "") server = await NatsServer.start();
  });
  afterAll(() => server?.remove());
  afterEach(async () => {
    for (const command of commands.splice(0)) await command.kill();
  });
  const running = (): NatsServer => server as NatsServer;
  const run = (...args: string[]): Command => {
    mkdirSync(at("tmp"), { recursive: true }); // where a worker that is killed leaves its folders
    const command = new Command(args, { TMPDIR: at("tmp") });
    commands.push(command);
    return command;
  };
  return {
    at,
    run,
    server: running,
    worker: (...args: string[]) =>
      run("worker", running().url, "--threads", "1", "--checkpoint-every", "1", ...args),
    /** The folder of a sweep on one machine. */
    async expected(name: string, sweep: readonly string[]): Promise<string> {
      if (!existsSync(at(name))) expect((await pigrad(...sweep, "--out", at(name))).status).toBe(0);
      return at(name);
    },
  };
}
