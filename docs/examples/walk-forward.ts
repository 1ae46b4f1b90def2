/**
 * Walk forward: train on one stretch of prices, trade on the next, which the policy has not seen, and move on. Each
 * policy and each baseline pays the same costs and trades the same blocks of `steps` times, one after another, from cash.
 *
 *   npx tsx docs/examples/walk-forward.ts [PRICES.csv] [COST]
 */
import { readFileSync } from "node:fs";
import * as pg from "pigrad";
import { Portfolio } from "pigrad/envs/portfolio";
import { parsePrices, syntheticPrices } from "pigrad/envs/prices";
import { statisticsOf } from "pigrad/rollout/evaluate";

const [file, costText = "0.001"] = process.argv.slice(2);
const csv = file === undefined ? "" : readFileSync(file, "utf8");
const prices = csv === "" ? syntheticPrices() : parsePrices(csv);
const assets = prices.names.length;
const times = prices.data.length / assets;
const cost = Number(costText);
const seed = 1;
const windows = 5;
const trained = 0.5; // share of the series per training
const traded = (1 - trained) / windows; // share of the series per test
const trainingSteps = 100_000;
const steps = 32; // times per block
const past = 8; // log-returns of each asset that are seen

/** Returns logits for cash and each asset. `observation`: log-returns in percent, oldest first, then weights held. */
type Trader = (observation: Float32Array, first: boolean) => ArrayLike<number>;

/** Logits of weights, within the ±5 that the environment allows: weights below e⁻¹⁰ of the largest are rounded up. */
const logitsOf = (weights: readonly number[]): number[] => {
  const most = Math.max(...weights);
  return weights.map((weight) => Math.max(5 + Math.log(weight / most), -5));
};
const one = (chosen: number): number[] =>
  Array.from({ length: assets + 1 }, (_, i) => (i === chosen ? 5 : -5));
const equal = logitsOf([0, ...new Array<number>(assets).fill(1)]);

const baselines: Readonly<Record<string, Trader>> = {
  "buy and hold": (observation, first) =>
    first ? equal : logitsOf([...observation.subarray(past * assets)]),
  "equal weights": () => equal,
  // All in the asset that rose most over what is seen; in cash if none rose.
  momentum: (observation) => {
    const rises = prices.names.map((_, j) => {
      let rise = 0;
      for (let t = 0; t < past; t++) rise += observation[t * assets + j];
      return rise;
    });
    const best = rises.indexOf(Math.max(...rises));
    return one(rises[best] > 0 ? best + 1 : 0);
  },
};

/** Returns the ln of wealth's growth in each block of the times from `from` on, shares of the series. */
function trade(trader: Trader, from: number, to: number): number[] {
  const env = new Portfolio({ prices, cost, window: past, maxSteps: steps });
  const observation = new Float32Array(env.observationSpace.size);
  const cash = [1, ...new Array<number>(assets).fill(0)];
  const growths: number[] = [];
  const start = Math.max(Math.floor(from * times), past);
  for (let t = start; t + steps < Math.floor(to * times); t += steps) {
    let growth = 0;
    for (env.startFrom([t, ...cash]); !env.truncated; growth += env.reward) {
      env.observe(observation, 0);
      env.act(trader(observation, env.state[0] === t), 0);
    }
    growths.push(growth);
  }
  return growths;
}

const results = new Map<string, number[]>();
const add = (name: string, growths: number[]): void => {
  results.set(name, [...(results.get(name) ?? []), ...growths]);
};
const percent = (x: number): string => `${(100 * x).toFixed(2)} %`;
for (let w = 0; w < windows; w++) {
  const [from, to, end] = [w * traded, w * traded + trained, trained + (w + 1) * traded];
  const settings = {
    learningRate: 0.003,
    prices: csv,
    from,
    to,
    cost,
    window: past,
    maxSteps: steps,
  };
  const training = pg.train("portfolio", { seed, steps: trainingSteps, settings });
  await training;
  const policy: Trader = (observation) => training.policy.act(observation) as number[];
  const growths = trade(policy, to, end);
  add("policy", growths);
  for (const [name, trader] of Object.entries(baselines)) add(name, trade(trader, to, end));
  const seen = statisticsOf(trade(policy, from, to)).meanReturn;
  const { meanReturn } = statisticsOf(growths);
  console.log(
    `trained on ${from.toFixed(2)} to ${to.toFixed(2)}: there ${percent(seen)} per block, then ${percent(meanReturn)}`,
  );
}

const policyGrowths = results.get("policy") ?? [];
console.log(
  `ln of growth per block of ${steps} times, ± 95 %, ${policyGrowths.length} blocks, cost ${cost}:`,
);
for (const [name, growths] of results) {
  const { meanReturn, margin } = statisticsOf(growths);
  const ahead = statisticsOf(policyGrowths.map((growth, i) => growth - growths[i]));
  const beside =
    name === "policy"
      ? ""
      : `; policy ahead by ${percent(ahead.meanReturn)} ± ${percent(ahead.margin)}`;
  console.log(`${name}: ${percent(meanReturn)} ± ${percent(margin)}${beside}`);
}
