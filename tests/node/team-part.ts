/** What the threads of the team's tests do: a regression on their rows, and a failure where asked. */
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, Parameters } from "../../src/core/tensor.ts";
import { Mlp } from "../../src/nn/mlp.ts";
import type { Columns, Part } from "../../src/node/team.ts";
import { sub } from "../../src/ops/arithmetic.ts";
import { square } from "../../src/ops/elementwise.ts";
import { reshape } from "../../src/ops/layout.ts";
import { sum } from "../../src/ops/reduce.ts";

export interface Settings {
  /** Throws in the run that holds this row. */
  readonly failingRow: number | null;
}

export function makePart(settings: unknown, columns: Columns): Part {
  const { failingRow } = settings as Settings;
  const k = loops();
  const parameters = new Parameters(k, 8); // in several regions
  const net = new Mlp(parameters, "net", [3, 8, 1], new Random(1));
  const [x, y] = [input(k, [1, 3]), input(k, [1])];
  const tape = new Tape(k);
  const loss = () => sum(square(sub(reshape(net.forward(x), [1]), y)));
  const run = (first: number, end: number): number => {
    let total = 0;
    for (let row = first; row < end; row++) {
      if (row === failingRow) throw new Error("a planted failure");
      x.data.set(columns.x.subarray(3 * row, 3 * row + 3));
      y.data[0] = columns.y[row];
      const l = tape.run(loss);
      tape.backward(l);
      total += l.data[0];
    }
    return total;
  };
  return { parameters, run };
}
