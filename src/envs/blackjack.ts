/**
 * Blackjack-v1 of Gymnasium: Sutton & Barto, "Reinforcement learning", example 5.1. Draw cards to
 * come closer to 21 than the dealer, but not above.
 *
 * Observation: the player's sum, the dealer's open card (ace 1), whether the player has an ace that
 * counts 11. Actions: 0 stick, 1 hit. Reward at the end: 1 won, 0 drawn, −1 lost. Cards are 1 to 10, ten
 * four times as often, from an endless deck; the dealer draws up to 17.
 */
import type { Floats } from "../core/backend.ts";
import { Dynamics } from "./env.ts";
import { box, discrete } from "./space.ts";

export interface BlackjackOptions {
  /** Sutton & Barto's rules: 21 from two cards wins unless the dealer has it too. Default true. */
  readonly sab?: boolean;
  /** Without `sab`: winning with 21 from two cards pays 1.5. Default false. */
  readonly natural?: boolean;
}

// Indices in the state. A hand is its sum with aces as 1, whether it has an ace, and its number of cards.
const player = 0;
const dealer = 3;
const shown = 6;

export class Blackjack extends Dynamics {
  readonly observationSpace = box(
    0,
    [31, 10, 1],
    [3],
    ["player's sum", "dealer's card", "usable ace"],
  );
  readonly actionSpace = discrete(["stick", "hit"]);
  /** [player's sum, ace, cards, dealer's sum, ace, cards, dealer's open card] */
  readonly state = new Float64Array(7);
  private readonly sab: boolean;
  private readonly natural: boolean;

  constructor({ sab = true, natural = false }: BlackjackOptions = {}) {
    super(20); // twenty aces after two aces sum to 22
    this.sab = sab;
    this.natural = natural;
  }

  protected begin(): void {
    this.state.fill(0);
    this.state[shown] = this.draw(dealer);
    this.draw(dealer);
    this.draw(player);
    this.draw(player);
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    if (actions[at] === 1) {
      this.draw(player);
      this.terminated = this.state[player] > 21;
      this.reward = this.terminated ? -1 : 0;
    } else {
      while (this.sum(dealer) < 17) this.draw(dealer);
      this.terminated = true;
      this.reward = this.payoff();
    }
    this.success = this.reward > 0;
  }

  /** Returns the reward of a player who sticks with 21 or less. */
  private payoff(): number {
    const natural = this.isNatural(player);
    if (this.sab && natural && !this.isNatural(dealer)) return 1;
    const theirs = this.sum(dealer) > 21 ? 0 : this.sum(dealer);
    const result = Math.sign(this.sum(player) - theirs);
    return !this.sab && this.natural && natural && result === 1 ? 1.5 : result;
  }

  private draw(hand: number): number {
    const card = Math.min(this.random.below(13) + 1, 10);
    this.state[hand] += card;
    if (card === 1) this.state[hand + 1] = 1;
    this.state[hand + 2]++;
    return card;
  }

  private hasUsableAce(hand: number): boolean {
    return this.state[hand + 1] === 1 && this.state[hand] <= 11;
  }

  private sum(hand: number): number {
    return this.state[hand] + (this.hasUsableAce(hand) ? 10 : 0);
  }

  private isNatural(hand: number): boolean {
    return this.sum(hand) === 21 && this.state[hand + 2] === 2;
  }

  observe(out: Floats, at: number): void {
    out[at] = this.sum(player);
    out[at + 1] = this.state[shown];
    out[at + 2] = this.hasUsableAce(player) ? 1 : 0;
  }

  render(): string {
    const soft = this.hasUsableAce(player) ? " (soft)" : "";
    const theirs = this.terminated ? this.sum(dealer) : this.state[shown];
    return `player ${this.sum(player)}${soft}, dealer ${theirs}`;
  }
}
