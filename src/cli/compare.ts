/** pigrad compare RUN...: runs side by side. */
import { SettingError } from "../core/errors.ts";
import { runLater } from "../core/waiting.ts";
import { awaitInTime } from "../node/patience.ts";
import { openRun } from "../node/run-folder.ts";
import { evaluationSeed } from "./eval.ts";
import { loadRunFiles, ownOptions } from "./own.ts";
import { parseOptions } from "./parse.ts";
import { readRun, runFolders } from "./runs.ts";
import { say, sayJson } from "./stdout.ts";
import { table } from "./table.ts";

export const compareHelp = `  pigrad compare RUN... [--trust-data] [--json]
      what each run reached, its greedy evaluation, its time`;

export async function compareCommand(args: string[]): Promise<void> {
  const { values, positionals } = parseOptions(args, {
    ...ownOptions,
    json: { type: "boolean" },
    "trust-data": { type: "boolean" },
  });
  const trustData = values["trust-data"] ?? false;
  if (positionals.length === 0) throw new SettingError("expected run folders, got none");
  const paths = runFolders(positionals);
  await loadRunFiles(paths, values);
  const rows = [];
  for (const path of paths) {
    const run = readRun(path);
    const { task, algo, seed, backend } = run.config;
    const { last } = run;
    const { meanReturn, margin, successRate } = await runLater(
      openRun(run.path, { trustData }).evaluating(100, evaluationSeed, true),
      awaitInTime,
    );
    rows.push({
      run: path,
      task,
      algo,
      seed,
      backend,
      envSteps: last?.envSteps ?? 0,
      seconds: last?.seconds ?? 0,
      trainingReturn: typeof last?.meanReturn === "number" ? last.meanReturn : null,
      greedyReturn: meanReturn,
      margin,
      successRate,
    });
  }
  if (values.json) {
    for (const row of rows) sayJson({ type: "run", ...row });
    return;
  }
  const head = ["run", "task", "algo", "seed", "steps", "seconds", "training", "greedy", "success"];
  const cells = rows.map((row) => [
    row.run,
    row.task,
    row.algo,
    String(row.seed),
    row.envSteps.toLocaleString("en"),
    row.seconds.toFixed(1),
    row.trainingReturn?.toFixed(2) ?? "–",
    `${row.greedyReturn.toFixed(2)} ± ${row.margin.toFixed(2)}`,
    row.successRate === null ? "–" : `${(100 * row.successRate).toFixed(0)} %`,
  ]);
  say(table(head, cells));
}
