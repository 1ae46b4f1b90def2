/** Starts the threads of a team, and tells the team when one ends: the leader, which may be waiting, cannot see it. */
import { parentPort, type Worker, workerData } from "node:worker_threads";
import { SharedTeam } from "../core/shared-team.ts";
import { type TeamTask, wordsOf } from "./threads.ts";
import { endWorkers, startWorker } from "./worker.ts";

const task = workerData as Omit<TeamTask, "index">;
const grace = 1000; // milliseconds that threads have to end by themselves
let ready = 0;
const workers: Worker[] = [];
for (let index = 1; index < task.memory.size; index++) {
  const worker = startWorker("team-thread", { ...task, index } satisfies TeamTask);
  workers.push(worker);
  const fail = (error: unknown): void => new SharedTeam(task.memory, index).fail(wordsOf(error));
  worker.on("message", () => {
    if (++ready === task.memory.size - 1) parentPort?.postMessage("ready");
  });
  worker.on("error", (error) => {
    fail(error);
    parentPort?.postMessage("failed");
  });
  worker.on("exit", () => {
    fail(new Error(`thread ${index} has ended`));
    parentPort?.postMessage("failed");
  });
}
parentPort?.once("message", () => {
  setTimeout(() => void endWorkers(workers).then(() => process.exit()), grace).unref();
});
