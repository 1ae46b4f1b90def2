/** Chapter 1's exercise: the episode that ends at position 10. The best return, by value iteration. */
import * as pg from "pigrad";

for (const end of ["none", "article"] as const) {
  const { optimal } = pg.exactReturns(new pg.Line({ end }));
  console.log(`end ${end.padEnd(7)}   best return ${optimal}`);
}
const through = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((position) => -Math.abs(position - 5));
console.log(
  `0 to 10 without a turn: ${through.join(" ")}, together ${through.reduce((a, b) => a + b)}`,
);
