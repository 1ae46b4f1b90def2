// @module-tag deep
/** Runs that stop and go on, and what is made of them, from the command line. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { jsonLines, node, pigrad, temporary } from "../support/pigrad.ts";

const at = temporary();
const small = ["--set", "envs=4", "--set", "rollout=16", "--set", "epochs=2"];
const checkpointOf = (run: string): string =>
  readFileSync(at(run, "checkpoint.safetensors")).toString("base64");
const metricsOf = (run: string): Record<string, unknown>[] =>
  jsonLines(readFileSync(at(run, "metrics.jsonl"), "utf8")).map(
    ({ seconds: _, ...figures }) => figures,
  );

beforeAll(async () => {
  for (const seed of ["1", "2"]) {
    const args = [
      "--steps",
      "2048",
      "--seed",
      seed,
      "--out",
      at(`whole${seed}`),
      "--quiet",
      ...small,
    ];
    expect((await pigrad("train", "cartpole", ...args)).status).toBe(0);
  }
});

test("half a run, and the other half in a new process, are the whole run to the last bit", async () => {
  const args = ["--steps", "2048", "--seed", "1", "--out", at("parts"), ...small];
  const first = await pigrad("train", "cartpole", ...args, "--until-steps", "1024");
  expect(first.stdout).toMatch(/trained 1,024 steps/);
  writeFileSync(at("parts", "checkpoint.safetensors.pigrad-0123456789abcdef.tmp"), "half a file");
  // figures behind the checkpoint, as a kill leaves them, and a line cut off
  const metrics = at("parts", "metrics.jsonl");
  const after = '{"update":17,"envSteps":1088,"seconds":1}';
  writeFileSync(metrics, `${readFileSync(metrics, "utf8")}${after}\n{"upd`);
  const second = await pigrad("train", "--resume", at("parts"), "--json");
  expect(second.stderr).toBe("");
  expect(checkpointOf("parts")).toBe(checkpointOf("whole1"));
  expect(metricsOf("parts")).toEqual(metricsOf("whole1"));
  expect(readdirSync(at("parts")).sort()).toEqual(readdirSync(at("whole1")).sort());
});

test("--until-return and --until-seconds stop a run, and say so", async () => {
  const stopped = await pigrad(
    "train",
    "cartpole",
    "--until-return",
    "15",
    "--out",
    at("early"),
    ...small,
  );
  expect(stopped.stdout).toMatch(/stopped by return/);
  const timed = await pigrad(
    "train",
    "cartpole",
    "--until-seconds",
    "0.05",
    "--out",
    at("timed"),
    ...small,
  );
  expect(timed.stdout).toMatch(/stopped by time/);
  expect(existsSync(at("timed", "checkpoint.safetensors"))).toBe(true);
});

test("report, plot and compare take several runs", async () => {
  expect((await pigrad("report", at("whole1"), at("whole2"), "--out", at("r.html"))).status).toBe(
    0,
  );
  const page = readFileSync(at("r.html"), "utf8");
  expect(page.includes("Content-Security-Policy")).toBe(true);
  expect(/(?:src|href)="(?!data:)/.test(page)).toBe(false);
  const data = JSON.parse(/id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? "");
  expect(data.charts[0].figure).toBe("meanReturn");
  expect(data.charts[0].bands[0].name).toBe("cartpole ppo (2 seeds)");
  expect(data.replays[0].frames.length).toBeGreaterThan(20);

  expect((await pigrad("plot", at("whole1"), at("whole2"), "--svg", at("p.svg"))).status).toBe(0);
  expect(readFileSync(at("p.svg"), "utf8")).toMatch(/^<svg [\s\S]*<polyline [\s\S]*<\/svg>\n$/);

  const compared = await pigrad("compare", at("whole1"), at("whole2"), "--json");
  const rows = jsonLines(compared.stdout);
  expect(rows.map(({ run, seed }) => [run, seed])).toEqual([
    [at("whole1"), 1],
    [at("whole2"), 2],
  ]);
});

test("a name that is markup comes out of the report as text", async () => {
  const evil = "<img src=x onerror=alert(1)>";
  expect(
    (await pigrad("train", "line", "--steps", "900", "--quiet", "--out", at(evil))).status,
  ).toBe(0);
  expect((await pigrad("report", at(evil), "--out", at("evil.html"))).status).toBe(0);
  expect(readFileSync(at("evil.html"), "utf8").includes("<img")).toBe(false);
});

test("sweep: every seed of every combination, the same figures whatever the number of threads", async () => {
  const sweep = async (threads: string) => {
    const args = ["--seeds", "2", "--set", "learningRate=0.01,0.001", "--steps", "3000", "--json"];
    const { stdout, stderr, status } = await pigrad(
      "sweep",
      "bandit",
      ...args,
      "--threads",
      threads,
    );
    expect([stderr, status]).toEqual(["", 0]);
    return jsonLines(stdout)
      .filter(({ type }) => type === "summary")
      .map(({ seconds: _, ...summary }) => summary);
  };
  const one = await sweep("1");
  expect(one.map(({ settings }) => settings.learningRate)).toEqual(["0.01", "0.001"]);
  expect(await sweep("2")).toEqual(one);
});

test("A3C on two threads trains, counts staleness, and its run can be evaluated and resumed", async () => {
  const args = ["--algo", "a3c", "--set", "threads=2", "--set", "workers=4", "--out", at("a3c")];
  const { status, stderr } = await pigrad(
    "train",
    "cartpole",
    "--steps",
    "60000",
    ...args,
    "--quiet",
  );
  expect([status, stderr]).toEqual([0, ""]);
  const last = metricsOf("a3c").at(-1) as Record<string, number>;
  expect(last.envSteps).toBeGreaterThanOrEqual(60_000);
  expect(last.staleness).toBeGreaterThanOrEqual(0);
  expect((await pigrad("eval", at("a3c"), "--episodes", "2")).status).toBe(0);
});

test("a worker that fails stops the run: exit code 1, its seed, no hang", async () => {
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
  const { status, stderr } = await pigrad("train", "bandit", ...args, "--out", at("crash"));
  expect(status).toBe(1);
  expect(stderr).toMatch(/thread \d, seed 7: .*not finite/);
});

test("--tensorboard leaves an event file beside the metrics", async () => {
  expect(
    (await pigrad("train", "line", "--steps", "900", "--out", at("tb"), "--tensorboard")).status,
  ).toBe(0);
  const [name] = readdirSync(at("tb")).filter((file) => file.includes("tfevents"));
  expect(readFileSync(at("tb", name)).length).toBeGreaterThan(300);
});

describe("wrong input: exit code 2, one line, runs left alone", () => {
  const cases: Record<string, [string[], RegExp]> = {
    "resume what is no run": [["train", "--resume", at()], /not a run folder/],
    "resume with other settings": [
      ["train", "--resume", at("whole1"), "--set", "gamma=0.9"],
      /takes everything from the run/,
    ],
    "a setting out of range": [
      ["train", "cartpole", "--set", "gamma=2"],
      /setting gamma: expected a number from 0 to 1/,
    ],
    "a model that does not fit": [
      ["train", "cartpole", "--set", "filters=8", "--out", at("n1")],
      /expected observations \[planes/,
    ],
    "an algorithm that cannot": [
      ["train", "recommend", "--algo", "trpo", "--out", at("n2")],
      /categorical or a Gaussian/,
    ],
    "report without runs": [["report"], /expected run folders/],
    "plot without a file": [["plot", at("whole1")], /--svg FILE/],
    "plot of an unknown figure": [
      ["plot", at("whole1"), "--svg", at("x.svg"), "--figure", "nope"],
      /no figure "nope"; there are/,
    ],
    "compare a missing run": [["compare", at("nowhere")], /not a run folder/],
    "sweep of no seeds": [
      ["sweep", "bandit", "--seeds", "0"],
      /--seeds: expected a whole number ≥ 1/,
    ],
    "sweep with an empty value": [
      ["sweep", "bandit", "--set", "learningRate=0.1,,1"],
      /expected values between/,
    ],
    "a port out of range": [
      ["train", "line", "--watch", "--port", "70000", "--out", at("n3")],
      /from 0 to 65535/,
    ],
  };
  for (const [name, [args, message]] of Object.entries(cases)) {
    test(name, async () => {
      const before = checkpointOf("whole1");
      const { status, stderr } = await pigrad(...args);
      expect(stderr).toMatch(message);
      expect(stderr.trimEnd().split("\n")).toHaveLength(1);
      expect(status).toBe(2);
      expect(checkpointOf("whole1")).toBe(before);
    });
  }

  test("a disk that is full: the checkpoint before stays whole", async () => {
    const before = checkpointOf("whole1");
    const line = `cp -r whole1 full && ulimit -f 16 && exec "$@" train line --steps 90000 --quiet --out limited --set hidden=128,128`;
    const { status, stderr } = spawnSync("sh", ["-c", line, "sh", process.execPath, ...node], {
      encoding: "utf8",
      cwd: at(),
    });
    expect(stderr).toMatch(
      /^pigrad: limited\/checkpoint\.safetensors: cannot write: [^\n]* \((EFBIG|ENOSPC)\)\n$/,
    );
    expect(status).toBe(2);
    expect(readdirSync(at("limited")).filter((file) => file.endsWith(".tmp"))).toEqual([]);
    expect(checkpointOf("full")).toBe(before);
  });
});
