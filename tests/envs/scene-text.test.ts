import { expect, test } from "vitest";
import type { Mark } from "../../src/envs/scene.ts";
import { sceneText } from "../../src/envs/scene-text.ts";

const drawn = (...marks: Mark[]): string[] =>
  sceneText({ width: 10, height: 8, marks }, 10).split("\n");
const color = "#000000";

test("a letter is a unit wide and two high; later marks cover earlier ones", () => {
  const rows = drawn(
    { kind: "line", points: [0.5, 1, 5.5, 1], width: 1, color },
    { kind: "line", points: [2.5, 1, 2.5, 7], width: 4, color },
    { kind: "disk", x: 2.5, y: 1, r: 9, color },
    { kind: "box", x: 4, y: 4, w: 3, h: 4, color },
    { kind: "text", x: 7.5, y: 1, size: 3, text: "ab" },
  );
  expect(rows).toEqual(["··●··· ab", "  o", "  o ███", "  o ███"]);
});

test("what is outside is left out; a box smaller than a letter still shows", () => {
  const outside: Mark[] = [
    { kind: "disk", x: -1, y: 3, r: 1, color },
    { kind: "disk", x: 10, y: 3, r: 1, color },
    { kind: "disk", x: 3, y: 8, r: 1, color },
    { kind: "box", x: 3.5, y: 2.5, w: 0.1, h: 0.1, color },
  ];
  expect(drawn(...outside)).toEqual(["", "   █", "", ""]);
});
