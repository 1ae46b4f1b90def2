/** Portfolio, prices and Recommend: each number a second time. */
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Portfolio, type PortfolioOptions } from "../../src/envs/portfolio.ts";
import { parsePrices, syntheticPrices } from "../../src/envs/prices.ts";
import { Recommend } from "../../src/envs/recommend.ts";
import { mustBeNear, seen, stepFrom } from "../support/seen.ts";

const { exp, log, abs } = Math;

describe("Portfolio", () => {
  const table = Array.from({ length: 12 }, (_, t) => [
    100 + 7 * t,
    50 * 1.1 ** t * (t % 3 === 1 ? 0.9 : 1),
  ]);
  const prices = { names: ["a", "b"], data: Float64Array.from(table.flat()) };
  const make = (o: PortfolioOptions = {}): Portfolio =>
    new Portfolio({ prices, window: 3, maxSteps: 2, cost: 0.01, ...o });
  /** Wealth by its parts: sell and buy at a cost, then let each part grow. */
  const next = (time: number, held: readonly number[], wanted: readonly number[], cost = 0.01) => {
    const traded = [1, 2].reduce((sum, j) => sum + abs(wanted[j] - held[j]), 0);
    const wealth = [
      1,
      table[time + 1][0] / table[time][0],
      table[time + 1][1] / table[time][1],
    ].map((growth, j) => (1 - cost * traded) * wanted[j] * growth);
    const total = wealth.reduce((a, b) => a + b);
    return { weights: wealth.map((w) => w / total), reward: log(total) };
  };
  test("logits, kept within ±5, are weights; the reward is ln of the growth less the cost", () => {
    for (const logits of [
      [0, 1, -2],
      [7, -9, 5],
    ]) {
      const parts = logits.map((x) => exp(Math.max(-5, Math.min(5, x))));
      const wanted = parts.map((x) => x / parts.reduce((a, b) => a + b));
      const held = [0.5, 0.2, 0.3];
      for (const cost of [0.01, 0]) {
        const got = stepFrom(make({ cost }), [4, ...held], logits);
        const want = next(4, held, wanted, cost);
        mustBeNear(got.state, [5, ...want.weights]);
        expect(got.reward).toBeCloseTo(want.reward, 10);
        expect([got.terminated, got.success]).toEqual([false, null]);
      }
    }
  });
  test("a choice is all of it", () => {
    const env = make({ choice: true });
    expect(env.actionSpace).toMatchObject({ kind: "discrete", n: 3 });
    for (const choice of [0, 1, 2]) {
      const wanted = [0, 1, 2].map((j) => Number(j === choice));
      const held = [0.5, 0.2, 0.3];
      const got = stepFrom(env, [4, ...held], choice);
      const want = next(4, held, wanted);
      mustBeNear(got.state, [5, ...want.weights]);
      expect(got.reward).toBeCloseTo(want.reward, 10);
    }
    expect(make().actionSpace).toMatchObject({ kind: "box", shape: [3] });
  });
  test("observes the window's returns in percent, oldest first, then the weights", () => {
    const env = make();
    env.startFrom([5, 0.5, 0.2, 0.3]);
    const percent = (t: number): number[] =>
      [0, 1].map((j) => 100 * log(table[t + 1][j] / table[t][j]));
    mustBeNear(seen(env), [...percent(2), ...percent(3), ...percent(4), 0.5, 0.2, 0.3], 5);
    expect(env.observationSpace.size).toBe(9);
    expect([...env.observationSpace.high]).toEqual([...new Array(6).fill(Infinity), 1, 1, 1]);
    expect([...env.observationSpace.low]).toEqual([...new Array(6).fill(-Infinity), 0, 0, 0]);
    expect(env.render()).toBe("time 5: cash 50%, a 20%, b 30%");
  });
  test("starts in cash, at any time with a window before it and an episode after it, in its part of the times", () => {
    const times = (o: PortfolioOptions): number[] => {
      const env = make(o);
      const all = Array.from({ length: 200 }, (_, seed) => {
        env.seed(seed);
        env.start();
        expect([...env.state.subarray(1)]).toEqual([1, 0, 0]);
        return env.state[0];
      });
      return [Math.min(...all), Math.max(...all), new Set(all).size];
    };
    expect(times({})).toEqual([3, 9, 7]); // 12 − 2 − 3 of them; from 9, two steps reach 11
    expect(times({ from: 0.25 })).toEqual([6, 9, 4]);
    expect(times({ to: 0.75 })).toEqual([3, 6, 4]);
    expect(times({ to: 0.75, from: 0.25 })).toEqual([6, 6, 1]);
    const env = make();
    env.seed(8);
    env.start();
    expect(env.state[0]).toBe(3 + new Random(8).below(7));
  });
  test("refuses too few times, parts and windows that are none, and costs from a half", () => {
    const bad: PortfolioOptions[] = [
      { to: 0.75, from: 0.4 },
      { from: -0.1 },
      { to: 1.2 },
      { window: 0 },
      { maxSteps: 9 },
      { cost: 0.5 },
      { cost: -0.01 },
    ];
    for (const o of bad) expect(() => make(o)).toThrow(RangeError);
    make({ maxSteps: 8 });
    make({ cost: 0.49 });
    expect(() => make({ from: 0.5, to: 0.6 })).toThrow("expected 6 times");
  });
  test("the defaults: three made-up assets, a window of 8, a cost of 0.001, 64 steps", () => {
    const env = new Portfolio();
    expect([env.names.length, env.observationSpace.size, env.maxSteps]).toEqual([3, 28, 64]);
    const { data } = syntheticPrices();
    const growth = data[3 * 101] / data[3 * 100];
    const { reward } = stepFrom(new Portfolio({ choice: true }), [100, 1, 0, 0, 0], 1);
    expect(reward).toBeCloseTo(log(0.999 * growth), 10);
  });
});

describe("prices", () => {
  test("tables by hand: names, dates left out, quotes, spaces, both line ends", () => {
    expect(parsePrices("a,b\n1,2\n3,4\n")).toEqual({
      names: ["a", "b"],
      data: Float64Array.of(1, 2, 3, 4),
    });
    expect(parsePrices('"date", "a" ,b\r\n2020-01-01, 1 ,"2"\r\nd2,3,4e1\r\n\n')).toEqual({
      names: ["a", "b"],
      data: Float64Array.of(1, 2, 3, 40),
    });
    expect(parsePrices('a"b",c\n1,2\n3,4').names).toEqual(['a"b"', "c"]);
    expect(parsePrices("day,a\n,5\n,6").names).toEqual(["a"]); // an empty field is no number
  });
  test("what is no table of prices is refused, with its line", () => {
    const fault = (text: string): string => {
      try {
        parsePrices(text);
      } catch (error) {
        if (error instanceof FormatError) return error.message;
      }
      return "let through";
    };
    expect(fault("a\n1")).toContain("at least two rows");
    expect(fault("date\nd1\nd2")).toContain("line 1");
    expect(fault("a,b\n1,2\n3")).toContain("line 3: expected 2 fields, got 1");
    expect(fault("a,b\n1,2\n3,4,5")).toContain("line 3: expected 2 fields, got 3");
    for (const bad of ["0", "-1", "x", "", "Infinity", "NaN"])
      expect(fault(`d,a\nx,1\ny,${bad}`)).toContain("line 3: expected a price above 0");
    expect(fault(`${",".repeat(400)}\n1\n2`)).toContain("cannot hold 2 rows");
    expect(parsePrices("a\n1\n2").data.length).toBe(2);
  });
  test("made-up prices: trends of ±0.006 that turn with probability 0.04, noise of 0.01, from 100", () => {
    const { names, data } = syntheticPrices({ assets: 2, times: 300, seed: 5 });
    expect([names, data.length]).toEqual([["asset1", "asset2"], 600]);
    const random = new Random(5);
    const want = [0, 1].map(() => {
      let direction = random.below(2) === 0 ? 1 : -1;
      let price = 100;
      return Array.from({ length: 300 }, () => {
        const now = price;
        if (random.uniform() < 0.04) direction *= -1;
        price *= exp(0.006 * direction + 0.01 * random.normal());
        return now;
      });
    });
    for (const [j, list] of want.entries())
      for (const [t, price] of list.entries()) expect(data[2 * t + j] / price).toBeCloseTo(1, 9);
    const plain = syntheticPrices();
    expect([plain.names.length, plain.data.length]).toEqual([3, 12_000]);
    expect(plain.data).toEqual(syntheticPrices({ assets: 3, times: 4000, seed: 1 }).data);
  });
});

describe("Recommend", () => {
  const items = 4;
  const topics = 2;
  const make = (drift = 0.3): Recommend => new Recommend({ items, topics, slate: 3, drift });
  /** [favorite, interests, clicks, shares] */
  const state = [0, 0.9, 0.4, 0.5, 0.25, 0.6, 0.3];
  test("a page by its definition: clicks by a multinomial logit, tiring, recovery, drift, leaving", () => {
    const env = make();
    const met = { clicks: 0, none: 0, moved: 0, left: 0 };
    for (let seed = 0; seed < 200; seed++) {
      const slate = [
        [0, 1, 3],
        [2, 2, 1],
        [3, 1, 3],
        [1, 0, 0],
      ][seed % 4];
      env.startFrom(state);
      env.seed(seed);
      env.act([9, ...slate], 1);
      const random = new Random(seed);
      const weights = slate.map((item, i) =>
        slate.indexOf(item) < i ? 0 : exp(4 * state[1 + (item % 2)] + env.appeal[item]),
      );
      let left = random.uniform() * (weights.reduce((a, b) => a + b) + exp(2.5));
      const clicked = weights.findIndex((w) => {
        left -= w;
        return left < 0;
      });
      const interest = [state[1], state[2]];
      const seenNow = [3, 4, 5, 6].map((i) => 0.8 * state[i]);
      for (const item of slate) seenNow[2 + (item % 2)] += 0.2 / 3;
      if (clicked >= 0) {
        interest[slate[clicked] % 2] *= 0.7;
        seenNow[slate[clicked] % 2] += 0.2;
      }
      const favorite = random.uniform() < 0.3 ? random.below(2) : 0;
      for (const topic of [0, 1])
        interest[topic] += 0.1 * (Number(topic === favorite) - interest[topic]);
      const leaves = random.uniform() < (clicked >= 0 ? 0.03 : 0.2);
      mustBeNear(env.state, [favorite, ...interest, ...seenNow]);
      expect(env.terminated).toBe(leaves);
      expect(env.reward).toBeCloseTo(Number(clicked >= 0) + (leaves ? 0 : 0.1), 12);
      if (clicked >= 0) met.clicks++;
      else met.none++;
      if (favorite !== 0) met.moved++;
      if (leaves) met.left++;
    }
    expect(Object.values(met).every((n) => n > 2)).toBe(true);
  });
  test("starts with one favorite of full interest; shows fading averages alone", () => {
    const env = make();
    for (const seed of [1, 2, 3]) {
      env.reset({ seed });
      const favorite = new Random(seed).below(2);
      expect([...env.state]).toEqual([favorite, 1 - favorite, favorite, 0, 0, 0, 0]);
    }
    env.startFrom(state);
    mustBeNear(seen(env), [0.5, 0.25, 0.6, 0.3], 6);
    expect(env.render()).toBe(
      [
        "interest    90%  40%",
        "clicked     50%  25%",
        "shown       60%  30%",
        "favorite topic 0",
      ].join("\n"),
    );
  });
  test("the items' appeals are the same for everyone, within ±0.5; sizes and their defaults", () => {
    const catalog = new Random(1);
    mustBeNear(
      make().appeal,
      [0, 1, 2, 3].map(() => catalog.uniform() - 0.5),
    );
    const env = new Recommend();
    expect([env.actionSpace.choices, env.observationSpace.size, env.maxSteps]).toEqual([
      [10, 10, 10],
      10,
      100,
    ]);
    expect(() => new Recommend({ topics: 0 })).toThrow(RangeError);
    expect(() => new Recommend({ topics: 5, items: 4 })).toThrow(RangeError);
    expect(new Recommend({ topics: 5, items: 5 }).appeal.length).toBe(5);
    new Recommend({ topics: 1 }).reset();
    const still = make(0);
    for (let seed = 0; seed < 30; seed++) {
      still.startFrom(state);
      still.seed(seed);
      still.act([0, 1, 2], 0);
      expect(still.state[0]).toBe(0);
    }
    let moved = 0;
    const plain = new Recommend();
    for (let seed = 0; seed < 400; seed++) {
      plain.startFrom([3, ...new Array(15).fill(0)]);
      plain.seed(seed);
      plain.act([0, 1, 2], 0);
      if (plain.state[0] !== 3) moved++;
    }
    expect(moved).toBeGreaterThan(5); // 0.05 · 4/5 of 400 are 16
    expect(moved).toBeLessThan(30);
  });
});
