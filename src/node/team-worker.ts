/** A thread of a team: makes its part, says so, and serves. */

import { parentPort, workerData } from "node:worker_threads";
import { errorOf } from "../core/thrown.ts";
import { type MakePart, serve, slots, type TeamMemory } from "./team.ts";

const { program, settings, memory, index } = workerData as {
  program: string;
  settings: unknown;
  memory: TeamMemory;
  index: number;
};
try {
  const { makePart } = (await import(program)) as { makePart: MakePart };
  const part = makePart(settings, memory.columns);
  parentPort?.postMessage("ready");
  serve(part, memory, index);
} catch (thrown) {
  const error = errorOf(thrown); // of a bare null, node would say something about promises
  process.stderr.write(
    `thread ${index}: ${thrown instanceof Error ? error.stack : error.message}\n`,
  );
  Atomics.store(memory.control, slots.done + index, -1);
  Atomics.notify(memory.control, slots.done + index);
  throw error;
}
