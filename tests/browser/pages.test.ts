/// <reference lib="dom" />
/** The report and the live page in a real browser; left out, and said so, where there is none. */
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executable, launch } from "./chromium.ts";

const folder = mkdtempSync(join(tmpdir(), "pigrad-pages-"));
const root = new URL("../../", import.meta.url).pathname;
const start = (...args: string[]) =>
  spawn(process.execPath, ["--import", "tsx", "src/cli/main.ts", ...args], { cwd: root });
const finished = (...args: string[]): Promise<number | null> =>
  new Promise((resolve) => start(...args).on("exit", resolve));

describe.skipIf(executable === undefined)("pages in Chromium", () => {
  let browser: Browser;
  const complaints: string[] = [];
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(async () => {
    await browser.close();
  });
  async function open(url: string, width: number): Promise<Page> {
    const page = await browser.newPage({ viewport: { width, height: 800 } });
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => {
      if (!/^(file|data):|127\.0\.0\.1/.test(request.url())) complaints.push(request.url());
    });
    await page.goto(url);
    return page;
  }

  test("a report draws curves, plays an episode, fits a phone, and asks no network", async () => {
    const runs = [1, 2].map((seed) => join(folder, `run${seed}`));
    for (const [i, run] of runs.entries()) {
      const args = ["--steps", "8000", "--seed", `${i + 1}`, "--out", run, "--quiet"];
      expect(await finished("train", "cartpole", ...args)).toBe(0);
    }
    const file = join(folder, "report.html");
    expect(await finished("report", ...runs, "--out", file)).toBe(0);
    for (const width of [1200, 390]) {
      const page = await open(`file://${file}`, width);
      expect(await page.locator("#charts canvas").count()).toBeGreaterThan(6);
      const drawn = await page.evaluate(() => {
        const canvas = document.querySelector("#stage") as HTMLCanvasElement;
        const { data } = (canvas.getContext("2d") as CanvasRenderingContext2D).getImageData(
          0,
          0,
          canvas.width,
          canvas.height,
        );
        return data.some((v) => v !== 0);
      });
      expect(drawn).toBe(true);
      const before = await page.locator("#what").textContent();
      await page.waitForTimeout(300);
      expect(await page.locator("#what").textContent()).not.toBe(before);
      await page.locator("#play").click();
      expect(await page.locator("#play").textContent()).toBe("play");
      expect(await page.locator("#attribution div").count()).toBe(4);
      await page.locator("#charts .u-over").first().hover();
      const read = await page.locator("#charts .read").first().textContent();
      expect(read).toMatch(/^[\d,]+ environment steps [\d.]+$/); // the mean, not the band's edges
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wide).toBeLessThanOrEqual(0);
      await page.close();
    }
    expect(complaints).toEqual([]);
  });

  test("an explained run has bars and a tree, fits a phone, in both schemes, without a script", async () => {
    const [run, file] = [join(folder, "why"), join(folder, "why.html")];
    expect(await finished("train", "cartpole", "--steps", "4000", "--out", run, "--quiet")).toBe(0);
    const args = ["--tree", "--episodes", "1", "--update", "--html", file];
    expect(await finished("explain", run, ...args)).toBe(0);
    for (const width of [1200, 390])
      for (const colorScheme of ["light", "dark"] as const) {
        const page = await open(`file://${file}`, width);
        await page.emulateMedia({ colorScheme });
        expect(await page.locator(".signed > div").count()).toBe(4);
        expect(await page.locator("svg.tree rect").count()).toBeGreaterThan(2);
        const bar = await page.locator(".signed b").first().boundingBox();
        expect(bar?.height).toBeGreaterThan(5);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(wide).toBeLessThanOrEqual(0);
        const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        expect(paper).toBe(colorScheme === "dark" ? "rgb(22, 22, 22)" : "rgb(255, 255, 255)");
        await page.close();
      }
    expect(complaints).toEqual([]);
  });

  test("the live page follows a training while it runs", async () => {
    const out = join(folder, "live");
    const training = start("train", "cartpole", "--steps", "3000000", "--watch", "--out", out);
    try {
      const url = await new Promise<string>((resolve, reject) => {
        training.stdout.on("data", (text: Buffer) => {
          const found = /watch it at (\S+)/.exec(String(text));
          if (found !== null) resolve(found[1]);
        });
        training.on("exit", (code) => reject(new Error(`ended with ${code}`)));
      });
      const page = await open(url, 1000);
      const steps = async (): Promise<number> => {
        const text = (await page.locator("#state").textContent()) ?? "";
        return Number(/([\d,]+) steps/.exec(text)?.[1].replaceAll(",", "") ?? 0);
      };
      await page.waitForFunction(() => document.querySelectorAll("#charts canvas").length > 6);
      const first = await steps();
      await expect.poll(steps, { timeout: 30_000 }).toBeGreaterThan(first);
      const refused = await fetch(new URL("/../etc/passwd", url));
      expect(refused.status).toBe(404);
      const foreign = await fetch(url, { headers: { host: "example.com" } });
      expect([200, 403]).toContain(foreign.status); // fetch may not let a host header through
      expect(complaints).toEqual([]);
      await page.close();
    } finally {
      training.kill("SIGINT");
      await new Promise((resolve) => training.on("exit", resolve));
    }
    expect(await finished("eval", out, "--episodes", "1")).toBe(0); // the interrupt saved it
  });
});
