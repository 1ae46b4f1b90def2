/** Drivers by rules, to compare policies with: they act in `Driving` with actions "controls". */
import type { Driving } from "./driving.ts";
import { type Driver, field, road, usual } from "./traffic.ts";

/** Returns [steering, acceleration]. */
export type DrivingRule = (env: Driving) => readonly [number, number];

/** Stays in its lane and follows by the intelligent driver model with the numbers of the other cars. */
export const idmDriver: DrivingRule = (env) => {
  const { traffic } = env;
  const { cars } = traffic;
  const before = traffic.nearest(0, cars[field.d], true, false);
  const acceleration = traffic.follow(0, before, usual);
  return [env.steeringTo(cars[field.lane]), env.shareOf(acceleration)];
};

const tuned: Driver = { headway: 1, standstill: 2, acceleration: 2, braking: 3 };

/**
 * Returns a driver of one car, which overtakes: it moves to the lane in which it can accelerate most, if that is safe for
 * both, and finishes a change it began. Its numbers were tuned by hand. Ask it at every step, from an episode's start.
 */
export function ruleDriver(): DrivingRule {
  let target = 0;
  return (env) => {
    const { traffic, state } = env;
    const { cars } = traffic;
    if (state[5] === 0) target = cars[field.lane];
    if (Math.abs(cars[field.d] - target * road.laneWidth) < 0.3) {
      for (const lane of [target + 1, target - 1])
        if (lane >= 0 && lane < traffic.lanes && traffic.mayChange(0, lane, tuned)) {
          target = lane;
          break;
        }
    }
    const acceleration = following(env, target, tuned);
    return [env.steeringTo(target), env.shareOf(acceleration)];
  };
}

/** Returns the acceleration that suits the cars ahead in both lanes: where ours is, and where it moves to. */
function following({ traffic }: Driving, lane: number, driver: Driver): number {
  const { cars } = traffic;
  const behind = (d: number): number => traffic.follow(0, traffic.nearest(0, d, true), driver);
  return Math.min(behind(cars[field.d]), behind(lane * road.laneWidth));
}

export interface Driven {
  readonly kilometers: number;
  readonly crashes: number;
  /** Mean speed in m/s. */
  readonly speed: number;
  readonly meanReturn: number;
}

/** Drives whole episodes from a seed, with an action for each state. */
export function drive(
  env: Driving,
  act: (env: Driving) => ArrayLike<number>,
  episodes: number,
  seed: number,
): Driven {
  let [meters, crashes, seconds, sum] = [0, 0, 0, 0];
  env.seed(seed);
  for (let i = 0; i < episodes; i++) {
    env.start();
    while (!env.terminated && !env.truncated) {
      env.act(act(env), 0);
      sum += env.reward;
    }
    crashes += Number(env.terminated);
    meters += env.state[4];
    seconds += env.state[5];
  }
  return {
    kilometers: meters / 1000,
    crashes,
    speed: meters / seconds,
    meanReturn: sum / episodes,
  };
}
