/** Tasks of environments by name: settings, and presets for each algorithm. */
import { choice, flag, integer, real, reals, sizes, text } from "../core/settings.ts";
import { Acrobot } from "../envs/acrobot.ts";
import { Bandit } from "../envs/bandit.ts";
import { Blackjack } from "../envs/blackjack.ts";
import { Breakout } from "../envs/breakout.ts";
import { CartPole } from "../envs/cartpole.ts";
import { Catch } from "../envs/catch.ts";
import { CliffWalking } from "../envs/cliff-walking.ts";
import { ConnectFour, randomOpponent } from "../envs/connect-four.ts";
import { searchOpponent } from "../envs/connect-four-search.ts";
import { Crossing } from "../envs/crossing.ts";
import { Dive } from "../envs/dive.ts";
import { Dodge } from "../envs/dodge.ts";
import { Driving, type DrivingOptions } from "../envs/driving.ts";
import { FrozenLake } from "../envs/frozen-lake.ts";
import { Game2048 } from "../envs/game-2048.ts";
import { Lander, type LanderOptions } from "../envs/lander.ts";
import { Line } from "../envs/line.ts";
import { MountainCar } from "../envs/mountain-car.ts";
import { MountainCarContinuous } from "../envs/mountain-car-continuous.ts";
import { Pendulum } from "../envs/pendulum.ts";
import { Portfolio } from "../envs/portfolio.ts";
import { parsePrices } from "../envs/prices.ts";
import { Reacher } from "../envs/reacher.ts";
import { Recommend } from "../envs/recommend.ts";
import { Shoot } from "../envs/shoot.ts";
import { Taxi } from "../envs/taxi.ts";
import { presets } from "./presets.ts";
import { environmentTask } from "./task.ts";

const maxSteps = (n: number) => ({
  maxSteps: integer(n, "an episode is cut short after this many steps", { min: 1, max: 1_000_000 }),
});

export const environmentTasks = {
  line: environmentTask({
    about: "walk along positions 0 to 10 to the middle and stay there (the article's example)",
    settings: {
      start: choice("zero", ["zero", "uniform"], "where episodes start: position 0, or anywhere"),
      end: choice("none", ["none", "article"], "article: terminate at position 10 too"),
      ...maxSteps(50),
    },
    make: (values) => new Line(values),
    algo: "reinforce",
    steps: 80_000,
    presets: presets.line,
  }),
  bandit: environmentTask({
    about: "choose among arms with noisy rewards, one choice an episode",
    settings: {
      means: reals([0, 0.25, 0.5, 0.75, 1], "mean reward of each arm"),
      deviation: real(1, "standard deviation of every arm's reward", { min: 0 }),
    },
    make: (values) => new Bandit(values),
    algo: "reinforce",
    steps: 32_000,
    presets: presets.bandit,
  }),
  cartpole: environmentTask({
    about: "balance a pole on a cart (CartPole-v1)",
    settings: {
      velocities: flag(true, "observe velocities too"),
      ...maxSteps(500),
    },
    make: (values) => new CartPole(values),
    algo: "ppo",
    steps: 100_000,
    presets: presets.cartpole,
    solved: 475,
  }),
  acrobot: environmentTask({
    about: "swing a two-link arm up by its elbow (Acrobot-v1)",
    settings: maxSteps(500),
    make: (values) => new Acrobot(values),
    algo: "ppo",
    steps: 150_000,
    presets: presets.acrobot,
    solved: -100,
  }),
  "mountain-car": environmentTask({
    about: "drive an underpowered car up a hill (MountainCar-v0)",
    settings: maxSteps(200),
    make: (values) => new MountainCar(values),
    algo: "ppo",
    steps: 1_000_000,
    presets: presets["mountain-car"],
    solved: -115,
  }),
  "mountain-car-continuous": environmentTask({
    about: "the same with a force to choose (MountainCarContinuous-v0)",
    settings: maxSteps(999),
    make: (values) => new MountainCarContinuous(values),
    algo: "ppo",
    steps: 100_000,
    presets: presets["mountain-car-continuous"],
    solved: 88,
  }),
  pendulum: environmentTask({
    about: "swing a pendulum up and hold it (Pendulum-v1)",
    settings: maxSteps(200),
    make: (values) => new Pendulum(values),
    algo: "ppo",
    steps: 200_000,
    presets: presets.pendulum,
    solved: -200,
  }),
  reacher: environmentTask({
    about: "bring the tip of a two-link arm to a target and hold it there",
    settings: {
      within: real(0.1, "distance in m from the target that counts as reached", { min: 0 }),
      ...maxSteps(100),
    },
    make: (values) => new Reacher(values),
    algo: "ppo",
    steps: 1_000_000,
    presets: presets.reacher,
  }),
  lander: environmentTask({
    about: "set a craft with two legs down on a pad",
    settings: {
      actions: choice("discrete", ["discrete", "continuous"], "one engine a step, or two powers"),
      wind: real(0, "greatest acceleration by wind, m/s²", { min: 0, max: 10 }),
      ...maxSteps(600),
    },
    make: (values) => new Lander(values as LanderOptions),
    algo: "ppo",
    steps: 500_000,
    presets: presets.lander,
  }),
  driving: environmentTask({
    about: "drive fast and safely on a ring road, among cars some of which cut in",
    settings: {
      actions: choice("manoeuvres", ["manoeuvres", "controls"], "lane and speed, or the pedals"),
      sensors: choice("neighbours", ["neighbours", "lidar"], "the nearest cars by lane, or rays"),
      cars: integer(45, "other cars", { min: 0, max: 200 }),
      careless: real(0.5, "share of drivers who cut in", { min: 0, max: 1 }),
      seconds: real(60, "an episode is cut short after this time", { min: 1, max: 36_000 }),
    },
    make: (values) => new Driving(values as DrivingOptions),
    algo: "ppo",
    steps: 1_000_000,
    presets: presets.driving,
  }),
  "frozen-lake": environmentTask({
    about: "cross slippery ice (FrozenLake-v1)",
    settings: {
      map: choice("4x4", ["4x4", "8x8"], "which lake"),
      slippery: flag(true, "moves may go to either side"),
    },
    make: (values) => new FrozenLake(values),
    algo: "ppo",
    steps: 300_000,
    presets: presets["frozen-lake"],
    solved: 0.7,
  }),
  "cliff-walking": environmentTask({
    about: "walk along a cliff to the goal (CliffWalking-v1)",
    settings: { slippery: flag(false, "moves may go to either side"), ...maxSteps(200) },
    make: (values) => new CliffWalking(values),
    algo: "ppo",
    steps: 100_000,
    presets: presets["cliff-walking"],
  }),
  taxi: environmentTask({
    about: "fetch a passenger and bring them where they want to go (Taxi-v4)",
    settings: { rainy: flag(false, "moves may go to either side"), ...maxSteps(200) },
    make: (values) => new Taxi(values),
    algo: "ppo",
    steps: 500_000,
    presets: presets.taxi,
  }),
  blackjack: environmentTask({
    about: "draw cards up to 21 against a dealer (Blackjack-v1)",
    settings: {
      sab: flag(true, "Sutton & Barto's rules: a natural alone wins (as Gymnasium registers it)"),
      natural: flag(false, "without sab, a natural pays 1.5"),
    },
    make: (values) => new Blackjack(values),
    algo: "ppo",
    steps: 1_000_000,
    presets: presets.blackjack,
  }),
  catch: environmentTask({
    about: "catch a falling ball, seen as image planes",
    settings: {
      rows: integer(10, "rows of the image", { min: 2, max: 100 }),
      columns: integer(5, "columns of the image", { min: 1, max: 100 }),
    },
    make: (values) => new Catch(values),
    algo: "ppo",
    steps: 100_000,
    presets: presets.catch,
    solved: 0.95,
  }),
  breakout: environmentTask({
    about: "break bricks with a ball, seen as image planes of 10×10",
    settings: {
      sticky: real(0.1, "probability that the last action is done again", { min: 0, max: 1 }),
      ...maxSteps(1000),
    },
    make: (values) => new Breakout(values),
    algo: "ppo",
    steps: 300_000,
    presets: presets.breakout,
  }),
  dodge: environmentTask({
    about: "keep out of the way of stones, seen as image planes of 10×10",
    settings: maxSteps(500),
    make: (values) => new Dodge(values),
    algo: "ppo",
    steps: 200_000,
    presets: presets.dodge,
  }),
  shoot: environmentTask({
    about: "shoot down drones before they land, seen as image planes of 10×10",
    settings: maxSteps(1000),
    make: (values) => new Shoot(values),
    algo: "ppo",
    steps: 800_000,
    presets: presets.shoot,
  }),
  crossing: environmentTask({
    about: "cross a road of eight lanes, seen as image planes of 10×10",
    settings: maxSteps(500),
    make: (values) => new Crossing(values),
    algo: "ppo",
    steps: 600_000,
    presets: presets.crossing,
  }),
  dive: environmentTask({
    about: "bring pearls up before the air runs out, seen as image planes of 10×10",
    settings: maxSteps(500),
    make: (values) => new Dive(values),
    algo: "ppo",
    steps: 500_000,
    presets: presets.dive,
  }),
  "game-2048": environmentTask({
    about: "slide and merge tiles, which come by chance, up to 2048 and beyond",
    settings: {
      reward: choice("score", ["score", "log2"], "of a merge: the new tile's number, or its log2"),
      ...maxSteps(10_000),
    },
    make: (values) => new Game2048(values),
    algo: "ppo",
    steps: 200_000,
    presets: presets["game-2048"],
  }),
  "connect-four": environmentTask({
    about:
      "four in a row, learned by playing against past selves; evaluated against random play or search",
    settings: {
      opponent: choice("random", ["random", "search"], "who plays against it in evaluations"),
      depth: integer(4, "stones that the search looks ahead", { min: 1, max: 12 }),
      sparring: sizes(
        [],
        "depths of searches that are met in training, too: four environments by turns",
      ),
    },
    make: ({ opponent, depth }) =>
      new ConnectFour({
        opponent: opponent === "search" ? searchOpponent(depth) : randomOpponent,
      }),
    algo: "ppo",
    steps: 300_000,
    presets: presets["connect-four"],
    seatOpponents: (env, past, e, { sparring }) => {
      const all = [past, ...(sparring as readonly number[]).map(searchOpponent)];
      (env as ConnectFour).opponent = all[Math.floor(e / 4) % all.length];
    },
  }),
  recommend: environmentTask({
    about: "show slates of items to visitors whose interests drift; clicks and stay are rewarded",
    settings: {
      items: integer(10, "items to choose from", { min: 1, max: 1000 }),
      topics: integer(5, "topics they are on", { min: 1, max: 100 }),
      slate: integer(3, "items a page", { min: 1, max: 20 }),
      drift: real(0.05, "probability that the favorite topic changes", { min: 0, max: 1 }),
      ...maxSteps(100),
    },
    make: (values) => new Recommend(values),
    algo: "ppo",
    steps: 400_000,
    presets: presets.recommend,
  }),
  portfolio: environmentTask({
    about:
      "spread wealth over assets with trading costs (--set prices=@FILE.csv for prices of your own)",
    settings: {
      prices: text(
        "",
        "CSV: a header, then a row a time with a price an asset; none: made-up prices",
      ),
      from: real(0, "first part of the price series used", { min: 0, max: 1 }),
      to: real(1, "last part of the price series used", { min: 0, max: 1 }),
      window: integer(8, "steps of past returns seen", { min: 1, max: 1000 }),
      cost: real(0.001, "of what is traded", { min: 0, max: 0.49 }),
      choice: flag(false, "hold one asset or cash, in place of weights"),
      ...maxSteps(64),
    },
    make: ({ prices, ...values }) =>
      new Portfolio(prices === "" ? values : { ...values, prices: parsePrices(prices) }),
    algo: "ppo",
    steps: 400_000,
    presets: presets.portfolio,
  }),
};
export type EnvironmentTaskName = keyof typeof environmentTasks;
