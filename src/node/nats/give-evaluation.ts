/** An evaluation as jobs for workers. */
import { SettingError } from "../../core/errors.ts";
import type { Evaluation } from "../../rollout/evaluate.ts";
import type { EvalOptions } from "../eval-job.ts";
import { evaluationFrom } from "../sweep-folder.ts";
import { packRun } from "./bundle.ts";
import type { Giver, Job } from "./give.ts";
import { kinds } from "./jobs.ts";

/** Has workers do evaluations of the run in a folder. Returns them in the order of `shares`. */
export async function giveEvaluations(
  giver: Giver,
  folder: string,
  shares: readonly EvalOptions[],
): Promise<Evaluation[]> {
  const policy = shares[0].best ? "best.safetensors" : "checkpoint.safetensors";
  const bytes = packRun(folder, ["config.json", policy]);
  const run = await giver.blobs.putByHash(giver.options.giver, bytes);
  const jobs = shares.map(
    (share, i): Job => ({ id: String(i), kind: kinds.evaluate, body: { ...share, run } }),
  );
  const results: Evaluation[] = new Array(shares.length);
  for await (const { id, body, failure } of giver.give(jobs)) {
    if (failure !== null) throw new SettingError(failure.message);
    results[Number(id)] = evaluationFrom(body, `the answer to job ${id}`);
  }
  return results;
}
