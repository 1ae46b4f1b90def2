/** The tokens of a pass: by the model's weights, and by the room for what a pass keeps. */
import { expect, test } from "vitest";
import { passTokensFor } from "../../src/algos/pass-tokens.ts";

test("by hand: 4,096 weights a token, at least 48 and at most what is usual", () => {
  const tokens = (layers: number, width: number, vocab: number): number =>
    passTokensFor({ layers, width, vocab }, 768);
  expect(tokens(2, 64, 13)).toBe(48); // 99,136 weights
  expect(tokens(4, 128, 1000)).toBe(223); // 914,432
  expect(tokens(4, 448, 2048)).toBe(768); // 10,551,296
});

test("by hand: 2^28 bytes hold what a pass keeps, where 32 tokens do", () => {
  const tokens = (layers: number, width: number, vocab: number): number =>
    passTokensFor({ layers, width, vocab }, 768);
  expect(tokens(24, 1024, 50_257)).toBe(61); // 4·(40·24·1024 + 2·50,257) bytes each
  expect(tokens(80, 8192, 128_000)).toBe(32);
});
