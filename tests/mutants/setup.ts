/**
 * What Stryker does for the process of a test, done for the processes and threads that the test starts: the
 * mutant is active in them, and what they reached is known.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import threads, { type WorkerOptions } from "node:worker_threads";
import { afterAll, afterEach, beforeAll, beforeEach, inject } from "vitest";

type Reached = Record<string, number>;
interface Stryker {
  activeMutant?: string;
  currentTestId?: string;
  mutantCoverage?: { static: Reached; perTest: Record<string, Reached> };
}
const of = (): Stryker => (globalThis as { __stryker__?: Stryker }).__stryker__ ?? {};
const { env } = process;

function activate(): void {
  const { activeMutant } = of();
  if (activeMutant === undefined) delete env.__STRYKER_ACTIVE_MUTANT__;
  else env.__STRYKER_ACTIVE_MUTANT__ = activeMutant;
}
beforeAll(activate);
beforeEach(activate);

if (inject("mode" as never) === "dry-run") {
  const child = ["--require", fileURLToPath(new URL("child.cjs", import.meta.url))];
  const folder = mkdtempSync(`${tmpdir()}/pigrad-reached-`);
  env.PIGRAD_MUTANT_COVERAGE = folder;
  env.NODE_OPTIONS = child.join(" ");
  const { Worker } = threads;
  threads.Worker = class extends Worker {
    constructor(file: string | URL, options: WorkerOptions = {}) {
      super(file, { ...options, execArgv: [...process.execArgv, ...child] });
    }
  };
  syncBuiltinESMExports();
  const collect = (): void => {
    const ns = of();
    for (const name of readdirSync(folder)) {
      if (name.endsWith(".part")) continue;
      const reached: Reached = JSON.parse(readFileSync(`${folder}/${name}`, "utf8"));
      rmSync(`${folder}/${name}`);
      ns.mutantCoverage ??= { static: {}, perTest: {} };
      const { static: always, perTest } = ns.mutantCoverage;
      const id = ns.currentTestId;
      if (id !== undefined) perTest[id] ??= {};
      const into = id === undefined ? always : perTest[id];
      for (const [mutant, times] of Object.entries(reached)) {
        into[mutant] = (into[mutant] ?? 0) + times;
      }
    }
  };
  afterEach(collect);
  afterAll(() => {
    collect();
    rmSync(folder, { recursive: true });
  });
}
