/** A reward for code: the share of unit tests that a completion passes, in a sandbox. */
import { checkInteger, checkNumber } from "../core/check.ts";
import type { RewardOptions, Sample } from "../text/own-reward.ts";
import { Sandbox } from "./sandbox.ts";

export interface CodeRewardOptions {
  /** Returns the tests of a sample: JavaScript expressions that are true after its code ran. Default: `row.tests`. */
  readonly tests?: (sample: Sample) => readonly string[];
  /** Returns the code of a sample. Default: the completion. */
  readonly code?: (sample: Sample) => string;
  /** Seconds for the code, and for each test. Default 1. */
  readonly timeout?: number;
  /** MiB of memory. Default 64. */
  readonly memory?: number;
  /** Processes at work at once. Default 2. */
  readonly processes?: number;
}

/** Returns a reward from 0 to 1; NaN for a sample without tests. */
export function codeReward({
  tests = ({ row }) => (row.tests ?? []) as readonly string[],
  code = ({ completion }) => completion,
  timeout = 1,
  memory = 64,
  processes = 2,
}: CodeRewardOptions = {}): RewardOptions {
  checkNumber("codeReward", "timeout", timeout, { min: 0.01, max: 600 });
  checkInteger("codeReward", "memory", memory, { min: 16, max: 65_536 });
  checkInteger("codeReward", "processes", processes, { min: 1, max: 64 });
  const team = Array.from({ length: processes }, () => new Sandbox({ timeout, memory }));
  const score = async (sample: Sample, sandbox: Sandbox): Promise<number> => {
    const asked = tests(sample);
    if (asked.length === 0) return Number.NaN;
    const { results } = await sandbox.run(code(sample), asked);
    return results.filter(Boolean).length / asked.length;
  };
  return {
    timeout: 86_400, // each job has a limit of its own
    batch: (samples) => Promise.all(samples.map((sample, i) => score(sample, team[i % processes]))),
  };
}
