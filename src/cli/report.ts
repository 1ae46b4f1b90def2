/** pigrad report RUN...: one page with everything about the runs. */
import { SettingError } from "../core/errors.ts";
import { writeAtomically } from "../node/files.ts";
import { openEnvironmentRun, someSamples } from "../node/run-folder.ts";
import { type Replay, replay } from "../tasks/replay.ts";
import { taskOf } from "../tasks/run.ts";
import { evaluationSeed } from "./eval.ts";
import { loadRunFiles, ownOptions } from "./own.ts";
import { parseOptions } from "./parse.ts";
import { checkFile } from "./picture.ts";
import { reportPage } from "./report-page.ts";
import { mostSamples } from "./report-samples.ts";
import { type Run, readRun, runFolders } from "./runs.ts";
import { say } from "./stdout.ts";

export const reportHelp = `  pigrad report RUN... [--out FILE.html]
      one page that needs no network: learning curves with seed bands, a replay, what the
      policy looks at, settings (default report.html)`;

const episodes = 3;

export async function reportCommand(args: string[]): Promise<void> {
  const { values, positionals } = parseOptions(args, { ...ownOptions, out: { type: "string" } });
  if (positionals.length === 0) throw new SettingError("expected run folders, got none");
  const out = values.out ?? "report.html";
  checkFile("out", out, "html");
  const paths = runFolders(positionals);
  await loadRunFiles(paths, values);
  const runs = paths.map(readRun);
  const parts = runs.map((run) => ({
    run,
    samples: someSamples(run.path, mostSamples),
    replay: replayOf(run),
  }));
  writeAtomically(out, reportPage(parts));
  say(`page: ${out}\n`);
}

const replayOf = ({ path, config }: Run): Replay | null =>
  taskOf(config).kind === "text"
    ? null
    : replay(openEnvironmentRun(path), episodes, evaluationSeed);
