import fc from "fast-check";
import { expect, test } from "vitest";
import { Random } from "../../src/core/random.ts";
import { lambdaReturns } from "../../src/extra/lambda.ts";
import { vtrace } from "../../src/returns/vtrace.ts";
import { seed } from "../support/seed.ts";

test("property: on fresh data, ratio 1, V-trace's targets are the λ-returns, its advantages theirs less V", () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 4 }),
      (at, steps, envs) => {
        const random = new Random(at);
        const n = steps * envs;
        const normals = (): Float64Array => new Float64Array(n).map(() => random.normal());
        const flags = (): Float64Array =>
          new Float64Array(n).map(() => (random.below(4) === 0 ? 1 : 0));
        const r = {
          envs,
          reward: normals(),
          value: normals(),
          nextValue: normals(),
          terminated: flags(),
          truncated: flags(),
        };
        // inside an episode the state reached is the next row's
        for (let i = 0; i + envs < n; i++) {
          if (r.terminated[i] === 0 && r.truncated[i] === 0) r.nextValue[i] = r.value[i + envs];
        }
        const [gamma, lambda] = [0.9, random.uniform()];
        const [target, advantage, wanted, whole] = [0, 1, 2, 3].map(() => new Float64Array(n));
        vtrace({ target, advantage }, r, new Float64Array(n), gamma, { lambda });
        lambdaReturns(wanted, r, gamma, lambda);
        for (let i = 0; i < n; i++) expect(target[i]).toBeCloseTo(wanted[i], 11);
        vtrace({ target, advantage }, r, new Float64Array(n), gamma, { lambda: 1 });
        lambdaReturns(whole, r, gamma, 1);
        for (let i = 0; i < n; i++) expect(advantage[i]).toBeCloseTo(whole[i] - r.value[i], 11);
      },
    ),
    { numRuns: 500, seed },
  );
});
