/**
 * A point of a rigid body in the plane against uneven ground: a spring with a damper along the ground's normal, and
 * Coulomb's friction across, which grows from 0 with the sliding speed. Forces are per mass.
 */
import { cos, sin, square } from "../core/math.ts";

/** [x, y, angle, speed x, speed y, angular velocity] */
export type Body = ArrayLike<number>;

/** Heights at evenly spaced places from `left` on, joined by straight lines; beyond both ends the last line goes on. */
export interface Ground {
  readonly left: number;
  readonly spacing: number;
  readonly heights: ArrayLike<number>;
}

// The stiffest motion of a craft on such a point, about √(1400/s²), is slow against a step of 0.01 s: 0.37 < 2.
const stiffness = 400; // 1/s²
const dampingRate = 20; // 1/s
const friction = 0.6;
const sliding = 0.5; // m/s from which friction is whole

const pieceAt = ({ left, spacing, heights }: Ground, x: number): number =>
  Math.min(Math.max(Math.floor((x - left) / spacing), 0), heights.length - 2);

const slopeAt = (ground: Ground, x: number): number => {
  const i = pieceAt(ground, x);
  return (ground.heights[i + 1] - ground.heights[i]) / ground.spacing;
};

/** Returns the ground's height at x. */
export function heightAt(ground: Ground, x: number): number {
  const i = pieceAt(ground, x);
  return ground.heights[i] + slopeAt(ground, x) * (x - ground.left - i * ground.spacing);
}

/** Returns where a point of the body, [dx, dy] from its center when upright, is: across and up from the center. */
export function armOf(body: Body, dx: number, dy: number): [number, number] {
  const [c, s] = [cos(body[2]), sin(body[2])];
  return [c * dx - s * dy, s * dx + c * dy];
}

/**
 * Adds the ground's force on a point of the body to `push`, [force x, force y, torque]. Returns how deep the point is in
 * the ground, along its normal; 0 above it.
 */
export function touch(
  push: Float64Array,
  body: Body,
  dx: number,
  dy: number,
  ground: Ground,
): number {
  const [armX, armY] = armOf(body, dx, dy);
  const x = body[0] + armX;
  const slope = slopeAt(ground, x);
  const normalY = 1 / Math.sqrt(1 + square(slope));
  const normalX = -slope * normalY;
  const depth = (heightAt(ground, x) - body[1] - armY) * normalY;
  if (depth <= 0) return 0;
  const vx = body[3] - body[5] * armY;
  const vy = body[4] + body[5] * armX;
  const into = vx * normalX + vy * normalY;
  const along = vx * normalY - vy * normalX;
  const pressed = Math.max(0, stiffness * depth - dampingRate * into);
  const held = -friction * pressed * Math.min(Math.max(along / sliding, -1), 1);
  const forceX = pressed * normalX + held * normalY;
  const forceY = pressed * normalY - held * normalX;
  push[0] += forceX;
  push[1] += forceY;
  push[2] += armX * forceY - armY * forceX;
  return depth;
}
