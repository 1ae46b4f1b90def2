/** Chapter 2: the ascent of 02-scalar.ts on the library's tape, in float64. */
import * as pg from "pigrad";
import { rewards, x } from "./02-scalar.ts";

const backend = pg.loops(Float64Array);
const parameter = pg.variable(backend, [1, 3]);
const reward = pg.input(backend, [1, 3], rewards);
const tape = new pg.Tape(backend);
let tapeJ = 0;
for (let step = 0; step < 200; step++) {
  const gain = tape.run(() => pg.sum(pg.mul(pg.softmax(parameter), reward)));
  parameter.grad?.fill(0);
  tape.backward(gain);
  tapeJ = gain.data[0];
  for (let a = 0; a < 3; a++) parameter.data[a] += 0.5 * (parameter.grad?.[a] ?? 0);
}
console.log(`tape:   J = ${tapeJ.toFixed(4)}, slots recorded in 200 steps: ${tape.recorded}`);
console.log(
  `largest difference of the logits: ${Math.max(...x.map((v, a) => Math.abs(v - parameter.data[a]))) < 1e-9 ? "below 1e-9" : "too large"}`,
);
