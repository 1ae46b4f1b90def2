/** Starting a worker thread from the sources or from the built package. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";

/** Runs `name` of this folder in a new thread. In the sources it goes through tsx, as the caller did. */
export function startWorker(name: string, workerData: unknown): Worker {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const entry = new URL(`${name}.${extension}`, import.meta.url).href;
  const apis = tsxApis();
  if (apis === null) return new Worker(new URL(entry), { workerData });
  const [esm, cjs] = apis;
  const code = `Promise.all([import("${esm}"), import("${cjs}")]).then((apis) => {
    for (const { register } of apis) register();
    return import("${entry}");
  })`;
  return new Worker(code, { eval: true, workerData });
}

/** Ends threads that nobody listens to any longer: one may fail while the failure of another ends them all. */
export async function endWorkers(workers: readonly Worker[]): Promise<void> {
  for (const worker of workers) worker.removeAllListeners().on("error", () => {});
  await Promise.all(workers.map((worker) => worker.terminate()));
}

/** Returns the modules that register tsx in a thread, which does not inherit the loader; null without tsx. */
function tsxApis(): string[] | null {
  const names = ["tsx/esm/api", "tsx/cjs/api"];
  if (import.meta.url.endsWith(".ts")) return names.map((name) => import.meta.resolve(name));
  const loader = process.execArgv.find((arg) => /\btsx\b.*\.[cm]?js$/.test(arg));
  if (loader === undefined) return null;
  const { resolve } = createRequire(loader);
  return names.map((name) => pathToFileURL(resolve(name).replace(/\.cjs$/, ".mjs")).href);
}
