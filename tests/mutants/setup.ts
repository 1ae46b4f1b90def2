/** The mutant of this test is active in the processes and threads that it starts, too. */
import { beforeEach } from "vitest";

beforeEach(() => {
  const active = (globalThis as { __stryker__?: { activeMutant?: string } }).__stryker__
    ?.activeMutant;
  if (active === undefined) delete process.env.__STRYKER_ACTIVE_MUTANT__;
  else process.env.__STRYKER_ACTIVE_MUTANT__ = active;
});
