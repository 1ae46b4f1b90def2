/** Figures on the command line: each number in a table, a picture or a page is of the row that it names. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { ExplainedSample } from "../../src/algos/explain-samples.ts";
import { chartsSvg, ticks, usualSize } from "../../src/cli/chart.ts";
import { plotSvg } from "../../src/cli/plot.ts";
import { reportPage } from "../../src/cli/report-page.ts";
import { samplesSection } from "../../src/cli/report-samples.ts";
import {
  type Band,
  bands,
  figureNames,
  groupRuns,
  readRun,
  thinned,
  unitOf,
} from "../../src/cli/runs.ts";
import { table } from "../../src/cli/table.ts";
import { readMetrics } from "../../src/node/run-folder.ts";
import { jsonLines, pigrad, temporary } from "../support/pigrad.ts";

const at = temporary();
const [first, second, other] = [at("first"), at("second"), at("other")];
const small = ["--set", "envs=2", "--set", "rollout=16", "--set", "epochs=1", "--set", "hidden=4"];
beforeAll(async () => {
  const train = async (out: string, steps: string, seed: string, ...set: string[]) => {
    const args = ["--steps", steps, "--seed", seed, "--quiet", "--out", out];
    expect((await pigrad("train", "cartpole", ...args, ...small, ...set)).stderr).toBe("");
  };
  await train(first, "640", "1");
  await train(second, "640", "2");
  await train(other, "320", "1", "--set", "gamma=0.9");
});

test("a table lines words up to the left and numbers to the right", () => {
  const text = table(
    ["name", "n", "what"],
    [
      ["a", "1", "x"],
      ["längst", "−", ""],
      ["b", "1,234", "y"],
    ],
  );
  expect(text).toBe("name    n      what\na       1      x\nlängst  −\nb       1,234  y\n");
  const numbers = table(
    ["a", "b"],
    [
      ["1", "+2.50"],
      ["–", "∞"],
      ["1,234", "-7"],
    ],
  );
  expect(numbers).toBe("    a      b\n    1  +2.50\n    –      ∞\n1,234     -7\n");
});

describe("compare", () => {
  test("has the last figures of each run, and its greedy evaluation", async () => {
    const rows = jsonLines((await pigrad("compare", first, other, "--json")).stdout);
    for (const [i, run] of [first, other].entries()) {
      const last = readMetrics(run).at(-1);
      const evaluation = jsonLines((await pigrad("eval", run, "--json")).stdout)[0];
      expect(rows[i]).toEqual({
        type: "run",
        run,
        task: "cartpole",
        algo: "ppo",
        seed: 1,
        backend: rows[i].backend,
        envSteps: [640, 320][i],
        seconds: last?.seconds,
        trainingReturn: last?.meanReturn,
        greedyReturn: evaluation.meanReturn,
        margin: evaluation.margin,
        successRate: evaluation.successRate,
      });
    }
    const lines = (await pigrad("compare", first, other)).stdout.split("\n");
    expect(lines[0]).toMatch(/^run +task +algo +seed +steps +seconds +training +greedy +success$/);
    for (const [i, row] of rows.entries()) {
      const success = row.successRate === null ? "–" : `${(100 * row.successRate).toFixed(0)} %`;
      const cells = [row.run, "cartpole", "ppo", "1", String(row.envSteps), row.seconds.toFixed(1)];
      const greedy = `${row.greedyReturn.toFixed(2)} ± ${row.margin.toFixed(2)}`;
      cells.push(row.trainingReturn.toFixed(2), greedy, success);
      expect(lines[i + 1].trim().split(/ {2,}/)).toEqual(cells);
    }
  });

  test("a run whose metrics are lost has a dash for its training return", async () => {
    const lost = at("lost");
    cpSync(first, lost, { recursive: true });
    writeFileSync(`${lost}/metrics.jsonl`, "");
    const [, line] = (await pigrad("compare", lost)).stdout.split("\n");
    expect(line).toMatch(/ 0 +0\.0 +– +-?\d+\.\d\d ± /);
  });
});

describe("curves", () => {
  test("a run's curve is thinned to means of neighbors, of values and of steps", () => {
    const metrics = Array.from({ length: 1000 }, (_, i) => {
      const loss = i % 2 === 0 ? i : null; // every second update has none
      return { update: i + 1, envSteps: 10 * (i + 1), seconds: 0, x: i * i, loss };
    });
    const curves = thinned(metrics, metrics.length, ["x", "loss", "absent"]);
    const mean = (list: number[]) => list.reduce((a, b) => a + b, 0) / list.length;
    const groups = Array.from({ length: 334 }, (_, g) => metrics.slice(3 * g, 3 * g + 3));
    expect(curves.get("x")?.steps).toEqual(groups.map((g) => mean(g.map((m) => m.envSteps))));
    expect(curves.get("x")?.values).toEqual(groups.map((g) => mean(g.map((m) => m.x))));
    const with1 = groups.map((g) => g.filter((m) => m.loss !== null)).filter((g) => g.length > 0);
    expect(curves.get("loss")?.steps).toEqual(with1.map((g) => mean(g.map((m) => m.envSteps))));
    expect(curves.get("loss")?.values).toEqual(with1.map((g) => mean(g.map((m) => m.loss ?? 0))));
    expect(curves.get("absent")?.steps).toEqual([]);
    const few = thinned(metrics.slice(0, 400), 400, ["x"]);
    expect(few.get("x")?.values).toEqual(metrics.slice(0, 400).map(({ x }) => x)); // as they are
  });

  test("runs that differ in nothing but their seed are one band, named by what tells it apart", () => {
    const runs = [first, second, other].map(readRun);
    expect(runs.map(({ last }) => last?.update)).toEqual([20, 20, 10]);
    const groups = groupRuns(runs);
    expect(groups.map(({ name, runs: list }) => [name, list.map(({ path }) => path)])).toEqual([
      ["cartpole ppo steps=640 gamma=0.98", [first, second]],
      ["cartpole ppo steps=320 gamma=0.9", [other]],
    ]);
    expect(groupRuns(runs.slice(0, 2)).map(({ name }) => name)).toEqual(["cartpole ppo"]);
    const config = { ...runs[2].config, task: "acrobot" };
    const names3 = groupRuns([...runs, { ...runs[2], config }]).map(({ name }) => name);
    expect(names3[2]).toBe("acrobot ppo"); // alone of its task, it differs in nothing
    const [both, alone] = bands(groups, "meanReturn");
    expect([both.name, alone.name]).toEqual([`${groups[0].name} (2 seeds)`, groups[1].name]);
    const [a, b] = [first, second].map((run) =>
      readMetrics(run).map((m) => m.meanReturn as number),
    );
    expect(both.steps).toEqual(a.map((_, i) => 32 * (i + 1)));
    for (const i of a.keys()) {
      if (a[i] === null || b[i] === null) continue; // no episode had ended
      expect(both.mean[i]).toBeCloseTo((a[i] + b[i]) / 2, 9);
      expect([both.low[i], both.high[i]]).toEqual([Math.min(a[i], b[i]), Math.max(a[i], b[i])]);
    }
    const names = figureNames(runs);
    expect(names).toContain("meanReturn");
    for (const hidden of ["type", "update", "envSteps"]) expect(names).not.toContain(hidden);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("plot", () => {
  /** Points of a polyline or polygon in the picture's units. */
  const points = (svg: string, tag: string): [number, number][][] =>
    [...svg.matchAll(new RegExp(`<${tag} points="([^"]*)"`, "g"))].map(([, list]) =>
      list.split(" ").map((pair) => pair.split(",").map(Number) as [number, number]),
    );
  const band: Band = {
    name: "a & b",
    runs: 3,
    note: "95 % interval of the mean",
    steps: [0, 50, 100],
    mean: [2, null, 4],
    low: [0, null, 2],
    high: [4, null, 10],
  };
  const flat: Band = {
    name: "flat",
    runs: 1,
    note: "",
    steps: [200],
    mean: [5],
    low: [5],
    high: [5],
  };
  const curvesSvg = (figure: string, list: Band[]) =>
    plotSvg([{ figure, bands: list }], { unit: "environment steps" }, usualSize);
  const texts = (svg: string) =>
    [...svg.matchAll(/<text x="([^"]*)" y="([^"]*)"[^>]*>([^<]*)</g)].map(([, x, y, text]) => ({
      x: Number(x),
      y: Number(y),
      text,
    }));

  test("places means and bands between the axes' ends, below the legend", () => {
    const svg = curvesSvg("loss <x>", [band, flat]);
    const labels = texts(svg);
    const at = (text: string) => labels.find((label) => label.text === text);
    // steps 0 to 200 and values 0 to 10 between the lines of the least and the largest
    const x = (step: number) => 24 + 6.8 * 2 + (step / 200) * (700 - 24 - 6.8 * 2);
    const top = 44 + 18;
    const y = (value: number) => 372 - (value / 10) * (372 - top);
    const [line, dot] = points(svg, "polyline");
    const near = (got: [number, number][], want: [number, number][]) => {
      expect(got).toHaveLength(want.length);
      for (const [i, [px, py]] of want.entries()) {
        expect(got[i][0]).toBeCloseTo(px, 0);
        expect(got[i][1]).toBeCloseTo(py, 0);
      }
    };
    near(line, [
      [x(0), y(2)],
      [x(100), y(4)],
    ]);
    near(dot, [[x(200), y(5)]]);
    near(points(svg, "polygon")[0], [
      [x(0), y(4)],
      [x(100), y(10)],
      [x(100), y(2)],
      [x(0), y(0)],
    ]);
    for (const [text, value] of [
      ["0", 0],
      ["4", 4],
      ["10", 10],
    ] as const)
      expect(labels.some((l) => l.text === text && Math.abs(l.y - y(value) - 4) < 0.1)).toBe(true);
    expect(at("loss &lt;x&gt;")?.y).toBe(24);
    for (const name of ["a &amp; b", "flat", "95 % interval of the mean"])
      expect(at(name)?.y).toBeLessThan(top - 8);
    const colors = [...svg.matchAll(/<polyline [^>]*stroke="([^"]*)"/g)].map(([, color]) => color);
    expect(new Set(colors).size).toBe(2);
    expect(svg).toContain("<circle"); // a line of one point would not be seen
  });

  test("no label leaves the picture, however wide the numbers and the names", () => {
    const far = { ...flat, name: "n".repeat(300), steps: [3e6, 1e7], mean: [-123456, 0.001] };
    const svg = curvesSvg("x", [{ ...far, low: far.mean, high: far.mean }]);
    for (const { x, text } of texts(svg)) {
      expect(x).toBeGreaterThan(0);
      expect(text.length * 6.8).toBeLessThan(720);
    }
    const last = texts(svg).find(({ text }) => text === "10,000,000");
    expect((last?.x ?? 720) + (6.8 * 10) / 2).toBeLessThanOrEqual(720);
  });

  test("a legend of many names leaves room for the curves, and counts the rest", () => {
    const many = Array.from({ length: 40 }, (_, i) => ({
      ...band,
      name: `${"name".repeat(8)} ${i}`,
    }));
    const svg = plotSvg(
      [{ figure: "x", bands: many }],
      { unit: "tokens" },
      { width: 240, height: 180 },
    );
    expect(svg).toContain(">40 more<"); // the one line has the note
    const heights = points(svg, "polygon").flatMap((list) => list.map(([, y]) => y));
    expect(Math.max(...heights) - Math.min(...heights)).toBeGreaterThan(60);
  });

  test("ticks are at round numbers within the ends", () => {
    expect(ticks(0, 10, 5)).toEqual([0, 2, 4, 6, 8, 10]);
    expect(ticks(-0.07, 0.11, 5)).toEqual([-0.05, 0, 0.05, 0.1]);
    expect(ticks(1e6, 3e6, 4)).toEqual([1e6, 1.5e6, 2e6, 2.5e6, 3e6]);
    expect(ticks(7, 7, 5)).toEqual([7]);
  });

  test("without a number it is still a picture", () => {
    const none: Band = { ...flat, name: "none", mean: [null], low: [null], high: [null] };
    for (const list of [[none], [], [flat]]) {
      const svg = curvesSvg("x", list);
      expect(svg).not.toMatch(/NaN|Infinity/);
      expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    }
    expect(chartsSvg([])).toMatch(/^<svg /);
  });

  test("draws the figures that were asked for, in the size and with the title that were", async () => {
    const out = at("entropy.svg");
    const { stdout } = await pigrad("plot", first, "--svg", out, "--figure", "entropy");
    expect(stdout).toBe(`picture: ${out}\n`);
    expect(readFileSync(out, "utf8")).toBe(
      curvesSvg("entropy", bands(groupRuns([readRun(first)]), "entropy")),
    );
    const two = ["--figure", "entropy", "--figure", "meanReturn", "--title", "T", "--csv"];
    const size = ["--width", "500", "--height", "300"];
    await pigrad("plot", first, second, "--svg", out, ...size, ...two, at("c.csv"));
    const svg = readFileSync(out, "utf8");
    expect(svg).toContain('width="500" height="600"');
    for (const title of [">T: entropy<", ">T: meanReturn<", ">least to greatest<"])
      expect(svg).toContain(title);
    const [head, row, ...rows] = readFileSync(at("c.csv"), "utf8").trimEnd().split("\n");
    expect(head).toBe("figure,group,runs,step,center,low,high,band");
    expect(row).toMatch(/^entropy,cartpole ppo \(2 seeds\),2,32,[\d.]+,[\d.]+,[\d.]+,least to/);
    expect(rows).toHaveLength(2 * 20 - 1);
  });

  test.each([
    [["--svg", "x.svg", "--figure", "entrpy"], /no figure "entrpy"; .*; did you mean "entropy"\?/],
    [["--svg", "x.png"], /--svg: expected a file that ends in .svg, got "x.png"/],
    [["--png", "x.svg"], /--png: expected a file that ends in .png/],
    [["--csv", "x"], /--csv: expected a file that ends in .csv/],
    [["--svg", "x.svg", "--width", "3"], /--width: expected a whole number from 240 to 10000/],
    [["--svg", "x.svg", "--center", "mode"], /--center: expected one of mean, iqm, got mode/],
    [["--png", "x.png"], /--png needs the package @resvg\/resvg-js, .*: npm install @resvg/],
  ])("refuses %j in one line", async (args, message) => {
    const { status, stderr } = await pigrad("plot", first, ...args);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(status).toBe(2);
  });
});

test("bands of three runs or more are bootstrap intervals, by hand of 0, 0, 3", () => {
  const runs = [0, 0, 3].map((value) => ({
    ...readRun(first),
    curves: new Map([["x", { steps: [1, 2], values: [value, 7] }]]),
  }));
  const [band] = bands([{ name: "g", runs }], "x");
  expect([band.mean, band.note]).toEqual([[1, 7], "95 % interval of the mean"]);
  // the mean of a resample is 0, 1, 2 or 3 with 8, 12, 6 and 1 of 27: 1/27 is more than 2.5 %
  expect([band.low, band.high]).toEqual([
    [0, 7],
    [3, 7],
  ]);
  const [iqm] = bands([{ name: "g", runs }], "x", "iqm");
  expect(iqm.mean[0]).toBeCloseTo(0.5, 12); // of 0, 0, 3 with weights ¼, 1, ¼
  expect(iqm.note).toBe("95 % interval of the interquartile mean");
});

describe("report", () => {
  const dataOf = (page: string) => JSON.parse(/id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? "");

  test("the page's data are the bands of each figure, return and length first", () => {
    const runs = [first, other].map(readRun);
    const page = reportPage(runs.map((run) => ({ run, replay: null })));
    const { charts, replays, live } = dataOf(page);
    const names = charts.map(({ figure }: { figure: string }) => figure);
    expect(names.slice(0, 2)).toEqual(["meanReturn", "meanLength"]);
    expect([...names].sort()).toEqual(
      figureNames(runs)
        .filter((name) => name !== "episodes" && name !== "seconds")
        .filter((name) =>
          bands(groupRuns(runs), name).some(({ mean }) => mean.some((x) => x !== null)),
        )
        .sort(),
    );
    for (const { figure, bands: list } of charts)
      expect(list).toEqual(JSON.parse(JSON.stringify(bands(groupRuns(runs), figure))));
    expect([replays, live]).toEqual([[], false]);
    expect(page).not.toContain('<canvas id="stage"');
    expect(page).toContain("<title>pigrad: cartpole</title>");
    expect(page).toContain("2 runs; lines are means");
    expect(page).not.toContain("connect-src");
  });

  test("an algorithm without a critic has no chart of the value loss", () => {
    const charts = (values: number[]) => {
      const run = {
        ...readRun(first),
        curves: new Map([["valueLoss", { steps: [1, 2], values }]]),
      };
      return dataOf(reportPage([{ run, replay: null }])).charts.map(
        ({ figure }: { figure: string }) => figure,
      );
    };
    expect(charts([0, 0])).toEqual([]);
    expect(charts([0, 0.5])).toEqual(["valueLoss"]);
  });

  test("a supervised run is drawn over tokens taught, and has no empty charts of a return", async () => {
    const taught = at("taught");
    const set = ["width=8", "layers=1", "heads=1", "sftUpdates=3", "sftTexts=2"].flatMap((one) => [
      "--set",
      one,
    ]);
    const args = ["--algo", "sft", "--steps", "3", "--quiet", "--out", taught];
    expect((await pigrad("train", "arith", ...args, ...set)).stderr).toBe("");
    const tokens = readMetrics(taught).map(({ trainedTokens }) => trainedTokens);
    expect(tokens).toHaveLength(3);
    const run = readRun(taught);
    expect([[run], [readRun(first)], [readRun(first), run]].map(unitOf)).toEqual([
      "tokens",
      "environment steps",
      "steps",
    ]);
    for (const live of [false, true]) {
      const { charts, unit } = dataOf(reportPage([{ run, replay: null }], live));
      const names = charts.map(({ figure }: { figure: string }) => figure);
      expect([unit, names[0]]).toEqual(["tokens", "loss"]);
      expect(names).not.toContain("meanReturn");
      expect(charts[0].bands[0].steps).toEqual(tokens);
    }
    const svg = at("taught.svg");
    await pigrad("plot", taught, "--svg", svg);
    for (const text of [">loss<", ">tokens<"]) expect(readFileSync(svg, "utf8")).toContain(text);
    await pigrad("plot", first, "--svg", svg);
    for (const text of [">meanReturn<", ">environment steps<"])
      expect(readFileSync(svg, "utf8")).toContain(text);
  });

  test("its table has each run's settings and where it came to", () => {
    const page = reportPage([first, other].map((path) => ({ run: readRun(path), replay: null })));
    const [head, ...rows] = [...page.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row]) =>
      [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g)].map(([, cell]) => cell),
    );
    expect(head).toEqual(["run", first, other]);
    const cells = Object.fromEntries(rows.map(([name, ...values]) => [name, values]));
    expect(cells).toMatchObject({
      task: ["cartpole", "cartpole"],
      seed: ["1", "1"],
      steps: ["640", "320"],
      "steps taken": ["640", "320"],
      gamma: ["0.98", "0.9"],
      hidden: ["4", "4"],
      seconds: [first, other].map((run) => String(readMetrics(run).at(-1)?.seconds)),
    });
  });

  test("a live page hears events, and has every chart from the start", () => {
    const page = reportPage([{ run: readRun(first), replay: null }], true);
    expect(page).toContain("connect-src 'self'");
    expect(page).toContain('<span id="state">training …</span>');
    expect(dataOf(page).live).toBe(true);
    const names = (text: string) => dataOf(text).charts.map((c: { figure: string }) => c.figure);
    expect(names(page)).toEqual([
      "meanReturn",
      "meanLength",
      ...figureNames([readRun(first)]).filter(
        (n) => !/^(mean(Return|Length)|episodes|seconds)$/.test(n),
      ),
    ]);
  });

  test("a long setting is cut, an absent one a dash", async () => {
    const prices = at("prices");
    writeFileSync(prices, "1,2\n3,4\n".repeat(30));
    const run = { ...readRun(first) };
    const long = { ...run.config, settings: { ...run.config.settings, note: "x".repeat(61) } };
    const page = reportPage([
      { run: { ...run, config: long }, replay: null },
      { run: readRun(other), replay: null },
    ]);
    expect(page).toContain(`<td>${"x".repeat(59)}…</td><td>–</td>`);
    const fits = { ...run.config, settings: { ...run.config.settings, note: "y".repeat(60) } };
    expect(reportPage([{ run: { ...run, config: fits }, replay: null }])).toContain(
      `<td>${"y".repeat(60)}</td>`,
    );
  });

  test("replays play the saved policy, with a frame for each step of three episodes", async () => {
    const out = at("page.html");
    const { stdout } = await pigrad("report", first, second, "--out", out);
    expect(stdout).toBe(`page: ${out}\n`);
    const page = readFileSync(out, "utf8");
    expect(page).toContain('<canvas id="stage"');
    const { replays } = dataOf(page);
    expect(replays.map(({ name }: { name: string }) => name)).toEqual([first, second]);
    const [{ frames, returns }] = replays;
    expect(returns).toHaveLength(3);
    for (const episode of [0, 1, 2]) // cartpole pays 1 a step
      expect(frames.filter((f: { episode: number }) => f.episode === episode)).toHaveLength(
        returns[episode],
      );
    const greedy = jsonLines((await pigrad("eval", first, "--episodes", "3", "--json")).stdout)[0];
    expect(returns.reduce((a: number, b: number) => a + b) / 3).toBeCloseTo(greedy.meanReturn, 9);
  });
});

test("samples: each token's color says how far from 0, against the farthest of its column", () => {
  const token = (
    text: string,
    own: boolean,
    advantage: number,
    logRatio: number,
    entropy: number,
  ) => ({
    text,
    own,
    advantage,
    logRatio,
    entropy,
  });
  const samples: ExplainedSample[] = [
    {
      update: 3,
      prompt: "<p>",
      completion: "ab",
      reward: 0.5,
      tokens: [token("a", true, 2, -0.1, 0), token("b\n", true, -1, 0.2, 4)],
    },
    {
      update: 7,
      prompt: "q",
      completion: "",
      reward: Number.NaN,
      tokens: [token("", true, 0.5, Number.NaN, 1), token("tool", false, 9, 9, 9)],
    },
  ];
  const html = samplesSection("a & b", samples);
  const heads = [...html.matchAll(/<th>(.*?)<\/th>/g)].map(([, title]) => title);
  expect(heads).toEqual([
    "update",
    "prompt",
    "reward",
    "advantage",
    "ln π − ln reference",
    "entropy",
  ]);
  expect(html).toContain("<h2>Samples: a &amp; b</h2>");
  const rows = [...html.matchAll(/<tr><td>(.*?)<\/tr>/g)].map(([, row]) => row.split("</td><td>"));
  expect(rows.map((row) => row.slice(0, 3))).toEqual([
    ["3", "&lt;p&gt;", "0.50"],
    ["7", "q", "–"],
  ]);
  // 60 % of 255 is 153, hex 99; the farthest of each column is the tool's 9
  const strength = (x: number) =>
    Math.round(153 * (Math.abs(x) / 9))
      .toString(16)
      .padStart(2, "0");
  expect(rows[0][3]).toBe(
    `<span title="2.00" style="background:#2f6fde${strength(2)}">a</span><span title="-1.00" style="background:#d9582b${strength(1)}">b⏎</span>`,
  );
  expect(rows[0][4]).toContain(`title="-0.100" style="background:#d9582b${strength(0.1)}"`);
  expect(rows[0][5]).toContain(`title="4.00" style="background:#2f6fde${strength(4)}"`);
  expect(rows[0][5]).toContain('title="0.00" style="background:#2f6fde00">a');
  expect(rows[1][3]).toContain('<span style="color:gray">tool</span>');
  expect(rows[1][4]).toContain("<span>⏹</span>"); // no number
  expect(samplesSection("none", [])).toBe("");
});
