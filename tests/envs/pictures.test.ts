/** Texts and pictures of states: where each mark stands, by the geometry. */
import { describe, expect, test } from "vitest";
import { Acrobot } from "../../src/envs/acrobot.ts";
import { CartPole } from "../../src/envs/cartpole.ts";
import type { Dynamics } from "../../src/envs/env.ts";
import { MountainCar } from "../../src/envs/mountain-car.ts";
import { MountainCarContinuous } from "../../src/envs/mountain-car-continuous.ts";
import { Pendulum } from "../../src/envs/pendulum.ts";
import { type Mark, type Scene, sceneSvg, textScene } from "../../src/envs/scene.ts";
import { mustBeNear } from "../support/seen.ts";

const { sin, cos, PI } = Math;
const stateOf = <D extends Dynamics>(env: D, ...state: number[]): D => {
  env.startFrom(state);
  return env;
};
const line = (mark: Mark): readonly number[] => (mark.kind === "line" ? mark.points : []);

describe("CartPole", () => {
  test("text: the cart on 49 columns, the pole's three points above it", () => {
    const rows = (x: number, angle: number): string[] =>
      stateOf(new CartPole(), x, 0, angle, 0).render().split("\n");
    expect(rows(0, 0)).toEqual([
      ...new Array(3).fill(`${" ".repeat(24)}o`),
      `${"─".repeat(24)}█${"─".repeat(24)}`,
    ]);
    expect(rows(2.4, 0)[3]).toBe(`${"─".repeat(48)}█`);
    expect(rows(-2.4, 0)[3]).toBe(`█${"─".repeat(48)}`);
    expect(rows(-2.6, 0).at(-1)).toBe(`█${"─".repeat(48)}`);
    expect(rows(9, 0).at(-1)).toBe(`${"─".repeat(48)}█`);
    expect(rows(-9, 0)[0]).toBe("o");
    const leaning = rows(0.6, 0.8); // a column is 0.1, so sin 0.8 = 0.717 times 7.5, 5 and 2.5 of them
    expect(leaning.map((row) => row.indexOf("o")).slice(0, 3)).toEqual([35, 34, 32]);
  });
  test("picture: the cart slides over the ground, the pole stands on it", () => {
    for (const [x, angle] of [
      [0, 0],
      [1.2, 0.3],
      [-2.4, -0.2],
    ]) {
      const { width, height, marks } = stateOf(new CartPole(), x, 0, angle, 0).scene();
      expect([width, height]).toEqual([400, 200]);
      const [ground, cart, pole] = marks;
      expect(line(ground)).toEqual([0, 170, 400, 170]);
      const center = 200 + (x / 2.4) * 170;
      mustBeNear([(cart as { x: number }).x, (cart as { y: number }).y], [center - 25, 150]);
      expect(cart).toMatchObject({ kind: "box", w: 50, h: 20 });
      mustBeNear(line(pole), [center, 150, center + 110 * sin(angle), 150 - 110 * cos(angle)]);
    }
  });
});

describe("links", () => {
  test("picture: each as long, from straight down, counterclockwise; Acrobot's goal a length above", () => {
    const scale = 120 / 2.3;
    const { width, height, marks } = stateOf(new Acrobot(), 0.5, 0.9, 0, 0).scene();
    expect([width, height, marks.length]).toEqual([240, 240, 3]);
    mustBeNear(line(marks[0]), [0, 120 - scale, 240, 120 - scale]);
    const joint = [120 + scale * sin(0.5), 120 + scale * cos(0.5)];
    const tip = [joint[0] + scale * sin(1.4), joint[1] + scale * cos(1.4)];
    mustBeNear(line(marks[1]), [120, 120, ...joint, ...tip]);
    expect(marks[2]).toMatchObject({ kind: "disk", x: 120, y: 120, r: 5 });
    const pendulum = stateOf(new Pendulum(), 0, 0).scene();
    expect(pendulum.marks.length).toBe(2);
    mustBeNear(line(pendulum.marks[0]), [120, 120, 120, 120 - 120 / 1.3], 6); // upright
  });
  test("text by hand: the pivot, five dots a link, the joint", () => {
    const hanging = stateOf(new Acrobot(), 0, 0, 0, 0).render().split("\n");
    const column = (env: Dynamics): string =>
      env
        .render()
        .split("\n")
        .map((row) => row[12] ?? " ")
        .join("");
    expect(hanging.length).toBe(13);
    // a link is 3 rows: dots at 0.6, 1.2, 1.8, 2.4 and 3 below the pivot, the joint on the last
    expect(column(stateOf(new Acrobot(), 0, 0, 0, 0))).toBe("      +oo●oo●");
    expect(column(stateOf(new Acrobot(), PI, 0, 0, 0))).toBe("●oo●oo+      ");
    expect(column(stateOf(new Pendulum(), 0, 0))).toBe("●oo oo+      "); // 1.2 rows apart
    const right = stateOf(new Acrobot(), PI / 2, 0, 0, 0)
      .render()
      .split("\n");
    expect([right[6].indexOf("+"), right[6].indexOf("●"), right[6].lastIndexOf("●")]).toEqual([
      12, 18, 24,
    ]);
    const bent = stateOf(new Acrobot(), PI / 2, PI / 2, 0, 0)
      .render()
      .split("\n");
    expect([bent[6].lastIndexOf("●"), bent[3].indexOf("●")]).toEqual([18, 18]);
  });
});

describe.each([
  ["MountainCar", () => new MountainCar(), 0.5],
  ["MountainCarContinuous", () => new MountainCarContinuous(), 0.45],
] as const)("%s", (_, make, goal) => {
  const across = (x: number): number => ((x + 1.2) / 1.8) * 400;
  const down = (x: number): number => 100 - 80 * sin(3 * x);
  test("picture: the hill, a flag on the goal, the car on the ground", () => {
    const { width, height, marks } = stateOf(make(), -0.3, 0).scene();
    expect([width, height]).toEqual([400, 200]);
    const points = Array.from({ length: 61 }, (_, i) => -1.2 + (i / 60) * 1.8);
    mustBeNear(
      line(marks[0]),
      points.flatMap((x) => [across(x), down(x)]),
    );
    mustBeNear(line(marks[1]), [across(goal), down(goal), across(goal), down(goal) - 20]);
    const { x, y, r } = marks[2] as { x: number; y: number; r: number };
    mustBeNear([x, y, r], [across(-0.3), down(-0.3) - 8, 8]);
  });
  test("text: 61 columns of the hill in 8 rows, with the flag and the car", () => {
    const rows = stateOf(make(), -0.3, 0).render().split("\n");
    expect(rows.length).toBe(8);
    for (let i = 0; i < 61; i++) {
      const y = sin(3 * (-1.2 + (i / 60) * 1.8));
      const mark = i === 30 ? "●" : i === Math.round(((goal + 1.2) / 1.8) * 60) ? "⚑" : ".";
      for (const [r, row] of rows.entries())
        expect(row[i] ?? " ").toBe(r === Math.round(((1 - y) / 2) * 7) ? mark : " ");
    }
  });
});

describe("scenes", () => {
  test("a text is a line of letters for each of its lines", () => {
    const { width, height, marks } = textScene("ab\n●cde");
    expect(width).toBeCloseTo(4 * 14 * 0.62 + 14, 9);
    expect(height).toBeCloseTo(3 * 14 * 1.2, 9);
    expect(marks).toEqual([
      { kind: "text", x: 7, y: 14 * 1.2, size: 14, text: "ab" },
      { kind: "text", x: 7, y: 2 * 14 * 1.2, size: 14, text: "●cde" },
    ]);
    expect(textScene("").width).toBe(28);
  });
  test("SVG by hand: every mark, coordinates to two places, text escaped", () => {
    const scene: Scene = {
      width: 10.128,
      height: 5,
      marks: [
        { kind: "line", points: [0, 1.006, 2, 3], width: 2, color: "#111111" },
        { kind: "disk", x: 1.234, y: 2, r: 0.5, color: "#222222" },
        { kind: "box", x: 1, y: 2, w: 3.337, h: 4, color: "#333333" },
        { kind: "text", x: 1, y: 2, size: 14, text: "a<b & c>d" },
      ],
    };
    expect(sceneSvg(scene)).toBe(
      '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10.13 5">' +
        '<polyline points="0 1.01 2 3" fill="none" stroke="#111111" stroke-width="2" stroke-linecap="round"/>' +
        '<circle cx="1.23" cy="2" r="0.5" fill="#222222"/>' +
        '<rect x="1" y="2" width="3.34" height="4" fill="#333333"/>' +
        '<text x="1" y="2" font-size="14" font-family="monospace" xml:space="preserve" fill="#888888">' +
        "a&lt;b &amp; c&gt;d</text></svg>",
    );
  });
});
