/** Games by hand-made positions. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { Blackjack, type BlackjackOptions } from "../../src/envs/blackjack.ts";
import { seen, stepFrom } from "../support/seen.ts";

/** Cards that a fresh generator deals. */
const deal = (seed: number) => {
  const random = new Random(seed);
  return (): number => Math.min(1 + random.below(13), 10);
};
describe("Blackjack", () => {
  const stick = (state: number[], options: BlackjackOptions = {}): number => {
    const env = new Blackjack(options);
    const { reward, terminated, success } = stepFrom(env, state, 0);
    expect([terminated, success]).toEqual([true, reward > 0]);
    return reward;
  };
  const hard = (sum: number, cards = 3): number[] => [sum, 0, cards];
  test("closer to 21 wins, the same is drawn, a dealer above 21 loses", () => {
    expect(stick([...hard(20), ...hard(19), 10])).toBe(1);
    expect(stick([...hard(19), ...hard(19), 10])).toBe(0);
    expect(stick([...hard(18), ...hard(19), 10])).toBe(-1);
    expect(stick([...hard(12), ...hard(22), 10])).toBe(1);
    expect(stick([...hard(20), 11, 1, 3, 1])).toBe(-1); // 21 with an ace that counts 11
    expect(stick([11, 1, 3, ...hard(20), 10])).toBe(1);
    expect(stick([12, 1, 3, ...hard(17), 10])).toBe(-1); // an ace of 11 would be 22
  });
  test("a natural beats 21 of more cards under Sutton & Barto's rules alone; else it may pay 1.5", () => {
    const natural = [11, 1, 2];
    const over = [...natural, ...hard(21), 10];
    expect([
      stick(over),
      stick(over, { sab: false }),
      stick(over, { sab: false, natural: true }),
    ]).toEqual([1, 0, 0]);
    const wins = [...natural, ...hard(20), 10];
    expect([stick(wins), stick(wins, { natural: true }), stick(wins, { sab: false })]).toEqual([
      1, 1, 1,
    ]);
    expect(stick(wins, { sab: false, natural: true })).toBe(1.5);
    expect(stick([...natural, ...natural, 1])).toBe(0);
    expect(stick([...hard(21), ...hard(20), 10], { sab: false, natural: true })).toBe(1);
    expect(stick([...hard(21), ...hard(21), 10])).toBe(0); // three cards are none
    const loses = [...hard(20), ...natural, 1];
    expect(stick(loses, { sab: false, natural: true })).toBe(-1);
  });
  test("the dealer draws up to 17, an ace counting 11 where it can", () => {
    const env = new Blackjack();
    for (let seed = 0; seed < 30; seed++) {
      for (const [sum, ace] of [
        [5, 0],
        [16, 0],
        [6, 1],
        [7, 1],
        [17, 0],
      ]) {
        env.startFrom([...hard(20), sum, ace, 2, 5]);
        env.seed(seed);
        env.act([0], 0);
        const card = deal(seed);
        let [total, hasAce, cards] = [sum, ace === 1, 2];
        const worth = (): number => (hasAce && total <= 11 ? total + 10 : total);
        while (worth() < 17) {
          const drawn = card();
          total += drawn;
          hasAce ||= drawn === 1;
          cards++;
        }
        expect([...env.state.subarray(3, 6)]).toEqual([total, Number(hasAce), cards]);
      }
    }
  });
  test("a hit draws one card, and above 21 loses at once", () => {
    const env = new Blackjack();
    for (let seed = 0; seed < 30; seed++) {
      env.startFrom([...hard(15), ...hard(10), 10]);
      env.seed(seed);
      env.act([1], 0);
      const card = deal(seed)();
      expect([...env.state.subarray(0, 3)]).toEqual([15 + card, Number(card === 1), 4]);
      expect([env.terminated, env.reward, env.success]).toEqual([
        card > 6,
        card > 6 ? -1 : 0,
        false,
      ]);
    }
  });
  test("the dealer is dealt first, and shows the first card; what is seen", () => {
    const env = new Blackjack();
    for (let seed = 0; seed < 30; seed++) {
      env.reset({ seed });
      const card = deal(seed);
      const [a, b, c, d] = [card(), card(), card(), card()];
      const ace = (x: number, y: number): number => Number(x === 1 || y === 1);
      expect([...env.state]).toEqual([c + d, ace(c, d), 2, a + b, ace(a, b), 2, a]);
      const soft = ace(c, d) === 1 ? 10 : 0;
      expect(seen(env)).toEqual([c + d + soft, a, ace(c, d)]);
    }
    env.startFrom([12, 1, 3, 9, 0, 2, 4]);
    expect(seen(env)).toEqual([12, 4, 0]);
    expect(env.render()).toBe("player 12, dealer 4");
    env.startFrom([11, 1, 3, 18, 0, 2, 4]);
    expect(env.render()).toBe("player 21 (soft), dealer 4");
    env.act([0], 0);
    expect(env.render()).toBe("player 21 (soft), dealer 18");
  });
});
