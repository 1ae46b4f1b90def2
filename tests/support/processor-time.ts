/** Seconds of processor time of the quickest of three: what else the machine does has no part in it. */
export function processorSeconds(work: () => void): number {
  let best = Infinity;
  for (let i = 0; i < 3; i++) {
    const begun = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(begun);
    best = Math.min(best, user + system);
  }
  return best / 1e6;
}
