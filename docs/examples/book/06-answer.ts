/** Chapter 6's exercise: the seeds behind two means after 20,000 steps, and how many seeds a difference would need. */
import { curves, summary } from "./06-details.ts";

const [usual, gain1] = ["usual units", "gain 1 before the logits"].map((name) =>
  curves[name].map((run) => run[1]),
);
console.log(`usual gain: ${usual.map((v) => v.toFixed(0)).join(" ")}`);
console.log(`gain 1:     ${gain1.map((v) => v.toFixed(0)).join(" ")}`);
const { mean, half } = summary(usual);
const deviation = (half * Math.sqrt(usual.length)) / 2.365;
const difference = 500 - mean;
const needed = Math.ceil((2 * deviation) ** 2 / difference ** 2);
console.log(
  `difference ${difference.toFixed(1)}, deviation of a seed ${deviation.toFixed(1)}: about ${needed} seeds`,
);
