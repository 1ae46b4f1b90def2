/// <reference lib="dom" />
/**
 * `npm run test:site [-- SCREENSHOTS] [--quick]`: the built site in Chromium, desktop and phone, light and dark: pages say nothing
 * on the console and ask nobody else, axe finds nothing serious, widgets answer when dragged, a policy trains inside a
 * chapter, search finds, and all of it works offline. --quick looks at every 24th page.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { serve } from "../../docs/playground/serve.ts";
import { buildSite, siteFolder } from "../../docs/site/build.ts";
import { markdownFiles, pageOf, root } from "../../docs/site/pages.ts";
import { check, comesTrue, failures, listen } from "../browser/checks.ts";
import { executable, launch } from "../browser/chromium.ts";

if (executable === undefined) {
  console.log("absent: no Chromium; PIGRAD_CHROMIUM names one");
  process.exit(0);
}

if (!process.argv.includes("--built")) buildSite({ api: false });
const shots = process.argv.slice(2).find((word) => !word.startsWith("--"));
const { server, url } = await serve(siteFolder, 0);
const browser = await launch();
const axe = readFileSync(join(root, "docs/site/node_modules/axe-core/axe.min.js"), "utf8");
const heardOf: ReturnType<typeof listen>[] = []; // each page

/** Listens to a page, also for answers that are errors. */
function hear(page: Page): void {
  const heard = listen(page);
  page.on("response", (response) => {
    if (response.status() >= 400) heard.said.push(`${response.url()}: ${response.status()}`);
  });
  heardOf.push(heard);
}

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}
/** Returns what axe calls serious or critical. */
async function serious(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: axe }); // not a script of the page's own, which its policy forbids
  const { result } = await session.send("Runtime.evaluate", {
    expression: "axe.run().then(({ violations }) => JSON.stringify(violations))",
    awaitPromise: true,
    returnByValue: true,
  });
  const found = JSON.parse(result.value) as Finding[];
  return found
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 120)}`);
}

const address = (path: string): string =>
  url +
  pageOf(path)
    .replace(/\.md$/, ".html")
    .replace(/index\.html$/, "");
const everything = [url, `${url}docs/playground.html`, ...markdownFiles().map(address)];
const every = process.argv.includes("--quick") ? 24 : 1;
/** Reference pages are of one form: a quarter of them is looked at. */
const pages = everything
  .filter((where, i) => !where.includes("/reference/") || i % 4 === 0)
  .filter((_, i) => i % every === 0);
const looks = [
  { name: "desktop", options: { viewport: { width: 1280, height: 900 } } },
  {
    name: "phone, dark",
    options: { viewport: { width: 390, height: 844 }, colorScheme: "dark" as const },
  },
];
for (const { name, options } of looks) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  hear(page);
  const [faults, wide, dead]: [string[], string[], string[]] = [[], [], []];
  for (const [i, where] of pages.entries()) {
    await page.goto(where);
    await comesTrue(page, "document.querySelector('.VPNav, .VPNavBar') !== null");
    const width = Number(await page.evaluate("document.documentElement.scrollWidth"));
    if (width > options.viewport.width) wide.push(`${where} ${width}`);
    if ((name === "desktop" && !where.includes("/reference/")) || i % 8 === 0)
      for (const fault of await serious(page)) faults.push(`${where} ${fault}`);
    const language = String(
      await page.evaluate("document.querySelector('.VPNavBarTranslations a')?.pathname"),
    );
    const file = join(siteFolder, language.replace(/\/$/, "/index.html"));
    if (!existsSync(file)) dead.push(`${where} ${language}`);
    if (shots !== undefined) await page.screenshot({ path: join(shots, `${name[0]}-${i}.png`) });
  }
  check(`${name}: as wide as the window`, wide.length === 0, `${pages.length} pages ${wide}`);
  check(`${name}: the language menu leads to pages`, dead.length === 0, dead.slice(0, 5).join());
  check(
    `${name}: axe finds nothing serious`,
    faults.length === 0,
    [...new Set(faults)].slice(0, 12).join("\n     "),
  );
  await context.close();
}

// ---- chapters that answer

const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
const page = await context.newPage();
hear(page);
const told = async (widget: string): Promise<string> =>
  (await page.textContent(`${widget} .told`)) ?? "";
/** Moves the n-th slider of a widget. */
const drag = (widget: string, n: number, value: number): Promise<unknown> =>
  page.evaluate(`(() => {
    const input = document.querySelectorAll("${widget} input")[${n}];
    input.value = "${value}";
    input.dispatchEvent(new Event("input"));
  })()`);
await page.goto(address("docs/book/04-advantages.md"));
await comesTrue(page, `document.querySelector("pg-lambda .told")?.textContent.startsWith("At λ")`);
await drag("pg-lambda", 0, 0.8);
await comesTrue(page, `document.querySelector("pg-lambda .told").textContent.includes("λ = 0.8:")`);
const atHalf = await told("pg-lambda");
check("λ = 0.8, half of V: the chapter's figures", /bias 0\.243, .* 0\.1663/.test(atHalf), atHalf);
await drag("pg-lambda", 1, 1);
await comesTrue(
  page,
  `document.querySelector("pg-lambda .told").textContent.includes("bias 0.000")`,
);
const atV = await told("pg-lambda");
check("a perfect critic has no bias", /bias 0\.000, .* 0\.1693/.test(atV), atV);
for (const [chapter, widget] of [
  ["05-trust-regions", "pg-clip"],
  ["07-groups", "pg-group"],
]) {
  await page.goto(address(`docs/book/${chapter}.md`));
  await comesTrue(page, `document.querySelectorAll("${widget} svg path.curve").length > 4`);
  const drawn = (): Promise<string> =>
    page.evaluate(
      `[...document.querySelectorAll("${widget} svg")].map((svg) => svg.outerHTML).join()`,
    );
  const before = await drawn();
  await drag(widget, 0, widget === "pg-clip" ? 0.6 : 3);
  await page.waitForTimeout(1500);
  check(
    `${widget} draws anew when dragged`,
    (await drawn()) !== before,
    `${before.length} characters`,
  );
}
await page.goto(address("docs/book/05-trust-regions.md"));
await comesTrue(page, `document.querySelector("pg-train button") !== null`);
await page.click("pg-train button");
const trained = await comesTrue(
  page,
  `/mean return (\\d{3})/.test(document.querySelector("pg-train .told").textContent)`,
);
check("CartPole trains inside the chapter", trained, await told("pg-train"));

// ---- search, and offline

await page.goto(url);
const kept = await comesTrue(
  page,
  "navigator.serviceWorker.ready.then(({ active }) => active?.state === 'activated')",
);
await page.reload();
await comesTrue(page, "navigator.serviceWorker.controller !== null");
server.close();
server.closeAllConnections();
await page.goto(address("docs/book/07-groups.md"));
const heading = await page.textContent("h1");
check(
  "a chapter not seen yet is there offline",
  kept && (heading ?? "").startsWith("7."),
  String(heading),
);
for (const [path, words] of [
  ["docs/README.md", "generalized advantage"],
  ["docs/zh/README.md", "有效样本"],
]) {
  await page.goto(address(path));
  await page.click(".VPNavBarSearch button");
  await comesTrue(
    page,
    "document.querySelector('.VPLocalSearchBox input') === document.activeElement",
  );
  await page.keyboard.type(words);
  await comesTrue(page, `document.querySelectorAll(".VPLocalSearchBox .result").length > 0`);
  const results = await page.evaluate(
    `document.querySelectorAll(".VPLocalSearchBox .result").length`,
  );
  check(`search for ${words} answers offline`, Number(results) > 0, `${results} results`);
}

const [said, asked] = (["said", "asked"] as const).map((what) =>
  heardOf.flatMap((heard) => heard[what]),
);
const elsewhere = asked.filter(
  (address) => !address.startsWith(url) && !address.startsWith("data:"),
);
check(
  "nothing is asked of anybody else",
  elsewhere.length === 0,
  `${asked.length} requests ${elsewhere.slice(0, 3)}`,
);
check("the console is clean", said.length === 0, [...new Set(said)].slice(0, 8).join("\n     "));
await browser.close();
if (failures.count > 0) process.exit(1);
