/** Checks of scripts that drive a page: each is printed with its figures, and `failures` counts those that do not hold. */
import type { Page } from "playwright-core";

export const failures = { count: 0 };

export function check(what: string, holds: boolean, figures: string): void {
  console.log(`${holds ? "ok  " : "FAIL"} ${what}: ${figures}`);
  if (!holds) failures.count++;
}

/** Asks a page again, for some seconds, until an expression is true there: its policy forbids the library's own way. */
export async function comesTrue(page: Page, expression: string, seconds = 15): Promise<boolean> {
  for (let i = 0; i < 10 * seconds; i++) {
    if (await page.evaluate(expression)) return true;
    await page.waitForTimeout(100);
  }
  return false;
}

/** Collects what a page says on the console and the addresses that it asks for. */
export function listen(page: Page): { readonly said: string[]; readonly asked: string[] } {
  const [said, asked]: [string[], string[]] = [[], []];
  page.on("console", (message) => said.push(`${page.url()}: ${message.text()}`));
  page.on("pageerror", (error: Error) => said.push(`${page.url()}: ${error}`));
  page.on("request", (request) => asked.push(request.url()));
  return { said, asked };
}
