// @ts-check
/** Land softly: thrust costs fuel, and gravity pulls. */

const [gravity, thrust, softest] = [0.02, 0.05, -0.1];

export class Lander {
  observationSpace = /** @type {const} */ ({ type: "Box", low: -2, high: 2, shape: [2] });
  actionSpace = /** @type {const} */ ({ type: "Discrete", n: 2, names: ["fall", "thrust"] });
  random = 1;
  height = 1;
  speed = 0;
  steps = 0;

  /** @param {{ fuel: number }} settings */
  constructor({ fuel }) {
    this.fuel = fuel;
  }

  /** @param {{ seed?: number }} options */
  reset({ seed } = {}) {
    if (seed !== undefined) this.random = (seed % 2147483646) + 1;
    this.random = (this.random * 16807) % 2147483647;
    this.height = 0.5 + 0.5 * (this.random / 2147483647);
    this.speed = 0;
    this.steps = 0;
    return this.observation();
  }

  observation() {
    return new Float32Array([this.height, this.speed]);
  }

  /**
   * @param {number} action
   * @returns {[Float32Array, number, boolean, boolean, { success: boolean }]} observation, reward, terminated, truncated, info
   */
  step(action) {
    this.speed += action * thrust - gravity;
    this.height = Math.min(2, this.height + this.speed);
    const landed = this.height <= 0;
    const success = landed && this.speed >= softest;
    const outcome = landed ? (success ? 1 : Math.max(-1, 5 * this.speed)) : 0;
    const late = ++this.steps >= 100;
    return [this.observation(), outcome - action * this.fuel, landed, late, { success }];
  }

  /** Lets a resumed run go on within an episode. */
  save() {
    return [this.random, this.height, this.speed, this.steps];
  }

  /** @param {number[]} saved */
  restore([random, height, speed, steps]) {
    Object.assign(this, { random, height, speed, steps });
  }

  /** For `pigrad play`. */
  render() {
    const row = Math.round(5 * Math.max(0, this.height));
    const sky = Array.from({ length: 11 }, (_, i) => (10 - i === row ? "   ●" : ""));
    return `${sky.join("\n")}\n▂▂▂▂▂▂▂ speed ${this.speed.toFixed(2)}`;
  }
}

/** @type {import("pigrad").EnvironmentDefinition} */
const task = {
  about: "land softly",
  settings: { fuel: { default: 0.01, about: "cost of a thrust", min: 0, max: 1 } },
  environment: (/** @type {{ fuel: number }} */ settings) => new Lander(settings),
  names: { observation: ["height", "speed"] },
  steps: 100_000,
};
export default task;
