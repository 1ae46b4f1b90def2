/** Measures the tape's overhead per op: a chain of ops on four numbers, with negligible arithmetic. */
import { loops } from "../src/backends/loops.ts";
import { Tape } from "../src/core/tape.ts";
import { type Tensor, variable } from "../src/core/tensor.ts";
import { add, mul } from "../src/ops/arithmetic.ts";
import { sum } from "../src/ops/reduce.ts";
import type { Suite } from "./harness.ts";

const ops = 100;

export const op: Suite = {
  about: `overhead of an op: ${ops} ops on 4 numbers`,
  make() {
    const k = loops();
    const x = variable(k, [4], [1, 2, 3, 4]);
    const tape = new Tape(k);
    const body = (): Tensor => {
      let y: Tensor = x;
      for (let i = 0; i < ops / 2; i++) y = add(mul(y, x), x);
      return sum(y);
    };
    return [
      { name: "forward", amount: ops, unit: "ops", run: () => void tape.run(body) },
      {
        name: "forward and backward",
        amount: ops,
        unit: "ops",
        run: () => tape.backward(tape.run(body)),
      },
    ];
  },
};
