/** Sensors of our car for others: the nearest in each lane, or distances along lidar rays. */
import { cos, sin } from "../core/math.ts";
import { between, car, field, fields, road, type Traffic } from "./traffic.ts";

const range = 100; // meters
const rays = 24;
const places = ["ahead left", "behind left", "ahead", "behind", "ahead right", "behind right"];

/** For each place: the way there as way / (way + 30 m), the speed less ours in 10 m/s, how far left it is, and how far it moves left, in lanes. */
export const laneNumbers: readonly string[] = places.flatMap((place) =>
  ["way", "speed", "left", "moves"].map((what) => `${place} ${what}`),
);
/** For each ray: the same of the distance, and by how many 10 m/s what it meets comes nearer along the road. */
export const lidarNumbers: readonly string[] = Array.from({ length: rays }, (_, i) => i).flatMap(
  (i) => [`ray ${i} way`, `ray ${i} closing`],
);

/** Tells near ways apart better than far ones. */
const nearness = (way: number): number => way / (way + 30);

type Put = (i: number, x: number) => void;

/** Gives the sensor's numbers to `put`, by their index. */
export function sensed(kind: string, traffic: Traffic, heading: number, put: Put): void {
  if (kind === "lidar") seeRays(traffic, heading, put);
  else seeLanes(traffic, put);
}

function seeLanes(traffic: Traffic, put: Put): void {
  const { cars, lanes } = traffic;
  for (let place = 0; place < places.length; place++) {
    const lane = cars[field.lane] + 1 - Math.floor(place / 2);
    const ahead = place % 2 === 0;
    const d = place === 2 || place === 3 ? cars[field.d] : lane * road.laneWidth;
    const isLane = lane >= 0 && lane < lanes;
    const j = isLane ? traffic.nearest(0, d, ahead) : -1;
    const at = j * fields;
    const way = j < 0 ? range : Math.min(Math.abs(between(cars[0], cars[at])), range);
    const seen = way < range;
    const place4 = 4 * place;
    put(place4, isLane ? nearness(way) : 0);
    put(place4 + 1, seen ? (cars[at + field.speed] - cars[field.speed]) / 10 : 0);
    const left = seen ? cars[at + field.d] - cars[field.d] : 0;
    put(place4 + 2, left / road.laneWidth);
    put(place4 + 3, seen ? cars[at + field.lane] - cars[at + field.d] / road.laneWidth : 0);
  }
}

/** Rays begin at our car's center, the first forwards, counterclockwise; cars are rectangles along the road, taken as straight. */
function seeRays(traffic: Traffic, heading: number, put: Put): void {
  const { cars } = traffic;
  for (let ray = 0; ray < rays; ray++) {
    const angle = heading + (2 * Math.PI * ray) / rays;
    const [dx, dy] = [cos(angle), sin(angle)];
    let least = range;
    let closing = 0;
    for (let at = fields; at < cars.length; at += fields) {
      const x = between(cars[0], cars[at]);
      if (Math.abs(x) > range) continue;
      const way = toRectangle(x, cars[at + field.d] - cars[field.d], dx, dy);
      if (way >= least) continue;
      least = way;
      closing = (cars[field.speed] - cars[at + field.speed]) * (x < 0 ? -1 : 1);
    }
    put(2 * ray, nearness(least));
    put(2 * ray + 1, closing / 10);
  }
}

/** Returns the way along [dx, dy] to a car with its center at [x, y], Infinity if the ray misses it. */
function toRectangle(x: number, y: number, dx: number, dy: number): number {
  let [enters, leaves] = [0, Infinity];
  for (const [center, size, slope] of [
    [x, car.length / 2, dx],
    [y, car.width / 2, dy],
  ]) {
    if (slope === 0 && Math.abs(center) > size) return Infinity;
    if (slope === 0) continue;
    const [a, b] = [(center - size) / slope, (center + size) / slope];
    enters = Math.max(enters, Math.min(a, b));
    leaves = Math.min(leaves, Math.max(a, b));
  }
  return enters <= leaves ? enters : Infinity;
}
