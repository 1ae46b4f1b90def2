/** Chapter 2's exercises: a rule for tanh, checked against differences; and what = in place of += does to y = x·x. */
import * as pg from "pigrad";

// 1. y = tanh x: dy/dx = 1 − y², by the quotient rule on (eˣ − e⁻ˣ)/(eˣ + e⁻ˣ).
const tanh: pg.Op<"x"> = {
  name: "tanh",
  inputs: ["x"],
  forward({ y, x }) {
    for (let i = 0; i < y.length; i++) y[i] = Math.tanh(x[i]);
  },
  backward({ y, dy, dx }) {
    if (dx) for (let i = 0; i < y.length; i++) dx[i] += dy[i] * (1 - y[i] * y[i]);
  },
};
pg.gradCheck((x) => pg.apply(tanh, x), [{ shape: [5], data: [-2, -0.5, 0, 0.5, 2] }]);
console.log("tanh: the rule agrees with differences");

// 2. The same product, with a rule that adds and with one that assigns.
const product = (adds: boolean): pg.Op<"a" | "b"> => ({
  name: "product",
  inputs: ["a", "b"],
  forward({ y, a, b }) {
    y[0] = a[0] * b[0];
  },
  backward({ dy, a, b, da, db }) {
    if (!da || !db) return;
    da[0] = (adds ? da[0] : 0) + dy[0] * b[0];
    db[0] = (adds ? db[0] : 0) + dy[0] * a[0];
  },
});
for (const adds of [true, false]) {
  const backend = pg.loops();
  const x = pg.variable(backend, [1], [3]);
  const tape = new pg.Tape(backend);
  tape.backward(tape.run(() => pg.apply(product(adds), x, x)));
  console.log(`y = x·x at x = 3, gradients ${adds ? "added" : "assigned"}: ${x.grad?.[0]}`);
}
