/** The answers of the book's exercises, by hand, against the library. */
import { expect, test } from "vitest";
import * as pg from "../../src/index.ts";

test("1: where position 10 ends the episode, walking through is best; else staying in the middle", () => {
  const way = [4, 3, 2, 1, 0];
  const through = [...way, 1, 2, 3, 4, 5].reduce((a, b) => a + b);
  const staying = way.reduce((a, b) => a + b) + Math.ceil((50 - way.length) / 2);
  expect(pg.exactReturns(new pg.Line({ end: "article" })).optimal).toBe(-through);
  expect(pg.exactReturns(new pg.Line({})).optimal).toBe(-staying);
});

test("2: the graph of scalars and its gradients of ln π are those of the library", async () => {
  const { Scalar, logProbOfFirst } = await import("../../docs/examples/book/02-scalar.ts");
  const logits = [0.3, -1, 2];
  const nodes = logits.map((x) => new Scalar(x));
  const out = logProbOfFirst(nodes);
  out.backward();
  const k = pg.loops(Float64Array);
  const x = pg.variable(k, [1, 3], logits);
  const tape = new pg.Tape(k);
  const action = pg.input(k, [1], [0]);
  const loss = tape.run(() => pg.sum(pg.categoricalLogProb(x, action)));
  tape.backward(loss);
  expect(out.value).toBeCloseTo(loss.data[0], 12);
  for (const [i, node] of nodes.entries()) expect(node.grad).toBeCloseTo(x.grad?.[i] ?? NaN, 12);
});

test("3: variances of the bandit's estimate for three baselines", () => {
  const problem = pg.tokenTask(2, 1, ([arm]) => arm);
  const logits = Float64Array.of(0, Math.log(3));
  const moments = (b: number): pg.Moments =>
    pg.expectation(pg.trajectories(problem), logits, 2, 1, ([{ actions, rewards }]) => [
      0,
      (rewards[0] - b) * (actions[0] - 0.75),
    ]);
  for (const [b, variance] of [
    [0, 3 / 256],
    [3 / 4, 3 / 64],
    [1 / 4, 0],
  ]) {
    expect(moments(b).mean[1]).toBeCloseTo(3 / 16, 12);
    expect(moments(b).variance).toBeCloseTo(variance, 12);
  }
});

test("4: three advantages, terminated and truncated, by the sums of the text", () => {
  const advantage = (lambda: number, last: number): number[] => {
    const delta = [0.5 - 0.2, 0.4 - 0.5, 1 + last - 0.4];
    return delta.map((_, t) =>
      delta
        .slice(t)
        .reduce((sum, d, l) => sum + (lambda === 0 ? Number(l === 0) : lambda ** l) * d, 0),
    );
  };
  const columns = {
    envs: 1,
    reward: Float64Array.of(0, 0, 1),
    value: Float64Array.of(0.2, 0.5, 0.4),
    nextValue: Float64Array.of(0.5, 0.4, 0.9),
  };
  const [none, end] = [Float64Array.of(0, 0, 0), Float64Array.of(0, 0, 1)];
  for (const lambda of [0, 0.5, 1]) {
    const out = new Float64Array(3);
    pg.gae(out, { ...columns, terminated: end, truncated: none }, 1, lambda);
    for (const [t, A] of advantage(lambda, 0).entries()) expect(out[t]).toBeCloseTo(A, 12);
    pg.gae(out, { ...columns, terminated: none, truncated: end }, 1, lambda);
    for (const [t, A] of advantage(lambda, 0.9).entries()) expect(out[t]).toBeCloseTo(A, 12);
  }
});

test("5: the clipped gradient is ρÂ, but 0 in two of six cases", () => {
  const cases = [
    [0.7, 1, 0.7],
    [0.7, -1, 0],
    [1, 1, 1],
    [1, -1, -1],
    [1.3, 1, 0],
    [1.3, -1, -1.3],
  ];
  const k = pg.loops(Float64Array);
  for (const [ratio, advantage, gradient] of cases) {
    const logProb = pg.variable(k, [1], [Math.log(ratio)]);
    const tape = new pg.Tape(k);
    const [old, A, weight] = [0, advantage, 1].map((x) => pg.input(k, [1], [x]));
    tape.backward(tape.run(() => pg.surrogateLoss(logProb, old, A, weight)));
    expect(logProb.grad?.[0]).toBeCloseTo(-gradient, 12);
  }
});
