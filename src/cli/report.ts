/** pigrad report RUN...: one page with everything about the runs. */
import { SettingError } from "../core/errors.ts";
import { writeAtomically } from "../node/files.ts";
import { someSamples } from "../node/run-folder.ts";
import { isLanguage } from "../tasks/any-session.ts";
import { replay } from "../tasks/replay.ts";
import { evaluationSeed } from "./eval.ts";
import { parseOptions } from "./parse.ts";
import { reportPage } from "./report-page.ts";
import { mostSamples } from "./report-samples.ts";
import { readRun, sessionOf } from "./runs.ts";
import { say } from "./stdout.ts";

export const reportHelp = `  pigrad report RUN... [--out FILE.html]
      one page that needs no network: learning curves with seed bands, a replay, what the
      policy looks at, settings (default report.html)`;

const episodes = 3;

export function reportCommand(args: string[]): void {
  const { values, positionals } = parseOptions(args, { out: { type: "string" } });
  if (positionals.length === 0) throw new SettingError("want run folders, got none");
  const out = values.out ?? "report.html";
  const runs = positionals.map(readRun);
  const parts = runs.map((run) => ({
    run,
    samples: someSamples(run.path, mostSamples),
    replay: isLanguage(run.config.task) ? null : replay(sessionOf(run), episodes, evaluationSeed),
  }));
  writeAtomically(out, reportPage(parts));
  say(`page: ${out}\n`);
}
