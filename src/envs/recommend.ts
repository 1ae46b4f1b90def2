/**
 * Recommendation: show a simulated visitor a slate of items per page, while their interests drift.
 * Designed for this project after Ie et al. 2019, "RecSim", arXiv:1909.04847.
 *
 * A visitor has one favorite topic, which is not observed. On each page they click one item or none, with
 * probability proportional to eᵘ (a multinomial logit): u = 4·interest in its topic + its appeal, or 2.5 for
 * none. A click lowers the interest in its topic; interests recover towards the favorite, which changes at
 * random. A visitor is more likely to leave after a page without a click.
 *
 * Observation: for each topic a fading average of clicks on it, and of its share of the slates. Action: the
 * items of the slate; an item named twice is shown once. Reward: 1 per click, and 0.1 if the
 * visitor stays. Terminates when they leave; truncated after 100 pages.
 */
import type { Floats } from "../core/backend.ts";
import { exp } from "../core/math.ts";
import { Random } from "../core/random.ts";
import { Dynamics } from "./env.ts";
import { type Box, box, type MultiDiscrete, multiDiscrete } from "./space.ts";

export interface RecommendOptions {
  /** The number of items; item i has topic i modulo `topics`. Default 10. */
  readonly items?: number;
  /** The number of topics. Default 5. */
  readonly topics?: number;
  /** The number of items per page. Default 3. */
  readonly slate?: number;
  /** The probability that the favorite topic changes after a page. Default 0.05. */
  readonly drift?: number;
  readonly maxSteps?: number;
}

const strength = 4; // weight of interest
const idle = 2.5; // u of no click
const stayReward = 0.1;
const leaveAfterClick = 0.03;
const leaveWithoutClick = 0.2;
const tired = 0.7; // factor of a click on the interest
const recovery = 0.1; // per page
const fade = 0.8; // factor of the averages per page
const catalogSeed = 1; // the items are the same for everyone

export class Recommend extends Dynamics {
  readonly observationSpace: Box;
  readonly actionSpace: MultiDiscrete;
  /** [favorite, interest in each topic …, clicks on each …, share of the slates of each …] */
  readonly state: Float64Array;
  /** The appeal of each item, within ±0.5. */
  readonly appeal: Float64Array;
  private readonly topics: number;
  private readonly drift: number;
  private readonly weight: Float64Array;

  constructor({
    items = 10,
    topics = 5,
    slate = 3,
    drift = 0.05,
    maxSteps = 100,
  }: RecommendOptions = {}) {
    super(maxSteps);
    if (!(topics >= 1 && items >= topics))
      throw new RangeError("Recommend: expected items ≥ topics ≥ 1");
    this.topics = topics;
    this.drift = drift;
    this.actionSpace = multiDiscrete(new Array<number>(slate).fill(items));
    this.observationSpace = box(0, 1, [2 * topics]);
    this.state = new Float64Array(1 + 3 * topics);
    this.weight = new Float64Array(slate);
    const catalog = new Random(catalogSeed);
    this.appeal = new Float64Array(items).map(() => catalog.uniform() - 0.5);
  }

  protected begin(): void {
    this.state.fill(0);
    this.state[0] = this.random.below(this.topics);
    this.state[1 + this.state[0]] = 1;
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const { state, topics, random } = this;
    const slate = this.weight.length;
    const clicked = this.choose(actions, at);
    for (let i = 1 + topics; i < state.length; i++) state[i] *= fade;
    for (let i = 0; i < slate; i++) {
      state[1 + 2 * topics + (actions[at + i] % topics)] += (1 - fade) / slate;
    }
    if (clicked >= 0) {
      const topic = actions[at + clicked] % topics;
      state[1 + topics + topic] += 1 - fade;
      state[1 + topic] *= tired;
    }
    if (random.uniform() < this.drift) state[0] = random.below(topics);
    for (let topic = 0; topic < topics; topic++) {
      const base = topic === state[0] ? 1 : 0;
      state[1 + topic] += recovery * (base - state[1 + topic]);
    }
    const leaves = clicked >= 0 ? leaveAfterClick : leaveWithoutClick;
    this.terminated = random.uniform() < leaves;
    this.reward = (clicked >= 0 ? 1 : 0) + (this.terminated ? 0 : stayReward);
  }

  /** Returns the clicked position on the slate, or −1. */
  private choose(actions: ArrayLike<number>, at: number): number {
    const { weight, state, topics, appeal } = this;
    let total = exp(idle);
    for (let i = 0; i < weight.length; i++) {
      const item = actions[at + i];
      let isShown = false;
      for (let j = 0; j < i; j++) isShown ||= actions[at + j] === item;
      weight[i] = isShown ? 0 : exp(strength * state[1 + (item % topics)] + appeal[item]);
      total += weight[i];
    }
    let rest = this.random.uniform() * total;
    for (let i = 0; i < weight.length; i++) {
      rest -= weight[i];
      if (rest < 0) return i;
    }
    return -1;
  }

  observe(out: Floats, at: number): void {
    const seen = 2 * this.topics;
    for (let i = 0; i < seen; i++) out[at + i] = this.state[1 + this.topics + i];
  }

  render(): string {
    const { state, topics } = this;
    const percent = (x: number): string => `${Math.round(100 * x)}%`.padStart(5);
    const line = (name: string, from: number): string =>
      name.padEnd(10) + Array.from(state.subarray(from, from + topics), percent).join("");
    return [
      line("interest", 1),
      line("clicked", 1 + topics),
      line("shown", 1 + 2 * topics),
      `favorite topic ${state[0]}`,
    ].join("\n");
  }
}
