/** A team of threads against one thread: sums, fixed order, failures. */
import { afterEach, describe, expect, it } from "vitest";
import { UsageError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Sgd } from "../../src/extra/sgd.ts";
import { Team } from "../../src/node/team.ts";

const rows = 101; // not a multiple of the threads
const program = new URL("team-part.ts", import.meta.url);
const teams: Team[] = [];

async function team(threads: number, failingRow: number | null = null): Promise<Team> {
  const columns = { x: 3 * rows, y: rows };
  const made = await Team.start({ program, settings: { failingRow }, threads, columns });
  teams.push(made);
  const random = new Random(7);
  random.fillNormal(made.columns.x);
  random.fillNormal(made.columns.y);
  return made;
}
afterEach(async () => {
  await Promise.all(teams.splice(0).map((t) => t.stop()));
});

/** Three steps of training: losses and the weights after them. */
function train(t: Team): { losses: number[]; weights: number[] } {
  const sgd = new Sgd(t.part.parameters, { learningRate: 1e-3 });
  const losses = [0, 1, 2].map(() => {
    const loss = t.run(rows);
    sgd.step();
    return loss;
  });
  return { losses, weights: t.part.parameters.list.flatMap(({ data }) => [...data]) };
}

describe("a team of threads", () => {
  it("does what one thread does, up to the order of sums; a number of threads always the same", async () => {
    const one = train(await team(1));
    expect(one.losses[2]).toBeLessThan(one.losses[0]);
    for (const threads of [2, 3]) {
      const [a, b] = [train(await team(threads)), train(await team(threads))];
      expect(b).toEqual(a);
      a.losses.forEach((loss, i) => {
        expect(Math.abs(loss / one.losses[i] - 1)).toBeLessThan(1e-6);
      });
      a.weights.forEach((w, i) => {
        expect(Math.abs(w - one.weights[i])).toBeLessThan(1e-6);
      });
    }
  });
  it("adds to gradients, as one thread does", async () => {
    const t = await team(2);
    t.run(rows);
    const once = t.part.parameters.list.flatMap(({ grad }) => [...grad]);
    t.run(rows);
    const twice = t.part.parameters.list.flatMap(({ grad }) => [...grad]);
    twice.forEach((g, i) => {
      expect(Math.abs(g - 2 * once[i])).toBeLessThan(1e-4 * Math.max(1, Math.abs(g)));
    });
  });
  it("says which thread failed, at once", async () => {
    const t = await team(2, rows - 1); // a row of the second thread
    expect(() => t.run(rows)).toThrow("thread 1 failed");
    expect(() => t.run(rows)).toThrow("thread 1 failed");
  });
  it("does not start with a number of threads that is none", async () => {
    await expect(team(0)).rejects.toThrow(UsageError);
    await expect(team(1.5)).rejects.toThrow("threads: expected 1 to 64, got 1.5");
  });
  it("goes on with one thread where memory cannot be shared, and says so", async () => {
    const real = globalThis.SharedArrayBuffer;
    Reflect.deleteProperty(globalThis, "SharedArrayBuffer");
    try {
      const t = await team(2);
      expect(t.threads).toBe(1);
      expect(t.note).toBe("threads: this runtime cannot share memory; one thread instead of 2");
      expect(train(t)).toEqual(train(await team(1)));
    } finally {
      globalThis.SharedArrayBuffer = real;
    }
  });
});
