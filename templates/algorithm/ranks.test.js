// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { defineAlgorithm } from "pigrad";
import algorithm from "./ranks.js";

/** @param {number[]} scores */
const compare = (scores) => Array.from(algorithm.compare?.(Float64Array.from(scores)) ?? []);

test("ranks from −1/2 to 1/2, whose sum is 0", () => {
  assert.deepEqual(compare([7, -100, 3]), [0.5, -0.5, 0]);
  assert.deepEqual(compare([1, 1]), [0, 0]);
  assert.deepEqual(compare([5, 1, 5, 1, 3]), [0.375, -0.375, 0.375, -0.375, 0]);
});

test("pigrad takes it", () => {
  assert.equal(defineAlgorithm(algorithm), algorithm);
});
