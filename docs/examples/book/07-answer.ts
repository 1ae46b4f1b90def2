/** Chapter 7's exercise: with two samples and rewards of 0 and 1, the deviation is only a scale. */
import { estimators, factor } from "./07-groups.ts";

for (const K of [2, 3, 8]) {
  const factors = [0.05, 0.25, 0.5].map((p) => factor(estimators.GRPO, p, K).toFixed(4));
  console.log(`K = ${K}   GRPO's factor at p = 0.05, 0.25, 0.5: ${factors.join("  ")}`);
}
