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

test("7: for groups of 2 and 3 the deviation is one number wherever rewards differ; for 4 it is not", () => {
  const scales = (K: number): Set<string> => {
    const found = new Set<string>();
    for (let k = 1; k < K; k++) {
      const reward = Float64Array.from({ length: K }, (_, i) => Number(i < k));
      const [divided, centered] = [new Float64Array(K), new Float64Array(K)];
      pg.groupStandardize(divided, reward, K, { ddof: 1, eps: 0 });
      pg.leaveOneOut(centered, reward, K);
      for (let i = 0; i < K; i++) found.add((divided[i] / centered[i]).toFixed(9));
    }
    return found;
  };
  expect([...scales(2)]).toEqual([Math.SQRT1_2.toFixed(9)]);
  expect([...scales(3)]).toEqual([(2 / 3 / Math.sqrt(1 / 3)).toFixed(9)]);
  expect(scales(4).size).toBe(2);
});

test("8: the deviation of k1 is of first order in the gap, that of k3 of third", () => {
  const deviations = (gap: number): number[] => {
    const k = pg.loops(Float64Array);
    const parts = [1, -1].map((side) => {
      const d = Math.log(2 / (1 + Math.exp(side * gap)));
      const tape = new pg.Tape(k);
      return (["k1", "k3"] as const).map((estimator) => {
        const [logProb, ref, weight] = [0, d, 1].map((x) => pg.variable(k, [1], [x]));
        return tape.run(() => pg.klLoss(logProb, ref, weight, { ...pg.klDefaults, estimator }))
          .data[0];
      });
    });
    return [0, 1].map((i) => Math.abs(parts[0][i] - parts[1][i]) / 2);
  };
  const [wide, narrow] = [deviations(0.02), deviations(0.01)];
  expect(wide[0] / narrow[0]).toBeCloseTo(2, 3);
  expect(wide[1] / narrow[1]).toBeCloseTo(8, 2);
});
