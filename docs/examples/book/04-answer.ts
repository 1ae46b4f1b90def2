/** Chapter 4's exercise: three steps by hand, and by the library's scan. */
import * as pg from "pigrad";

const reward = Float64Array.of(0, 0, 1);
const value = Float64Array.of(0.2, 0.5, 0.4);
const nextValue = Float64Array.of(0.5, 0.4, 0.9); // 0.9: the state in which the limit cut the episode short
const none = new Float64Array(3);
const end = Float64Array.of(0, 0, 1);
for (const lambda of [0, 0.5, 1]) {
  const rows = [true, false].map((terminates) => {
    const terminated = terminates ? end : none;
    const truncated = terminates ? none : end;
    const advantage = new Float64Array(3);
    pg.gae(advantage, { envs: 1, reward, value, nextValue, terminated, truncated }, 1, lambda);
    return [...advantage].map((A) => A.toFixed(2)).join(" ");
  });
  console.log(`λ = ${lambda.toFixed(1)}   terminated: ${rows[0]}   truncated: ${rows[1]}`);
}
