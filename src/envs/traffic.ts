/**
 * Cars on a ring road with lanes. Each follows the car before it by the intelligent driver model, and changes lanes where that
 * lets it accelerate and does not make others brake hard. Car 0 is ours, which others treat as any car.
 *
 * Places are s, meters along the rightmost lane's center, and d, meters to the left of it; angles and curvatures
 * are counterclockwise. Numbers are in meters and seconds.
 */
import { square } from "../core/math.ts";
import type { Random } from "../core/random.ts";

/** Two straights and two half circles to the left, along the rightmost lane. */
const straight = 200;
const radius = 200;
const half = straight + Math.PI * radius;
export const road = { length: 2 * half, laneWidth: 3.6, curvature: 1 / radius };
export const car = { length: 4.6, width: 1.9 };

/** Returns the curvature of the rightmost lane at s. */
export const curvatureAt = (s: number): number =>
  s - half * Math.floor(s / half) < straight ? 0 : road.curvature;

/** Returns s brought to 0 … the ring's length. */
export const around = (s: number): number => s - road.length * Math.floor(s / road.length);

/** Returns the way from s to t, the shorter way round. */
export const between = (s: number, t: number): number => {
  const way = around(t - s);
  return way > road.length / 2 ? way - road.length : way;
};

/** The numbers of a car in the list of all: place, speed, the lane it keeps or moves to, what its driver wants. */
export const field = { s: 0, d: 1, speed: 2, lane: 3, desired: 4, careless: 5 } as const;
export const fields = 6;

/** Of the intelligent driver model, for cars; `exponent` is 4. */
export interface Driver {
  /** Seconds to the car before. */
  readonly headway: number;
  /** Meters to a car that stands. */
  readonly standstill: number;
  readonly acceleration: number;
  readonly braking: number;
}
export const usual: Driver = { headway: 1.2, standstill: 2, acceleration: 1.5, braking: 2 };
export const hardest = 8; // braking that tires hold

/**
 * Returns the intelligent driver model's acceleration: Treiber, Hennecke & Helbing 2000, arXiv:cond-mat/0002177.
 *
 *   a·(1 − (v/v₀)⁴ − (wish / gap)²)      wish = s₀ + max(0, v·T + v·Δv / (2·√(a·b)))
 *
 * `desired` is v₀; `gap` is from bumper to bumper, Infinity without a car ahead; `closing` is Δv, positive when coming
 * nearer.
 */
export function followed(
  driver: Driver,
  desired: number,
  speed: number,
  gap: number,
  closing: number,
): number {
  const { headway, standstill, acceleration: a, braking } = driver;
  const wish =
    standstill + Math.max(0, speed * headway + (speed * closing) / (2 * Math.sqrt(a * braking)));
  const free = 1 - square(square(speed / desired));
  return Math.max(-hardest, a * (free - square(wish / Math.max(gap, 0.1))));
}

const overlap = 2.2; // of centers' d, below which a car is in the way
const gain = 0.2; // acceleration that a change must bring
const polite = 0.3; // weight of what the car behind loses
const bearable = 2; // braking that a change may ask of the car behind
/** Times a second that a driver considers a change, the least gap, sideways speed: with care, and without. */
const careful = { rate: 1, gap: 4, drift: 1.2 };
const careless = { rate: 0.3, gap: 1, drift: 2.4 };

export class Traffic {
  /** [cars, fields] */
  readonly cars: Float64Array;
  readonly lanes: number;
  private readonly accelerations: Float64Array;
  /** The cars by s, and each car's place among them. */
  private readonly order: Int32Array;
  private readonly rank: Int32Array;

  constructor(cars: Float64Array, lanes: number) {
    this.cars = cars;
    this.lanes = lanes;
    const count = cars.length / fields;
    this.accelerations = new Float64Array(count);
    this.order = Int32Array.from({ length: count }, (_, i) => i);
    this.rank = new Int32Array(count);
  }

  /** Spreads the cars evenly over the lanes, ours on any, with speeds that their drivers want, 16 to 26 m/s; `share` are careless. */
  spread(random: Random, share: number): void {
    const { cars, lanes } = this;
    const count = cars.length / fields;
    const spacing = road.length / Math.ceil(count / lanes);
    const first = random.below(lanes);
    for (let i = 0; i < count; i++) {
      const lane = (first + i) % lanes;
      const desired = 16 + 3 * lane + 4 * random.uniform();
      const s = Math.floor(i / lanes) * spacing + spacing * (lane / lanes + 0.5 * random.uniform());
      const cares = random.uniform() < share ? 1 : 0;
      cars.set([around(s), lane * road.laneWidth, desired, lane, desired, cares], i * fields);
    }
    this.arrange();
  }

  /** Sorts the cars along the road, as `nearest` needs after any has moved. Cars that are level stand in their own order. */
  arrange(): void {
    const { order, rank } = this;
    for (let k = 1; k < order.length; k++) {
      const car = order[k];
      let to = k;
      while (to > 0 && this.isBefore(car, order[to - 1])) order[to] = order[--to];
      order[to] = car;
    }
    for (let k = 0; k < order.length; k++) rank[order[k]] = k;
  }
  private isBefore(i: number, j: number): boolean {
    const way = this.cars[i * fields] - this.cars[j * fields];
    return way < 0 || (way === 0 && i < j);
  }

  /**
   * Returns the nearest car ahead of car i, or behind, of those in the way at d; −1 for none within half the ring. Without
   * `foresees` a car that moves there counts from when it is there.
   */
  nearest(i: number, d: number, ahead: boolean, foresees = true): number {
    const { cars, order, rank } = this;
    const count = order.length;
    for (let step = 1; step < count; step++) {
      const j = order[(rank[i] + (ahead ? step : count - step)) % count];
      if (!this.isInTheWay(j, d, foresees)) continue;
      const way = around((cars[j * fields] - cars[i * fields]) * (ahead ? 1 : -1));
      return way < road.length / 2 ? j : -1;
    }
    return -1;
  }

  /** True if a car is at d, or, foreseen, another than ours moves there. */
  private isInTheWay(j: number, d: number, foresees: boolean): boolean {
    const at = j * fields;
    if (Math.abs(this.cars[at + field.d] - d) < overlap) return true;
    return foresees && j > 0 && Math.abs(this.cars[at + field.lane] * road.laneWidth - d) < overlap;
  }

  /** Returns the acceleration with which car i follows car j; j = −1: none. */
  follow(i: number, j: number, driver: Driver): number {
    const { cars } = this;
    const [me, other] = [i * fields, j * fields];
    const speed = cars[me + field.speed];
    const desired = cars[me + field.desired];
    if (j < 0) return followed(driver, desired, speed, Infinity, 0);
    const gap = around(cars[other] - cars[me]) - car.length;
    return followed(driver, desired, speed, gap, speed - cars[other + field.speed]);
  }

  /** Returns the acceleration of car i on its way: behind what is before it where it is, and where it moves to. */
  private onItsWay(i: number): number {
    const { cars } = this;
    const at = i * fields;
    const here = this.follow(i, this.ahead(i), usual);
    const target = cars[at + field.lane] * road.laneWidth;
    if (target === cars[at + field.d]) return here;
    return Math.min(here, this.follow(i, this.nearest(i, target, true), usual));
  }
  private ahead(i: number): number {
    return this.nearest(i, this.cars[i * fields + field.d], true);
  }

  /** Moves all cars but ours by `seconds`. */
  move(seconds: number, random: Random): void {
    const { cars, accelerations } = this;
    this.arrange();
    for (let i = 1; i < accelerations.length; i++) {
      accelerations[i] = this.onItsWay(i);
      if (random.uniform() < seconds * this.habit(i).rate) this.consider(i, random);
    }
    for (let i = 1, at = fields; at < cars.length; i++, at += fields) {
      const before = cars[at + field.speed];
      const speed = Math.max(0, before + accelerations[i] * seconds);
      const along = 1 - curvatureAt(cars[at]) * cars[at + field.d];
      cars[at] = around(cars[at] + (seconds * (before + speed)) / 2 / along);
      cars[at + field.speed] = speed;
      const left = cars[at + field.lane] * road.laneWidth - cars[at + field.d];
      const most = seconds * this.habit(i).drift;
      cars[at + field.d] += Math.min(Math.max(left, -most), most);
    }
    this.arrange();
  }

  /** Draws a lane beside car i's own, and has it move there if it may. */
  private consider(i: number, random: Random): void {
    const at = i * fields;
    const lane = this.cars[at + field.lane] + (random.uniform() < 0.5 ? 1 : -1);
    const isInLane = this.cars[at + field.d] === this.cars[at + field.lane] * road.laneWidth;
    if (!isInLane || lane < 0 || lane >= this.lanes) return;
    if (this.mayChange(i, lane, usual)) this.cars[at + field.lane] = lane;
  }
  private habit(i: number): typeof careful {
    return this.cars[i * fields + field.careless] === 0 ? careful : careless;
  }

  /**
   * True if a change of lanes brings car i more than it takes from the car behind and both gaps are safe: a rule like
   * MOBIL of Kesting, Treiber & Helbing 2007, "General lane-changing model MOBIL for car-following models", without
   * the car that is left behind. A driver without care only looks for a gap, and changes for no reason.
   */
  mayChange(i: number, lane: number, driver: Driver): boolean {
    const { cars } = this;
    const habit = this.habit(i);
    const s = cars[i * fields];
    const d = lane * road.laneWidth;
    const before = this.nearest(i, d, true);
    const behind = this.nearest(i, d, false);
    const room = (j: number): number =>
      j < 0 ? Infinity : Math.abs(between(s, cars[j * fields])) - car.length;
    if (Math.min(room(before), room(behind)) < habit.gap) return false;
    if (habit === careless) return true;
    let loss = 0;
    if (behind >= 0) {
      const then = this.follow(behind, i, usual);
      if (then < -bearable) return false;
      loss = this.follow(behind, before, usual) - then;
    }
    const now = this.follow(i, this.ahead(i), driver);
    return this.follow(i, before, driver) - now > gain + polite * loss;
  }
}
