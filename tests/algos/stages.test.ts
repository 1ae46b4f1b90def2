/** Stages of a language training, and its counters. */
import { describe, expect, test } from "vitest";
import { inStages, LanguageTraining, type Stage } from "../../src/algos/language-training.ts";
import { keptNumber, type Report } from "../../src/algos/training.ts";
import { Random } from "../../src/core/random.ts";
import { letters, writing } from "./plain/writer.ts";

describe("stages", () => {
  const stageOf = (name: string, log: string[], reports: number): Stage<Report> => {
    const part = { n: 0 };
    return {
      parts: { n: keptNumber(part, "n") },
      start: () => void log.push(`${name} begins`),
      *run() {
        while (part.n < reports) {
          part.n++;
          log.push(`${name}${part.n}`);
          yield { update: part.n } as Report;
        }
      },
      batch: { completions: name } as never,
    };
  };
  const start = (log: string[], saved: object | null = null) => {
    const { t: fresh } = writing(letters(), 100);
    const t = new LanguageTraining(fresh.gpt, fresh.task, new Random(1), 100, {
      saved: saved as never,
    });
    return { t, reports: inStages(t, [stageOf("a", log, 2), stageOf("b", log, 2)]) };
  };
  test("follow one another, each beginning once; a resumed run goes on within one, without beginning it again", () => {
    const whole: string[] = [];
    const { reports, t } = start(whole);
    expect([...reports].length).toBe(4);
    expect(whole).toEqual(["a begins", "a1", "a2", "b begins", "b1", "b2"]);
    expect(t.batch?.completions).toBe("b");
    for (const [stop, rest] of [
      [1, ["a2", "b begins", "b1", "b2"]],
      [3, ["b2"]],
    ] as const) {
      const first = start([]);
      for (let i = 0; i < stop; i++) first.reports.next();
      const log: string[] = [];
      const second = start(log, first.t.save() as object);
      expect(second.t.stage).toBe(stop === 1 ? 0 : 1);
      expect([...second.reports].length).toBe(4 - stop);
      expect(log).toEqual(rest);
    }
  });
  test("counters of language: tokens as steps, completions as episodes, means of the last batch", () => {
    const { t } = writing(letters(), 100);
    expect(t.report()).toMatchObject({ meanReturn: Number.NaN, meanLength: Number.NaN });
    expect(t.left()).toBe(1);
    t.count({ tokens: 40, completions: 7, meanReturn: 2, meanLength: 3 });
    t.restoreOrStart({});
    const again = writing(letters(), 100).t;
    again.restoreOrStart({});
    again.restore(t.save());
    for (const each of [t, again]) {
      expect(each.report()).toEqual({
        update: 0,
        envSteps: 40,
        episodes: 7,
        meanReturn: 2,
        meanLength: 3,
      });
      expect(each.left()).toBeCloseTo(0.6, 12);
    }
    t.envSteps = 140;
    expect(t.left()).toBe(0);
    const older = Object.fromEntries(
      Object.entries(again.save() as object).filter(([name]) => name !== "last"),
    );
    const third = writing(letters(), 100).t;
    third.restoreOrStart({});
    third.restore(older as never);
    expect(third.report()).toMatchObject({ envSteps: 40, meanReturn: Number.NaN });
  });
});
