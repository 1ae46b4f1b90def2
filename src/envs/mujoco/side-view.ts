/** A simulation seen from the side, along y: x to the right, z up, in the middle the first body. */
import { square } from "../../core/math.ts";
import { colors, type Mark, type Scene } from "../scene.ts";
import type { MjModel, Simulation } from "./engine.ts";

const [plane, heightField, sphere, mesh] = [0, 1, 2, 7]; // MuJoCo's mjtGeom
const [width, height] = [480, 240];
const ground = 200;

export function sideView(simulation: Simulation): Scene {
  const { model } = simulation;
  const middle = model.nbody > 1 ? simulation.field("xpos")[3] : 0;
  const scale = 140 / reachOf(model);
  const across = (x: number): number => width / 2 + scale * (x - middle);
  const down = (z: number): number => ground - scale * z;
  const places = simulation.field("geom_xpos");
  const order = Array.from({ length: model.ngeom }, (_, g) => g);
  order.sort((a, b) => places[3 * b + 1] - places[3 * a + 1] || a - b); // the farthest first
  const marks = order.flatMap((g) => geomMarks(simulation, g, scale, { across, down }));
  return { width, height, marks: [...floor(simulation, middle, scale, across), ...marks] };
}

interface Projection {
  across(x: number): number;
  down(z: number): number;
}

function geomMarks(
  simulation: Simulation,
  g: number,
  scale: number,
  { across, down }: Projection,
): Mark[] {
  const { model } = simulation;
  const kind = model.geom_type[g];
  if (kind === plane || kind === heightField) return [];
  const [x, , z] = simulation.field("geom_xpos").subarray(3 * g, 3 * g + 3);
  const color = [colors.ink, colors.first, colors.second, colors.third][
    model.geom_bodyid[g] === 0 ? 0 : 1 + ((model.geom_bodyid[g] - 1) % 3)
  ];
  if (kind === sphere || kind === mesh) {
    const r = scale * (kind === sphere ? model.geom_size[3 * g] : model.geom_rbound[g] / 2);
    return [{ kind: "disk", x: across(x), y: down(z), r, color }];
  }
  const { half, axis, thickness } = rodOf(kind, model.geom_size.subarray(3 * g, 3 * g + 3));
  const turned = simulation.field("geom_xmat").subarray(9 * g, 9 * g + 9);
  const [dx, dz] = [half * turned[axis], half * turned[6 + axis]];
  const points = [across(x - dx), down(z - dz), across(x + dx), down(z + dz)];
  return [{ kind: "line", points, width: Math.max(scale * thickness, 1), color }];
}

/** Returns the length of the robot stretched out from its first body, the same in every pose. */
function reachOf(model: MjModel): number {
  const { nbody, ngeom, body_pos, body_parentid } = model;
  const { geom_bodyid, geom_pos, geom_rbound } = model;
  const to = new Float64Array(nbody);
  for (let b = 2; b < nbody; b++) to[b] = to[body_parentid[b]] + length(body_pos, b);
  let reach = 0.1;
  for (let g = 0; g < ngeom; g++) {
    const body = geom_bodyid[g];
    if (body > 0) reach = Math.max(reach, to[body] + length(geom_pos, g) + geom_rbound[g]);
  }
  return reach;
}

const length = (places: Float64Array, at: number): number =>
  Math.sqrt([0, 1, 2].reduce((sum, axis) => sum + square(places[3 * at + axis]), 0));

/** A geom as a thick line with round ends along its longest axis. */
function rodOf(kind: number, size: ArrayLike<number>) {
  const isRound = kind === 3 || kind === 5; // capsule, cylinder: radius, half length
  const halves = isRound
    ? [size[0], size[0], size[1] + (kind === 3 ? size[0] : 0)]
    : [size[0], size[1], size[2]];
  const axis = halves.indexOf(Math.max(...halves));
  const thickness = halves.reduce((sum, h) => sum + h, 0) - halves[axis];
  return { half: Math.max(halves[axis] - thickness / 2, 0), axis, thickness };
}

/** Draws the ground, if there is a plane, with a mark every meter. */
function floor(
  { model }: Simulation,
  middle: number,
  scale: number,
  across: (x: number) => number,
): Mark[] {
  if (!Array.from(model.geom_type).includes(plane)) return [];
  const line = (points: number[]): Mark => ({ kind: "line", points, width: 1, color: colors.ink });
  const reach = width / 2 / scale;
  const every = reach > 20 ? 10 : 1;
  const marks: Mark[] = [line([0, ground, width, ground])];
  for (let x = Math.ceil((middle - reach) / every) * every; x <= middle + reach; x += every)
    marks.push(line([across(x), ground, across(x) - 6, ground + 8]));
  return marks;
}
