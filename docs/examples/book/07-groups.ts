/** Chapter 7: what a group's divisions do to the mean gradient, exactly, for rewards of 0 and 1, and for lengths. */
import * as pg from "pigrad";

/** Advantages of a success and of a failure in a group of K with k successes. */
type Advantages = (k: number, K: number) => readonly [number, number];
const center = (k: number, K: number): readonly [number, number] => [1 - k / K, -k / K];
/** The standard deviation of k ones and K − k zeros, dividing by K − 1. */
const deviation = (k: number, K: number): number => Math.sqrt((k * (K - k)) / (K * (K - 1)));
const divided = (by: (k: number, K: number) => number): Advantages => {
  return (k, K) => {
    const [success, failure] = center(k, K);
    const divisor = by(k, K);
    return divisor === 0 ? [0, 0] : [success / divisor, failure / divisor]; // equal rewards teach nothing
  };
};
export const estimators = {
  REINFORCE: () => [1, 0],
  RLOO: divided((_, K) => (K - 1) / K),
  "Dr. GRPO": center,
  GRPO: divided(deviation),
  MaxRL: divided((k, K) => k / K),
} satisfies Record<string, Advantages>;

/** c in E ĝ = c·∇p: Σₖ Pr(k) · (k·A₁/p − (K − k)·A₀/(1 − p)) / K. */
export function factor(advantages: Advantages, p: number, K: number): number {
  let [sum, chance] = [0, (1 - p) ** K]; // Pr(k successes), from k = 0
  for (let k = 0; k <= K; k++) {
    const [success, failure] = advantages(k, K);
    sum += (chance * ((k * success) / p - ((K - k) * failure) / (1 - p))) / K;
    chance *= ((K - k) / (k + 1)) * (p / (1 - p));
  }
  return sum;
}

const K = 8;
console.log(`groups of ${K}: E ĝ / ∇p, and the share of groups that teach nothing`);
console.log(
  `p       ${Object.keys(estimators)
    .map((name) => name.padStart(10))
    .join("")}     equal`,
);
for (const p of [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99]) {
  const row = Object.values(estimators).map((a) => factor(a, p, K).toFixed(3).padStart(10));
  const equal = p ** K + (1 - p) ** K;
  console.log(`${p.toFixed(2)}    ${row.join("")} ${equal.toFixed(3).padStart(9)}`);
}

// The same by the library's estimators, over all groups of 4 of a bandit whose arm 1 succeeds.
const bandit = pg.tokenTask(2, 1, ([arm]) => arm);
const logits = Float64Array.of(0, Math.log(0.25 / 0.75));
const gradient = pg.exactGradient(bandit, logits)[1];
const names = { RLOO: "rloo", "Dr. GRPO": "dr-grpo", GRPO: "grpo" } as const;
console.log("\np = 0.25, groups of 4: by the formula, and by enumerating all groups");
for (const [name, preset] of Object.entries(names)) {
  const settings = { ...pg.presets[preset], eps: 0 };
  const estimate = pg.estimator({ problem: bandit, logits, K: 4 }, settings);
  const { mean } = pg.expectation(pg.trajectories(bandit), logits, 2, 4, estimate);
  const formula = factor(estimators[name as keyof typeof names], 0.25, 4);
  console.log(`${name.padEnd(9)} ${formula.toFixed(6)}  ${(mean[1] / gradient).toFixed(6)}`);
}

// Lengths: up to three tokens, of which token 2 stops; the reward is the length plus the first token.
const task = pg.tokenTask(3, 3, (tokens) => tokens.length + tokens[0], 2);
const all = pg.trajectories(task);
const policy = new Float64Array(task.states * 3);
new pg.Random(600).fillNormal(policy);
const exact = pg.exactGradient(task, policy);
const norm = (v: ArrayLike<number>): number => Math.hypot(...Array.from(v));
console.log(
  "\nsequences of different lengths, groups of 3: leave-one-out, by the weight of a token",
);
for (const aggregation of ["sequenceSum", "constant", "token", "sequence"] as const) {
  const settings = { ...pg.presets.rloo, aggregation };
  const estimate = pg.estimator({ problem: task, logits: policy, K: 3 }, settings);
  const { mean } = pg.expectation(all, policy, 3, 3, estimate);
  const along = mean.reduce((sum, m, i) => sum + m * exact[i], 0);
  const cosine = Math.min(1, along / norm(mean) / norm(exact));
  console.log(
    `${aggregation.padEnd(12)} angle ${((Math.acos(cosine) * 180) / Math.PI).toFixed(1).padStart(4)}°   size ${(norm(mean) / norm(exact)).toFixed(3)}`,
  );
}

// Credit: 3 + 4 in two digits, right if they are 07. The policy begins with 0 in 80 % of cases, and then takes 7 in 30 %.
const answers = ["07", "05", "17", "03"];
/** The chance that an answer which begins so will be right: the exact value of that state. */
const chanceOf = (text: string): number =>
  text === "07" ? 1 : text === "0" ? 0.3 : text === "" ? 0.8 * 0.3 : 0;
const right = answers.filter((answer) => answer === "07").length;
/** What each digit of an answer gets from GRPO, and its exact advantage: the value after it less the value before. */
export const credits = answers.map((answer) => ({
  answer,
  group: estimators.GRPO(right, answers.length)[answer === "07" ? 0 : 1],
  exact: [1, 2].map((n) => chanceOf(answer.slice(0, n)) - chanceOf(answer.slice(0, n - 1))),
}));
export const signed = (x: number): string => (x < 0 ? "" : "+") + x.toFixed(2);
console.log("\ncredit of each digit of four answers to 3+4=");
console.log("answer   GRPO             exact");
for (const { answer, group, exact } of credits)
  console.log(
    `${answer}       ${signed(group)}  ${signed(group)}     ${exact.map(signed).join("  ")}`,
  );
