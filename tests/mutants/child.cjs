/** Loaded by processes and threads that a test starts: leaves which mutants they reached, for setup.ts. */
const { renameSync, writeFileSync } = require("node:fs");
const { parentPort, threadId } = require("node:worker_threads");

const leave = () => {
  const reached = globalThis.__stryker__?.mutantCoverage?.static ?? {};
  const file = `${process.env.PIGRAD_MUTANT_COVERAGE}/${process.pid}-${threadId}`;
  if (Object.keys(reached).length === 0) return;
  writeFileSync(`${file}.part`, JSON.stringify(reached)); // renamed when whole: setup.ts may read at any time
  renameSync(`${file}.part`, file);
};
process.on("exit", leave);
if (parentPort !== null) {
  // a thread may be terminated, which tells it nothing
  const { notify } = Atomics;
  Atomics.notify = (...args) => {
    leave();
    return notify(...args);
  };
  const post = parentPort.postMessage.bind(parentPort);
  parentPort.postMessage = (...args) => {
    leave();
    post(...args);
  };
}
