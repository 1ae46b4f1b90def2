/** pigrad lab: each figure in its text and its page is the report's. */
import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import type { LabReport, Row } from "../../src/oracle/lab.ts";
import { jsonLines, pigrad, temporary } from "../support/pigrad.ts";

const at = temporary();
let [report, text, page] = [{} as LabReport, "", ""];
beforeAll(async () => {
  text = (await pigrad("lab", "bandit")).stdout;
  const { stdout } = await pigrad("lab", "bandit", "--json", "--out", at("lab"));
  const lines = jsonLines(stdout);
  expect(lines).toHaveLength(1);
  report = lines[0];
  page = readFileSync(at("lab", "lab.html"), "utf8");
});

const cells = ({ name, size, angle, bias, variance, snr }: Row): string[] => [
  name,
  size.toFixed(3),
  angle === null ? "–" : `${angle.toFixed(1)}°`,
  bias < 1e-9 ? "0" : bias.toFixed(3),
  variance.toPrecision(3),
  Number.isFinite(snr) && snr !== null ? snr.toPrecision(3) : "∞",
];
const titles = ["size", "angle", "bias", "variance", "signal/noise"];

test("in words: a line for each estimator, on fresh and on stale data", () => {
  const lines = text.split("\n").map((line) => line.trim().split(/ +/));
  const J = `J = ${report.J.toFixed(4)}, ‖∇J‖ = ${report.gradientNorm.toFixed(4)}; groups of 2`;
  expect(text.split("\n").slice(0, 2)).toEqual([`bandit: ${report.about}`, J]);
  for (const [title, list] of [
    ["on fresh data", report.fresh],
    ["on stale data", report.stale],
  ] as const) {
    const head = [...title.split(" "), ...titles].join(" ");
    const from = lines.findIndex((words) => words.join(" ") === head);
    expect(lines.slice(from + 1, from + 1 + list.length)).toEqual(list.map(cells));
  }
});

test("the page: the same in two tables, and a chart's place for each sweep", () => {
  const tables = [...page.matchAll(/<table>(.*?)<\/table>/gs)].map(([, table]) => table);
  expect(tables).toHaveLength(2);
  for (const [i, list] of [report.fresh, report.stale].entries()) {
    const [head, ...rows] = [...tables[i].matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row]) =>
      [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g)].map(([, cell]) => cell),
    );
    expect(head).toEqual(["", ...titles]);
    expect(rows).toEqual(list.map(cells));
    expect(tables[i].match(/<th scope="row">/g)).toHaveLength(list.length);
  }
  const places = [...page.matchAll(/data-problem="bandit" data-sweep="(\d+)"/g)];
  expect(places.map(([, i]) => Number(i))).toEqual(report.sweeps.map((_, i) => i));
  for (const { title } of report.sweeps) expect(page).toContain(`<h3>${title}</h3>`);
  const data = JSON.parse(/id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? "");
  const { type: _, ...own } = report as LabReport & { type: string };
  expect(data).toEqual([{ problem: "bandit", sweeps: own.sweeps }]);
  expect(JSON.parse(readFileSync(at("lab", "lab.json"), "utf8"))).toEqual([own]);
  expect(page).not.toContain("connect-src"); // it hears nothing
});

test("two problems, or one that is none, with the closest", async () => {
  expect((await pigrad("lab", "bandit", "stop")).stderr).toMatch(
    /expected one problem of .*, got bandit stop/,
  );
  expect((await pigrad("lab", "bandt")).stderr).toMatch(/got bandt; did you mean "bandit"\?/);
});

test("--group sets the samples in a group, as far as their groups can be listed", {
  tags: ["deep"],
}, async () => {
  const { stdout } = await pigrad("lab", "bandit", "--group", "3");
  expect(stdout).toContain("; groups of 3\n");
  const json = jsonLines((await pigrad("lab", "bandit", "--group", "3", "--json")).stdout)[0];
  const two = jsonLines((await pigrad("lab", "bandit", "--json")).stdout)[0];
  const row = (report: { fresh: { name: string }[] }, name: string) =>
    report.fresh.find((r) => r.name === name) as { K: number; size: number } | undefined;
  expect([row(json, "rloo")?.K, row(two, "rloo")?.K]).toEqual([3, 2]);
  expect(row(json, "reinforce-mean")?.size).toBeCloseTo(2 / 3, 10); // (K − 1)/K of the gradient
  expect(row(two, "reinforce-mean")?.size).toBeCloseTo(1 / 2, 10);
  const { stderr } = await pigrad("lab", "parity", "--group", "16");
  expect(stderr).toMatch(/--group: lab: expected at most 40000 groups/);
});
