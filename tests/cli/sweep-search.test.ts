// @module-tag deep
/** pigrad sweep: searches, halving, folders that go on, statistics of rows, and wrong input. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { searchPoints } from "../../src/cli/search-points.ts";
import { seedsFrom } from "../../src/cli/sweep-seeds.ts";
import { sweepRows } from "../../src/cli/sweep-space.ts";
import { nameOfRow, type RowResults, summarize } from "../../src/cli/sweep-summary.ts";
import { integer, real, sizes } from "../../src/core/settings.ts";
import { bestOf, rungsOf } from "../../src/node/halving.ts";
import type { SweepResult } from "../../src/node/sweep.ts";
import { jsonLines, node, pigrad, temporary } from "../support/pigrad.ts";

const at = temporary();
const settings = {
  rate: real(1e-3, "", { min: 0, max: 10 }),
  count: integer(3, "", { min: 1, max: 1000 }),
  hidden: sizes([8], ""),
};
const rows = (
  listed: Record<string, string>,
  samples = 200,
  search: "random" | "quasi" = "quasi",
) => sweepRows(listed, settings, { samples, search, seed: 1 });
const numbers = (list: readonly Record<string, string>[], name: string) =>
  list.map((row) => Number(row[name]));
const share = (list: number[], below: number) => list.filter((x) => x < below).length / list.length;

describe("ranges", () => {
  test("over a factor of ten on a log scale, below it on a linear one, or as told", () => {
    for (const search of ["random", "quasi"] as const) {
      const tolerance = search === "quasi" ? 0.02 : 0.12;
      const half = (range: string, middle: number) =>
        Math.abs(share(numbers(rows({ rate: range }, 200, search), "rate"), middle) - 0.5);
      expect(half("1e-4..1e-2", 1e-3)).toBeLessThan(tolerance);
      expect(half("0.1..0.9", 0.5)).toBeLessThan(tolerance);
      expect(half("0..1", 0.5)).toBeLessThan(tolerance);
      expect(half("1e-4..1e-2:linear", 5.05e-3)).toBeLessThan(tolerance);
      expect(half("1..4:log", 2)).toBeLessThan(tolerance);
    }
  });
  test("of whole numbers: each as often on a linear scale, both ends too", () => {
    const counts = numbers(rows({ count: "3..7" }, 500), "count");
    for (const n of [3, 4, 5, 6, 7])
      expect(counts.filter((x) => x === n).length / 500).toBeCloseTo(0.2, 1);
    const wide = numbers(rows({ count: "1..100" }, 500), "count");
    expect(wide.every((n) => Number.isInteger(n) && n >= 1 && n <= 100)).toBe(true);
    expect(share(wide, 10)).toBeCloseTo(0.5, 1);
  });
  test("beside lists, which are drawn from evenly; the count is that of the samples", () => {
    const sampled = rows({ rate: "0..1", hidden: "8;4,4" }, 100);
    expect(sampled).toHaveLength(100);
    expect(sampled.filter(({ hidden }) => hidden === "4,4").length).toBeGreaterThan(45);
    expect(sampled.filter(({ hidden }) => hidden === "8").length).toBeGreaterThan(45);
  });
  test("a seed gives the same points, and more samples begin with the fewer", () => {
    for (const search of ["random", "quasi"] as const) {
      const points = searchPoints(search, 5, 3, 7);
      expect(searchPoints(search, 9, 3, 7).slice(0, 5)).toEqual(points);
      expect(searchPoints(search, 5, 3, 8)).not.toEqual(points);
      for (const x of searchPoints(search, 300, 2, 1).flat()) expect(x >= 0 && x < 1).toBe(true);
    }
    const [a, b] = searchPoints("quasi", 2, 1, 1);
    expect((b[0] - a[0] + 1) % 1).toBeCloseTo((Math.sqrt(5) - 1) / 2, 12); // the golden ratio
  });
  test.each([
    [{ rate: "1..0.1" }, /--set rate: expected a range that ascends, got 1..0.1/],
    [{ rate: "0..1:log" }, /--set rate: expected a range above 0 for :log/],
    [{ rate: "0..1:cube" }, /--set rate: expected :log or :linear after a range, got :cube/],
    [{ rate: "0.9,0.90" }, /--set rate: expected each value once, got "0.9,0.90"/],
    [{ rate: "0..99" }, /--set rate: expected ends that are a number from 0 to 10, got "99"/],
    [{ rate: "..1" }, /--set rate: expected ends that are .*, got ""/],
    [{ count: "0.5..3" }, /--set count: expected ends that are a whole number .*, got "0.5"/],
    [{ rate: "1,,2" }, /--set rate: expected values between the ,/],
    [{}, /--samples: expected --set with a range or a list, got none/],
  ])("refuses %j", (listed, message) => {
    expect(() => rows(listed as Record<string, string>)).toThrow(message);
  });
  test("without samples a range is refused", () => {
    expect(() => sweepRows({ rate: "0..1" }, settings, null)).toThrow(
      "--set rate: a range needs --samples N",
    );
  });
});

test("seeds: a count, a list, ranges", () => {
  expect(seedsFrom("3")).toEqual([1, 2, 3]);
  expect(seedsFrom("601,603-605")).toEqual([601, 603, 604, 605]);
  expect(seedsFrom("7-7")).toEqual([7]);
  for (const text of ["0", "", "-1", "a", "1,", "1,1", "5-3", "1-2-3", "1.5", "0-99999999", "1e3"])
    expect(() => seedsFrom(text), text).toThrow(/--seeds: expected .*, got /);
});

test("rungs of halving, by hand; the best go on, of equal ones the first", () => {
  expect(rungsOf(9, 3, 900)).toEqual([
    { rows: 9, steps: 100 },
    { rows: 3, steps: 300 },
    { rows: 1, steps: 900 },
  ]);
  expect(rungsOf(6, 2, 1000)).toEqual([
    { rows: 6, steps: 250 },
    { rows: 3, steps: 500 },
    { rows: 1, steps: 1000 },
  ]);
  expect(bestOf([1, 5, Number.NaN, 5, 3], 3)).toEqual([1, 3, 4]);
  expect(bestOf([Number.NaN, Number.NaN, 1], 2)).toEqual([0, 2]);
});

describe("summaries", () => {
  const row = (name: string, returns: number[], finished = true): RowResults => ({
    settings: { name },
    finished,
    results: returns.map((meanReturn) => ({
      envSteps: 10,
      seconds: 1,
      stepsToThreshold: null,
      evaluation: { meanReturn },
    })) as unknown as SweepResult[],
  });
  const four = [
    row("a", [1, 2, 3, 4]),
    row("b", [11, 12, 13, 14]),
    row("c", [0, 2, 4, 6]),
    row("d", [99, 99, 99, 99], false),
  ];
  test("P(better), its interval and the verdict, over the first and over the best", () => {
    const over = summarize(four, "first").map(({ improvement }) => improvement);
    expect(over[0]).toBe(null);
    expect(over[1]).toEqual({ over: 1, probability: 1, interval: [1, 1], real: true });
    // pairs of 0, 2, 4, 6 and 1, 2, 3, 4: 0 wins none, 2 one and a half, 4 three and a half, 6 four
    expect(over[2]?.probability).toBe(9 / 16);
    expect(over[2]?.real).toBe(false);
    expect(over[3]).toBe(null); // stopped early: not comparable
    const best = summarize(four, "best").map(({ improvement }) => improvement);
    expect(best[1]).toBe(null);
    expect(best[0]).toMatchObject({ over: 2, probability: 0, real: true });
  });
  test("three seeds cannot show a difference, however clear", () => {
    const [, b] = summarize([row("a", [1, 2, 3]), row("b", [7, 8, 9])], "first");
    expect(b.improvement).toEqual({ over: 1, probability: 1, interval: [1, 1], real: false });
  });
  test("profiles begin at 1 and end at 0, at thresholds that all rows share", () => {
    const [a, b] = summarize([row("a", [0, 40]), row("b", [10, 10])], "first");
    expect(a.profile.tau).toEqual(b.profile.tau);
    const middle = a.profile.tau.findIndex((tau) => tau > 10);
    expect([a.profile.share[0], a.profile.share[middle], a.profile.share.at(-1)]).toEqual([
      1, 0.5, 0,
    ]);
    expect(b.profile.share[middle]).toBe(0);
  });
  test("a row without settings is the presets", () => {
    expect(nameOfRow({})).toBe("presets");
  });
});

const small = ["--steps", "1600", "--episodes", "5", "--threads", "2", "--json"];
const search = ["--seeds", "11,13", "--set", "learningRate=1e-3..1e-1", "--samples", "4"];
const halving = [...search, "--halving", "2", ...small];
/** Lines without times. */
const figures = (stdout: string) => jsonLines(stdout).map(({ seconds: _, ...line }) => line);

describe("a sweep in a folder", () => {
  test("gives the results of one in memory, and on one thread; again it trains nothing", async () => {
    const memory = await pigrad("sweep", "line", ...search, ...small);
    const out = ["--out", at("plain")];
    const first = await pigrad("sweep", "line", ...search, ...small, "--threads", "1", ...out);
    expect([memory.stderr, first.stderr]).toEqual(["", ""]);
    expect(figures(first.stdout)).toEqual(figures(memory.stdout));
    const files = () =>
      readdirSync(at("plain"), { recursive: true, encoding: "utf8" })
        .filter((name) => name.includes("."))
        .map((name) => [name, readFileSync(at("plain", name), "latin1")]);
    const before = files();
    const again = await pigrad("sweep", "line", ...search, ...small, ...out);
    expect(again.stdout).toBe(first.stdout);
    expect(files()).toEqual(before);
  });

  test("plot, report and compare take it", async () => {
    const plain = at("plain");
    expect((await pigrad("plot", plain, "--svg", at("p.svg"))).stderr).toBe("");
    expect(readFileSync(at("p.svg"), "utf8").match(/<polyline/g)).toHaveLength(4);
    expect((await pigrad("report", plain, "--out", at("r.html"))).stderr).toBe("");
    const page = readFileSync(at("r.html"), "utf8");
    expect(page).toContain("<h2>Performance profiles</h2>");
    expect(page.match(/<polyline/g)).toHaveLength(4);
    const compared = jsonLines((await pigrad("compare", plain, "--json")).stdout);
    expect(compared.map(({ seed }) => seed)).toEqual([11, 13, 11, 13, 11, 13, 11, 13]);
  });

  test("killed in the middle it goes on to the same results, halving too", {
    tags: ["long"],
  }, async () => {
    const whole = await pigrad("sweep", "line", ...halving);
    expect(whole.stderr).toBe("");
    const lines = figures(whole.stdout);
    expect(lines.filter(({ type }) => type === "result")).toHaveLength(8 + 4 + 2);
    expect(lines.filter(({ type, finished }) => type === "summary" && finished)).toHaveLength(1);
    const out = at("killed");
    const child = spawn(process.execPath, [...node, "sweep", "line", ...halving, "--out", out], {
      stdio: "ignore",
    });
    const results = at("killed", "results.jsonl");
    const ended = new Promise((resolve) => child.once("exit", resolve));
    for (let count = 0; count < 3 && child.exitCode === null; ) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      count = existsSync(results) ? readFileSync(results, "utf8").split("\n").length - 1 : 0;
    }
    child.kill("SIGKILL");
    await ended;
    appendFileSync(results, '{"job":"row1-se'); // a line that was cut off
    mkdirSync(at("killed", "row9-seed9")); // a folder that was cut off while it was made
    rmSync(at("killed", "row4-seed13"), { recursive: true, force: true });
    const { stdout, stderr } = await pigrad("sweep", "line", ...halving, "--out", out);
    expect(stderr).toBe("");
    expect(figures(stdout)).toEqual(lines);
  });

  test("tables and a picture", async () => {
    const args = ["--csv", at("s.csv"), "--svg", at("s.svg"), "--out", at("plain")];
    const { stderr } = await pigrad("sweep", "line", ...search, ...small, ...args);
    expect(stderr).toBe("");
    const [head, ...lines] = readFileSync(at("s.csv"), "utf8").trimEnd().split("\n");
    expect(head).toBe(
      "row,learningRate,seed,steps,trainingReturn,greedyReturn,stepsToThreshold,seconds,failure",
    );
    expect(lines).toHaveLength(8);
    const profiles = readFileSync(at("s.profiles.csv"), "utf8").trimEnd().split("\n");
    expect(profiles[0]).toBe("row,settings,tau,share");
    expect(profiles).toHaveLength(1 + 4 * 42);
    expect(readFileSync(at("s.svg"), "utf8")).toContain("share of runs above τ");
  });

  const damage: Record<string, [() => void, string[], RegExp]> = {
    "another sweep": [() => {}, ["--steps", "800"], /one of another sweep \(different steps\)/],
    "a folder in use": [
      () => rmSync(at("other", "sweep.json")),
      [],
      /expected a new or empty folder or one of this sweep/,
    ],
    "a plan that is no JSON": [
      () => writeFileSync(at("other", "sweep.json"), "{"),
      [],
      /sweep.json: expected JSON/,
    ],
    "a result that is none": [
      () => writeFileSync(at("other", "results.jsonl"), "[]\n"),
      [],
      /results.jsonl, line 1: expected a result of a sweep/,
    ],
    "a run of another config": [
      () => {
        const file = at("other", "row1-seed1", "config.json");
        writeFileSync(file, readFileSync(file, "utf8").replace('"seed": 1', '"seed": 2'));
        rmSync(at("other", "results.jsonl"));
      },
      [],
      /row1-seed1: expected a run of this sweep, got one of another config/,
    ],
  };
  for (const [name, [spoil, more, message]] of Object.entries(damage)) {
    test(`refuses ${name} in one line`, async () => {
      const args = ["sweep", "line", "--seeds", "1", "--steps", "400", "--out", at("other")];
      rmSync(at("other"), { recursive: true, force: true });
      expect((await pigrad(...args)).stderr).toBe("");
      spoil();
      const { stderr, stdout } = await pigrad(...args, ...more);
      expect(stderr).toMatch(message);
      expect([stdout, stderr.trimEnd().split("\n")]).toEqual(["", [expect.any(String)]]);
    });
  }
});

test.each([
  [["--samples", "0"], /--samples: expected a whole number from 1/],
  [["--search", "grid"], /--search: expected one of random, quasi, got "grid"/],
  [["--search", "random"], /--search goes with --samples N/],
  [["--halving", "1"], /--halving: expected a whole number ≥ 2/],
  [["--halving", "2"], /--halving: expected at least 2 rows of settings, got 1/],
  [["--against", "last"], /--against: expected one of first, best/],
  [["--csv", "x.svg"], /--csv: expected a file that ends in .csv/],
  [["--out", ""], /--out: expected a folder, got an empty text/],
  [["--set", "lerningRate=0..1", "--samples", "2"], /lerningRate/],
])("wrong input %j: exit code 2 and one line", async (args, message) => {
  const { status, stdout, stderr } = await pigrad("sweep", "line", "--steps", "100", ...args);
  expect(stderr).toMatch(message);
  expect([status, stdout, stderr.trimEnd().split("\n").length]).toEqual([2, "", 1]);
});

/** Runs a sweep in a process of its own, stops it by a signal once `begun`, and gives its exit code and stderr. */
async function stopped(args: readonly string[], signal: NodeJS.Signals, begun: () => boolean) {
  const all = [...node, "sweep", "cartpole", "--seeds", "2", "--steps", "4000", ...args];
  const child = spawn(process.execPath, all, { env: { ...process.env, TMPDIR: at() } });
  let stderr = "";
  child.stderr.on("data", (text) => {
    stderr += text;
  });
  const ended = once(child, "close");
  await vi.waitUntil(begun, { timeout: 30_000 });
  child.kill(signal);
  return { status: (await ended)[0], stderr };
}

test("Ctrl-C says what is kept, and leaves a folder that goes on", async () => {
  const out = at("sig");
  const { status, stderr } = await stopped(["--out", out], "SIGINT", () =>
    existsSync(join(out, "sweep.json")),
  );
  const kept = `the results so far are in ${out}; the same command goes on`;
  expect([status, stderr]).toEqual([130, `pigrad: stopped by SIGINT: ${kept}\n`]);
  const again = await pigrad("sweep", "cartpole", "--seeds", "2", "--steps", "4000", "--out", out);
  expect([again.status, again.stderr]).toEqual([0, ""]);
});

test("a stopped sweep without a folder leaves no temporary one", async () => {
  const mine = () => readdirSync(at()).filter((name) => name.startsWith("pigrad-sweep-"));
  const args = ["--set", "gamma=0.9,0.99", "--halving", "2"];
  const { status, stderr } = await stopped(args, "SIGTERM", () => mine().length > 0);
  expect([status, mine()]).toEqual([130, []]);
  expect(stderr).toMatch(/^pigrad: stopped by SIGTERM: no result is kept; .*--out DIR.*\n$/);
});
