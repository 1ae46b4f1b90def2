/** The trainings of a sweep, rung by rung. */
import { bestOf } from "../node/halving.ts";
import type { SweepJob, SweepResult, Tell } from "../node/sweep.ts";
import type { SweepFolder } from "../node/sweep-folder.ts";
import { interquartileMean } from "../rollout/statistics.ts";
import { evaluationSeed } from "./eval.ts";
import type { Output } from "./sweep-output.ts";
import type { Plan } from "./sweep-plan.ts";
import type { RowResults } from "./sweep-summary.ts";

/** Does all jobs, on threads or on other machines, and tells each result. */
export type TrainJobs = (jobs: readonly SweepJob[], tell: Tell) => Promise<unknown>;

/** Trains all rows to the first rung, and the best of them on to the next ones. */
export async function trainRows(
  { runs, rows, seeds, rungs, episodes, threshold }: Plan,
  folder: SweepFolder | null,
  train: TrainJobs,
  output: Output,
): Promise<RowResults[]> {
  const results: SweepResult[][] = [];
  let left = [...rows.keys()];
  for (const rung of rungs) {
    if (rung.rows < left.length)
      left = bestOf(
        left.map((row) => iqmInTraining(results[row])),
        rung.rows,
      ).map((i) => left[i]);
    const jobs = left.flatMap((row) =>
      runs[row].map(({ config }, i): SweepJob => {
        const job = { config, episodes, evaluationSeed, threshold };
        if (folder === null) return job;
        return { ...job, folder: folder.runFolder(row, seeds[i]), untilSteps: rung.steps };
      }),
    );
    const ended = left.flatMap((row) => seeds.map((_, i) => failed(results[row]?.[i])));
    const got = await resultsOf(jobs, ended, { folder, train, output });
    left.forEach((row, i) => {
      results[row] = got.slice(i * seeds.length, (i + 1) * seeds.length);
    });
  }
  return rows.map((settings, row) => ({
    settings,
    finished: left.includes(row),
    results: results[row],
  }));
}

const iqmInTraining = (results: readonly SweepResult[]): number =>
  interquartileMean(
    results.map(({ trainingReturn, failure }) =>
      failure === undefined ? trainingReturn : -Infinity,
    ),
  );

/** Returns the result of a training that failed at an earlier rung, which is not trained again. */
const failed = (result: SweepResult | undefined): SweepResult | undefined =>
  result?.failure === undefined ? undefined : result;

interface Means {
  readonly folder: SweepFolder | null;
  readonly train: TrainJobs;
  readonly output: Output;
}

/** The results of the jobs: those that `ended` or the folder has, and the rest by training. */
async function resultsOf(
  jobs: readonly SweepJob[],
  ended: readonly (SweepResult | undefined)[],
  { folder, train, output }: Means,
): Promise<SweepResult[]> {
  const results = jobs.map((job, i) => ended[i] ?? folder?.resultOf(job));
  const missing = [...jobs.keys()].filter((i) => results[i] === undefined);
  output.expect(jobs.length);
  output.show(results);
  await train(
    missing.map((i) => jobs[i]),
    (result, at) => {
      const i = missing[at];
      folder?.record(jobs[i], result);
      results[i] = result;
      output.show(results);
    },
  );
  return results as SweepResult[];
}
