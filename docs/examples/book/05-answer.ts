/** Chapter 5's exercise: where the gradient of the clipped loss is 0, by the library's op. */
import * as pg from "pigrad";

const backend = pg.loops(Float64Array);
const [ratio, advantage] = [
  [0.7, 0.7, 1, 1, 1.3, 1.3],
  [1, -1, 1, -1, 1, -1],
];
const logProb = pg.variable(backend, [6], ratio.map(Math.log));
const old = pg.input(backend, [6]); // ln 1
const tape = new pg.Tape(backend);
const loss = tape.run(() =>
  pg.surrogateLoss(
    logProb,
    old,
    pg.input(backend, [6], advantage),
    pg.input(backend, [6], new Array(6).fill(1)),
  ),
);
tape.backward(loss);
for (const [i, rho] of ratio.entries())
  console.log(
    `ρ = ${rho.toFixed(1)}, Â = ${String(advantage[i]).padStart(2)}   ascends ln π by ${(0 - (logProb.grad?.[i] ?? 0)).toFixed(1)}`,
  );
