/** A team's part that throws what is no error, where the settings say: as it is made, or as it runs. */
import { threadId } from "node:worker_threads";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { Parameters } from "../../src/core/tensor.ts";
import { Mlp } from "../../src/nn/mlp.ts";
import type { Part } from "../../src/node/team.ts";

export interface Settings {
  readonly when: "made" | "run";
  /** The thread that starts the team. */
  readonly home: number;
}
export function makePart(settings: unknown): Part {
  const { when, home } = settings as Settings;
  if (when === "made" && threadId !== home) throw null;
  const parameters = new Parameters(loops());
  new Mlp(parameters, "net", [1, 1], new Random(1));
  return {
    parameters,
    run(first) {
      if (when === "run" && first > 0) throw null;
      return 0;
    },
  };
}
