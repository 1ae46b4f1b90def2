/** Starting a worker thread from the sources or from the built package. */
import { Worker } from "node:worker_threads";

/** Runs `name` of this folder in a new thread. In the sources it goes through tsx, as the caller did. */
export function startWorker(name: string, workerData: unknown): Worker {
  if (!import.meta.url.endsWith(".ts")) {
    return new Worker(new URL(`${name}.js`, import.meta.url), { workerData });
  }
  const [esm, cjs] = ["tsx/esm/api", "tsx/cjs/api"].map((api) => import.meta.resolve(api));
  const entry = new URL(`${name}.ts`, import.meta.url).href;
  const code = `Promise.all([import("${esm}"), import("${cjs}")]).then((apis) => {
    for (const { register } of apis) register();
    return import("${entry}");
  })`;
  return new Worker(code, { eval: true, workerData });
}
