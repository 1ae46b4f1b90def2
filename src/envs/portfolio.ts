/**
 * Portfolio: distribute wealth over assets and cash at each step of a price series. Trades have proportional
 * costs: Jiang, Xu & Liang 2017, arXiv:1706.10059, with the cost subtracted at once.
 *
 * Observation: the last `window` log-returns of each asset in percent, oldest first, then the weights held,
 * cash first. Action: a logit for cash and each asset, whose softmax is the target weights; or, with
 * `choice`, the one of them to hold. Reward: ln of the growth of wealth,
 *
 *   ln((1 − cost·Σ|wanted − held| over assets)·Σ wanted·growth)
 *
 * Cut short after `maxSteps`. Starts in cash, at a random time.
 */
import type { Floats } from "../core/backend.ts";
import { exp, log } from "../core/math.ts";
import { Dynamics } from "./env.ts";
import { type Prices, syntheticPrices } from "./prices.ts";
import { type Box, box, type Discrete, discrete } from "./space.ts";

export interface PortfolioOptions {
  /** The price series. Default `syntheticPrices()`; `parsePrices` reads others. */
  readonly prices?: Prices;
  /** The range of times to use, such as to train on the first and evaluate on the rest. Default 0 to 1. */
  readonly from?: number;
  readonly to?: number;
  /** The number of past log-returns observed. Default 8. */
  readonly window?: number;
  /** The cost as a fraction of the traded value. Default 0.001. */
  readonly cost?: number;
  readonly choice?: boolean;
  readonly maxSteps?: number;
}

const maxLogit = 5;

export class Portfolio extends Dynamics {
  readonly observationSpace: Box;
  readonly actionSpace: Box | Discrete;
  /** [time, weights held: cash, assets …] */
  readonly state: Float64Array;
  readonly names: readonly string[];
  /** The price ratio of each step, [times − 1, assets], and its ln in percent. */
  private readonly growth: Float64Array;
  private readonly percent: Float64Array;
  private readonly assets: number;
  private readonly window: number;
  private readonly cost: number;
  private readonly firstStart: number;
  private readonly starts: number;
  private readonly choice: boolean;
  private readonly wanted: Float64Array;

  constructor({
    prices = syntheticPrices(),
    from = 0,
    to = 1,
    window = 8,
    cost = 0.001,
    choice = false,
    maxSteps = 64,
  }: PortfolioOptions = {}) {
    super(maxSteps);
    const assets = prices.names.length;
    const times = prices.data.length / assets;
    this.firstStart = Math.floor(from * times) + window;
    this.starts = Math.floor(to * times) - maxSteps - this.firstStart;
    if (!(this.starts >= 1 && from >= 0 && to <= 1 && window >= 1)) {
      const need = window + maxSteps + 1;
      throw new RangeError(`Portfolio: expected ${need} times from ${from} to ${to} of ${times}`);
    }
    if (!(cost >= 0 && cost < 0.5)) throw new RangeError(`cost: expected 0 to 0.5, got ${cost}`);
    this.names = prices.names;
    this.growth = prices.data.subarray(assets).map((price, i) => price / prices.data[i]);
    this.percent = this.growth.map((growth) => 100 * log(growth));
    this.assets = assets;
    this.window = window;
    this.cost = cost;
    this.choice = choice;
    this.state = new Float64Array(2 + assets);
    this.wanted = new Float64Array(1 + assets);
    const returns = window * assets;
    const low = new Float64Array(returns + 1 + assets).fill(-Infinity, 0, returns);
    const high = new Float64Array(returns + 1 + assets).fill(1).fill(Infinity, 0, returns);
    this.observationSpace = box(low, high, [low.length]);
    this.actionSpace = choice ? discrete(1 + assets) : box(-maxLogit, maxLogit, [1 + assets]);
  }

  protected begin(): void {
    this.state.fill(0);
    this.state[0] = this.firstStart + this.random.below(this.starts);
    this.state[1] = 1;
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const { state, wanted, growth, assets } = this;
    this.aim(actions, at);
    const now = state[0] * assets; // offset of the step's growth
    let traded = 0;
    let grown = wanted[0];
    for (let j = 1; j <= assets; j++) {
      traded += Math.abs(wanted[j] - state[1 + j]);
      grown += wanted[j] * growth[now + j - 1];
    }
    state[0]++;
    state[1] = wanted[0] / grown;
    for (let j = 1; j <= assets; j++) state[1 + j] = (wanted[j] * growth[now + j - 1]) / grown;
    this.reward = log((1 - this.cost * traded) * grown);
  }

  /** Writes the target weights of the action. */
  private aim(actions: ArrayLike<number>, at: number): void {
    const { wanted } = this;
    if (this.choice) {
      wanted.fill(0);
      wanted[actions[at]] = 1;
      return;
    }
    let sum = 0;
    for (let j = 0; j < wanted.length; j++) {
      wanted[j] = exp(Math.min(Math.max(actions[at + j], -maxLogit), maxLogit));
      sum += wanted[j];
    }
    for (let j = 0; j < wanted.length; j++) wanted[j] /= sum;
  }

  observe(out: Floats, at: number): void {
    const { state, percent, assets } = this;
    const returns = this.window * assets;
    const first = state[0] * assets - returns;
    for (let i = 0; i < returns; i++) out[at + i] = percent[first + i];
    for (let j = 0; j <= assets; j++) out[at + returns + j] = state[1 + j];
  }

  render(): string {
    const weights = ["cash", ...this.names].map(
      (name, j) => `${name} ${Math.round(100 * this.state[1 + j])}%`,
    );
    return `time ${this.state[0]}: ${weights.join(", ")}`;
  }
}
