/** An operation of your own: forward, its vector-Jacobian product, a check of the two, and a network that uses it. */
import * as pg from "pigrad";

const seed = 1;

/** y = x / (1 + |x|), called softsign */
const softsign = (x: pg.Tensor): pg.Tensor => pg.apply(softsignOp, x);
const softsignOp: pg.Op<"x"> = {
  name: "softsign",
  inputs: ["x"],
  forward({ y, x }) {
    for (let i = 0; i < y.length; i++) y[i] = x[i] / (1 + Math.abs(x[i]));
  },
  // ∂y/∂x = 1 / (1 + |x|)². It is added, because x may have gradients from other operations too.
  backward({ dy, x, dx }) {
    if (!dx) return; // x needs no gradient
    for (let i = 0; i < dy.length; i++) dx[i] += dy[i] / (1 + Math.abs(x[i])) ** 2;
  },
};

// Throws if backward and finite differences of forward disagree.
pg.gradCheck(softsign, [{ shape: [2, 3], data: [-3, -1, -0.1, 0.1, 1, 3] }]);

// A network with softsign between its layers learns y = sin x.
const backend = pg.loops();
const random = new pg.Random(seed);
const parameters = new pg.Parameters(backend);
const hidden = new pg.Linear(parameters, "hidden", [1, 32], random);
const output = new pg.Linear(parameters, "output", [32, 1], random);
const adam = new pg.Adam(parameters, { learningRate: 0.03 });
const tape = new pg.Tape(backend);
const xs = Array.from({ length: 64 }, (_, i) => -3 + (6 * i) / 63);
const x = pg.input(backend, [64, 1], xs);
const target = pg.input(backend, [64, 1], xs.map(Math.sin));
for (let step = 1; step <= 1000; step++) {
  const loss = tape.run(() => pg.mse(output.forward(softsign(hidden.forward(x))), target));
  tape.backward(loss);
  adam.step();
  if (step % 100 === 0) console.log(`step ${step}: mean squared error ${loss.data[0].toFixed(5)}`);
}
