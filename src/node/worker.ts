/** Starting a worker thread from the sources or from the built package. */
import { Worker } from "node:worker_threads";

/** Runs `name` of this folder in a new thread. In the sources it goes through tsx, as the caller did. */
export function startWorker(name: string, workerData: unknown): Worker {
  if (!import.meta.url.endsWith(".ts")) {
    return new Worker(new URL(`${name}.js`, import.meta.url), { workerData });
  }
  const tsx = import.meta.resolve("tsx/esm/api");
  const entry = new URL(`${name}.ts`, import.meta.url).href;
  const code = `import("${tsx}").then(({ register }) => { register(); return import("${entry}"); })`;
  return new Worker(code, { eval: true, workerData });
}
