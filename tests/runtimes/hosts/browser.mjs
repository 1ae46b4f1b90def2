/** Chromium by playwright-core, Firefox by puppeteer-core: Debian's binaries, no network. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, program, , name, binary] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const code = readFileSync(program, "utf8");
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
let browser;
if (name === "chromium") {
  const args = [...quiet, "--disable-component-update", "--disable-sync"];
  browser = await require("playwright-core").chromium.launch({ executablePath: binary, args });
} else {
  const puppeteer = require("puppeteer-core");
  browser = await puppeteer.launch({ browser: "firefox", executablePath: binary, headless: true });
}
const page = await browser.newPage();
await page.goto("about:blank");
console.log(await page.evaluate(`${code}; globalThis.pigradResult`));
await browser.close();
