/** `npm run api` writes docs/api.txt; with --check it says what differs from it, and fails. */
import { readFileSync, writeFileSync } from "node:fs";
import { apiReport } from "./report.ts";

const file = new URL("../../docs/api.txt", import.meta.url);
const report = apiReport();
if (!process.argv.includes("--check")) writeFileSync(file, report);
else {
  const [now, then] = [report, readFileSync(file, "utf8")].map((text) => text.split("\n"));
  const gone = then.filter((line) => !now.includes(line)).map((line) => `- ${line}`);
  const come = now.filter((line) => !then.includes(line)).map((line) => `+ ${line}`);
  const changes = [...gone, ...come];
  console.log(
    changes.length === 0 ? "the public interface is as docs/api.txt has it" : changes.join("\n"),
  );
  if (changes.length > 0) {
    console.log("if that is meant: npm run api, and a line in CHANGELOG.md");
    process.exitCode = 1;
  }
}
