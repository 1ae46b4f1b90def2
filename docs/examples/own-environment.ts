/** An environment of your own, checked and then solved by PPO: a heater keeps a room at 20 °C. */
import * as pg from "pigrad";

const seed = 1;

class Room extends pg.Dynamics {
  readonly observationSpace = pg.box(-2, 2, [1]);
  readonly actionSpace = pg.discrete(2); // heater off, heater on
  readonly state = new Float64Array(1); // temperature in °C

  constructor() {
    super(50); // steps per episode
  }

  protected begin(): void {
    this.state[0] = 10 + 20 * this.random.uniform();
  }

  protected advance(actions: ArrayLike<number>, at: number): void {
    const heating = actions[at] === 1 ? 3 : 0;
    const cooling = 0.1 * (this.state[0] - 5); // outside it is 5 °C
    this.state[0] += heating - cooling;
    this.reward = -Math.abs(this.state[0] - 20);
  }

  observe(out: pg.Floats, at: number): void {
    out[at] = (this.state[0] - 20) / 10;
  }

  render(): string {
    return `${this.state[0].toFixed(1)} °C`;
  }
}

pg.checkEnv(() => new Room()); // throws if the environment breaks a rule, such as one seed, one trajectory

const random = new pg.Random(seed);
const env = new pg.VectorEnv(Array.from({ length: 8 }, () => new Room()));
env.seed(random);
const { observationSpace: observation, actionSpace: action } = env.envs[0];
const options = { observation, action, hidden: [32], critic: true };
const model = new pg.ActorCritic(pg.simd(), options, random);
const training = new pg.Training(model, env, random, 40_000);
const settings = pg.settle(pg.ppoSettings, { learningRate: 0.003, rollout: 64, gamma: 0.9 });
for (const report of pg.ppo(training, settings)) {
  if (report.update % 8 === 0)
    console.log(`step ${report.envSteps}: mean return ${report.meanReturn.toFixed(1)}`);
  if (report.envSteps >= training.totalSteps) break;
}
const { meanReturn } = pg.evaluate(model, env, { episodes: 100, seed, greedy: true });
console.log(`greedy: mean return ${meanReturn.toFixed(1)}`);
