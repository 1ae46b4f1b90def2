/// <reference lib="dom" />
/**
 * `npm run test:playground [-- SCREENSHOTS]`: the built page in Chromium: CartPole on `loops` reaches a mean
 * return of 195 within a minute, the page stays quick, says nothing on the console, keeps its setup in the
 * address, and gives the policy away.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildPlayground } from "../../docs/playground/build.ts";
import { serve } from "../../docs/playground/serve.ts";
import { check, comesTrue, failures, listen } from "../browser/checks.ts";
import { executable, launch } from "../browser/chromium.ts";
import { longestTask } from "../browser/tasks.ts";
import { writeModelFolder } from "../support/model-folder.ts";

if (executable === undefined) {
  console.log("absent: no Chromium; PIGRAD_CHROMIUM names one");
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), "pigrad-playground-"));
buildPlayground(folder);
const { server, url } = await serve(folder, 0);
const browser = await launch();
const page = await browser.newPage({
  viewport: { width: 1280, height: 900 },
  acceptDownloads: true,
});
const { said, asked } = listen(page);

async function until(expression: string): Promise<void> {
  if (!(await comesTrue(page, expression))) throw new Error(`never came true: ${expression}`);
}

const status = async (): Promise<string> => (await page.textContent("#status")) ?? "";
await page.goto(`${url}#task=cartpole&algo=ppo&seed=1&steps=150000&backend=loops`);
await until(`document.getElementById("status").textContent.startsWith("ready")`);
await page.waitForTimeout(500);
await status(); // the script by which this test reads the page, 330 kB, is in it from here on
const start = performance.now();
const meanReturn = (): Promise<number> =>
  page.evaluate(
    `Number(/mean return (-?[\\d.]+)/.exec(document.getElementById("status").textContent)?.[1] ?? NaN)`,
  );
let reached = Number.NaN;
const slowest = await longestTask(browser, page, async () => {
  await page.keyboard.press("Tab");
  await page.focus("#run");
  await page.keyboard.press("Enter");
  while (performance.now() - start < 60_000 && !(reached >= 195)) {
    await page.waitForTimeout(250);
    reached = await meanReturn();
  }
});
const seconds = ((performance.now() - start) / 1000).toFixed(1);
check(
  "CartPole on loops",
  reached >= 195,
  `mean return ${reached} after ${seconds} s, want 195 within 60 s`,
);
const most = 50; // milliseconds
const quick = (what: string, ms: number): void =>
  check(what, ms <= most, `its longest task took ${ms} ms of the processor, at most ${most}`);
quick("the page's thread", slowest);

await page.click("#run");
const paused = await status();
await page.waitForTimeout(600);
const still = await status();
check("pause", /paused|training/.test(paused) && (await meanReturn()) > 0, still);
await page.click("#step");
await page.waitForTimeout(300);
check("one update", (await status()) !== still, await status());

const probabilities = await page.$$eval("#bars meter", (list) =>
  list.map((meter) => (meter as HTMLMeterElement).value),
);
const sum = probabilities.reduce((a: number, b: number) => a + b, 0);
check(
  "what it would do",
  probabilities.length === 2 && Math.abs(sum - 1) < 1e-3,
  probabilities.join(", "),
);

/** Returns the file that the page's button gives, and its module. */
async function downloaded(name: string) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  const file = join(folder, `${name}.mjs`);
  await download.saveAs(file);
  return { file, module: await import(pathToFileURL(file).href) };
}
const { file: policy, module: acting } = await downloaded("policy");
const { act } = acting;
check(
  "the downloaded policy",
  [0, 1].includes(act([0, 0, 0.01, 0])),
  readFileSync(policy, "utf8").split("\n")[1],
);

await page.selectOption("#task", "tokens");
await until(
  `location.hash.includes("task=tokens") && document.getElementById("status").textContent.startsWith("ready")`,
);
await page.click("#run");
await until(`document.getElementById("status").textContent.includes("mean return")`);
await page.waitForTimeout(2000);
await page.click("#run");
const written = (await page.textContent("#status")) ?? "";
check("a token task", Number.isFinite(await meanReturn()), written);
const { module: writing } = await downloaded("text");
const wrote: string = writing.complete("a");
check("the downloaded language model", /^[a-z]{0,4}$/.test(wrote), `a → ${wrote}`);
await page.click("#lab summary");
await page.click("#compare");
await until(`document.querySelector("#estimators td") !== null`);
const rows = (await page.$$("#estimators tr")).length;
check("estimators compared", rows > 10, `${rows} rows`);

// a published model: picked, continued, ten updates of adapters; then fetched, and once more from the cache
const published = join(folder, "published");
writeModelFolder(published, "llama");
await page.route("**/published/*", (route) => {
  const path = join(published, basename(new URL(route.request().url()).pathname));
  return existsSync(path) ? route.fulfill({ path }) : route.fulfill({ status: 404 });
});
const stepsNow = async (): Promise<number> =>
  Number(/([\d,]+) steps/.exec(await status())?.[1].replaceAll(",", "") ?? 0);
const ready = `document.getElementById("status").textContent.startsWith("ready")`;
/** Opens the page anew, picks the folder, continues a text, and trains. Returns the milliseconds of the longest task. */
async function tuning(): Promise<number> {
  await page.goto(`${url}#task=tokens&backend=loops`);
  await page.reload();
  await until(ready);
  await page.click("#models summary");
  return longestTask(browser, page, async () => {
    await page.setInputFiles("#folder", published);
    await until(`document.getElementById("model").textContent.startsWith("llama")`);
    await page.selectOption("#task", "sentiment");
    await until(
      `location.hash.includes("task=sentiment") && document.getElementById("status").textContent.startsWith("ready")`,
    );
    await page.fill("#prompt", "the old sailor");
    await page.press("#prompt", "Enter");
    await until(`document.getElementById("written").textContent.length > 14`);
    const continued = (await page.textContent("#written")) ?? "";
    check("a model's folder, continued", continued.startsWith("the old sailor"), continued);
    await page.fill(`#settings input[name="sftUpdates"]`, "0").catch(async () => {
      await page.click("#setup summary");
      await page.fill(`#settings input[name="sftUpdates"]`, "0");
    });
    await page.press(`#settings input[name="sftUpdates"]`, "Tab");
    let updates = 0;
    for (let before = 0; updates < 10; updates++, before = await stepsNow()) {
      await page.click("#step");
      for (let i = 0; i < 100 && (await stepsNow()) <= before; i++) await page.waitForTimeout(50);
    }
    check("ten updates of adapters", (await stepsNow()) > 1000, await status());
  });
}
// what else the machine does makes a task longer, never shorter
let slowestModel = await tuning();
for (let again = 0; again < 2 && slowestModel > most; again++)
  slowestModel = Math.min(slowestModel, await tuning());
quick("the page's thread meanwhile", slowestModel);
for (const way of ["fetched", "from the cache"]) {
  await page.fill("#address", way === "fetched" ? "published" : "published/");
  await page.click("#fetch");
  await until(`document.getElementById("model").textContent.startsWith("llama")`);
  check(`a model, ${way}`, true, (await page.textContent("#model")) ?? "");
}

// chapters of the book, runs over each other, an environment of the person's own, and no network
await page.selectOption("#chapter", { index: 5 });
await until(`location.hash.includes("clipRange=0.02")`);
check("a chapter's training", true, await page.evaluate("location.hash"));
await until(ready);
for (let i = 0; i < 3; i++) {
  await page.click("#step");
  await page.waitForTimeout(400);
}
await page.fill("#seed", "7");
await page.press("#seed", "Tab");
await until(`document.querySelectorAll("#earlier li").length === 1`);
check("an earlier run's curve stays", true, (await page.textContent("#earlier")) ?? "");
await page.click("#clear");
check("and is forgotten", (await page.$$("#earlier li")).length === 0, "0 left");

const code = (await page.inputValue("#code")).replace(
  "reset() {",
  `reset() {
    fetch("${url}stolen", { mode: "no-cors" }).catch(() => {});
    if (typeof document !== "undefined" || self.origin !== "null") throw new Error("not in the sandbox");`,
);
const before = asked.length;
await page.click("#own summary");
await page.fill("#code", code);
await page.click("#use");
await until(`location.hash.includes("task=own")`);
await until(ready);
await page.click("#run");
await until(`/: [89],\\d\\d\\d steps,/.test(document.getElementById("status").textContent)`);
const own = await status();
check("pasted code learns in the sandbox", Number(/return (-?[\d.]+)/.exec(own)?.[1]) > 0.5, own);
const stolen = asked.slice(before).filter((address) => address.includes("stolen"));
const refused = said.filter((text) => /stolen|Content Security Policy/.test(text));
check("and reaches no network", stolen.length === 0, `${refused.length} attempts refused`);
for (const text of refused) said.splice(said.indexOf(text), 1);
await page.fill("#code", "export default { environment: 3 };");
await page.click("#use");
await until(`/your code/.test(document.getElementById("status").textContent)`);
check("code that is wrong is told", true, await status());

await until("navigator.serviceWorker.ready.then(({ active }) => active?.state === 'activated')");
server.close();
server.closeAllConnections();
await page.goto(`${url}#task=bandit`);
await page.reload();
await until(ready);
check("without a network", true, await status());

for (const [name, width] of [
  ["phone", 360],
  ["tablet", 768],
  ["desktop", 1280],
] as const) {
  await page.setViewportSize({ width, height: 900 });
  await page.emulateMedia({ colorScheme: name === "tablet" ? "dark" : "light" });
  await page.waitForTimeout(150);
  const wide: number = await page.evaluate("document.documentElement.scrollWidth");
  check(`width ${width}`, wide <= width, `content is ${wide} wide`);
  const shots = process.argv[2];
  if (shots !== undefined)
    await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
}
check("console", said.length === 0, said.length === 0 ? "silent" : said.slice(0, 3).join(" | "));
const strangers = asked.filter(
  (address) => !address.startsWith(url) && !/^(data|blob):/.test(address),
);
check("network", strangers.length === 0, `${asked.length} requests, ${strangers.length} elsewhere`);
await browser.close();
rmSync(folder, { recursive: true });
process.exitCode = failures.count > 0 ? 1 : 0;
