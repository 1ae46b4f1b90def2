/** Runs that stop and go on, and what is made of them, from the command line. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const tsx = fileURLToPath(import.meta.resolve("tsx"));
const folder = mkdtempSync(join(tmpdir(), "pigrad-runs-"));
afterAll(() => rmSync(folder, { recursive: true }));

const pigrad = (...args: string[]) =>
  spawnSync(process.execPath, ["--import", tsx, main, ...args], { encoding: "utf8", cwd: folder });
const small = ["--set", "envs=4", "--set", "rollout=16", "--set", "epochs=2"];
const checkpointOf = (run: string): string =>
  readFileSync(join(folder, run, "checkpoint.safetensors")).toString("base64");
const metricsOf = (run: string): Record<string, unknown>[] =>
  readFileSync(join(folder, run, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const { seconds: _, ...figures } = JSON.parse(line);
      return figures;
    });

beforeAll(() => {
  for (const seed of ["1", "2"]) {
    const args = ["--steps", "2048", "--seed", seed, "--out", `whole${seed}`, "--quiet", ...small];
    expect(pigrad("train", "cartpole", ...args).status).toBe(0);
  }
});

test("half a run, and the other half in a new process, are the whole run to the last bit", () => {
  const args = ["--steps", "2048", "--seed", "1", "--out", "parts", ...small];
  const first = pigrad("train", "cartpole", ...args, "--until-steps", "1024");
  expect(first.stdout).toMatch(/trained 1,024 steps/);
  writeFileSync(
    join(folder, "parts", "checkpoint.safetensors.pigrad-0123456789abcdef.tmp"),
    "half a file",
  );
  // figures behind the checkpoint, as a kill leaves them, and a line cut off
  const metrics = join(folder, "parts", "metrics.jsonl");
  const after = '{"update":17,"envSteps":1088,"seconds":1}';
  writeFileSync(metrics, `${readFileSync(metrics, "utf8")}${after}\n{"upd`);
  const second = pigrad("train", "--resume", "parts", "--json");
  expect(second.stderr).toBe("");
  expect(checkpointOf("parts")).toBe(checkpointOf("whole1"));
  expect(metricsOf("parts")).toEqual(metricsOf("whole1"));
  expect(readdirSync(join(folder, "parts")).sort()).toEqual(
    readdirSync(join(folder, "whole1")).sort(),
  );
});

test("--until-return and --until-seconds stop a run, and say so", () => {
  const stopped = pigrad("train", "cartpole", "--until-return", "15", "--out", "early", ...small);
  expect(stopped.stdout).toMatch(/stopped by return/);
  const timed = pigrad("train", "cartpole", "--until-seconds", "0.05", "--out", "timed", ...small);
  expect(timed.stdout).toMatch(/stopped by time/);
  expect(existsSync(join(folder, "timed", "checkpoint.safetensors"))).toBe(true);
});

test("report, plot and compare take several runs", () => {
  expect(pigrad("report", "whole1", "whole2", "--out", "r.html").status).toBe(0);
  const page = readFileSync(join(folder, "r.html"), "utf8");
  expect(page.includes("Content-Security-Policy")).toBe(true);
  expect(/(?:src|href)="(?!data:)/.test(page)).toBe(false);
  const data = JSON.parse(/id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? "");
  expect(data.charts[0].figure).toBe("meanReturn");
  expect(data.charts[0].bands[0].name).toBe("cartpole ppo (2 seeds)");
  expect(data.replays[0].frames.length).toBeGreaterThan(20);

  expect(pigrad("plot", "whole1", "whole2", "--svg", "p.svg").status).toBe(0);
  expect(readFileSync(join(folder, "p.svg"), "utf8")).toMatch(
    /^<svg [\s\S]*<polyline [\s\S]*<\/svg>\n$/,
  );

  const compared = pigrad("compare", "whole1", "whole2", "--json");
  const rows = compared.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(rows.map(({ run, seed }) => [run, seed])).toEqual([
    ["whole1", 1],
    ["whole2", 2],
  ]);
});

test("a name that is markup comes out of the report as text", () => {
  const evil = "<img src=x onerror=alert(1)>";
  expect(pigrad("train", "line", "--steps", "900", "--quiet", "--out", evil).status).toBe(0);
  expect(pigrad("report", evil, "--out", "evil.html").status).toBe(0);
  expect(readFileSync(join(folder, "evil.html"), "utf8").includes("<img")).toBe(false);
});

test("sweep: every seed of every combination, the same figures whatever the number of threads", () => {
  const sweep = (threads: string) => {
    const args = ["--seeds", "2", "--set", "learningRate=0.01,0.001", "--steps", "3000", "--json"];
    const { stdout, stderr, status } = pigrad("sweep", "bandit", ...args, "--threads", threads);
    expect([stderr, status]).toEqual(["", 0]);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    return lines
      .filter(({ type }) => type === "summary")
      .map(({ seconds: _, ...summary }) => summary);
  };
  const one = sweep("1");
  expect(one.map(({ settings }) => settings.learningRate)).toEqual(["0.01", "0.001"]);
  expect(sweep("2")).toEqual(one);
});

test("A3C on two threads trains, counts staleness, and its run can be evaluated and resumed", () => {
  const args = ["--algo", "a3c", "--set", "threads=2", "--set", "workers=4", "--out", "a3c"];
  const { status, stderr } = pigrad("train", "cartpole", "--steps", "60000", ...args, "--quiet");
  expect([status, stderr]).toEqual([0, ""]);
  const last = metricsOf("a3c").at(-1) as Record<string, number>;
  expect(last.envSteps).toBeGreaterThanOrEqual(60_000);
  expect(last.staleness).toBeGreaterThanOrEqual(0);
  expect(pigrad("eval", "a3c", "--episodes", "2").status).toBe(0);
});

test("a worker that fails stops the run: exit code 1, its seed, no hang", () => {
  const args = [
    "--algo",
    "a3c",
    "--set",
    "threads=2",
    "--set",
    "means=1e308,-1e308",
    "--seed",
    "7",
  ];
  const { status, stderr } = pigrad("train", "bandit", ...args, "--out", "crash");
  expect(status).toBe(1);
  expect(stderr).toMatch(/thread \d, seed 7: .*not finite/);
});

test("--tensorboard leaves an event file beside the metrics", () => {
  expect(pigrad("train", "line", "--steps", "900", "--out", "tb", "--tensorboard").status).toBe(0);
  const [name] = readdirSync(join(folder, "tb")).filter((file) => file.includes("tfevents"));
  expect(readFileSync(join(folder, "tb", name)).length).toBeGreaterThan(300);
});

describe("wrong input: exit code 2, one line, runs left alone", () => {
  const cases: Record<string, [string[], RegExp]> = {
    "resume what is no run": [["train", "--resume", "."], /not a run folder/],
    "resume with other settings": [
      ["train", "--resume", "whole1", "--set", "gamma=0.9"],
      /takes everything from the run/,
    ],
    "a setting out of range": [
      ["train", "cartpole", "--set", "gamma=2"],
      /setting gamma: want a number from 0 to 1/,
    ],
    "a model that does not fit": [
      ["train", "cartpole", "--set", "filters=8", "--out", "n1"],
      /want observations \[planes/,
    ],
    "an algorithm that cannot": [
      ["train", "recommend", "--algo", "trpo", "--out", "n2"],
      /categorical or a Gaussian/,
    ],
    "report without runs": [["report"], /want run folders/],
    "plot without a file": [["plot", "whole1"], /--svg FILE/],
    "plot of an unknown figure": [
      ["plot", "whole1", "--svg", "x.svg", "--figure", "nope"],
      /no figure "nope"; there are/,
    ],
    "compare a missing run": [["compare", "nowhere"], /not a run folder/],
    "sweep of no seeds": [["sweep", "bandit", "--seeds", "0"], /--seeds: want a whole number ≥ 1/],
    "sweep with an empty value": [
      ["sweep", "bandit", "--set", "learningRate=0.1,,1"],
      /want values between/,
    ],
    "a port out of range": [
      ["train", "line", "--watch", "--port", "70000", "--out", "n3"],
      /from 0 to 65535/,
    ],
  };
  for (const [name, [args, message]] of Object.entries(cases)) {
    test(name, () => {
      const before = checkpointOf("whole1");
      const { status, stderr } = pigrad(...args);
      expect(stderr).toMatch(message);
      expect(stderr.trimEnd().split("\n")).toHaveLength(1);
      expect(status).toBe(2);
      expect(checkpointOf("whole1")).toBe(before);
    });
  }

  test("a disk that is full: the checkpoint before stays whole", () => {
    const before = checkpointOf("whole1");
    const line = `cp -r whole1 full && ulimit -f 16 && exec "$0" --import "$1" "$2" train line --steps 90000 --quiet --out limited --set hidden=128,128`;
    const { status, stderr } = spawnSync("sh", ["-c", line, process.execPath, tsx, main], {
      encoding: "utf8",
      cwd: folder,
    });
    expect(stderr).toMatch(/^pigrad: (EFBIG|ENOSPC)/);
    expect(status).toBe(2);
    expect(readdirSync(join(folder, "limited")).filter((file) => file.endsWith(".tmp"))).toEqual(
      [],
    );
    expect(checkpointOf("full")).toBe(before);
  });
});
