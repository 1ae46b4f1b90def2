/** Rewards of one's own: how many calls run at once, how long they may take, and their weights. */
import { expect, test } from "vitest";
import { OwnCodeError, SettingError } from "../../src/core/errors.ts";
import { type Pending, runLater, runNow } from "../../src/core/waiting.ts";
import { awaitInTime } from "../../src/node/patience.ts";
import {
  guardedJudge,
  judgesFrom,
  type RewardSource,
  type Sample,
} from "../../src/text/own-reward.ts";

const samples = (count: number): Sample[] =>
  Array.from({ length: count }, (_, i) => ({
    prompt: `p${i}`,
    completion: "x".repeat(i),
    tokens: [i],
    row: { prompt: `p${i}`, answer: i },
  }));
const judge = (source: RewardSource) => judgesFrom(source, "here")[0];

test("a function per sample gets prompt, completion, tokens and row, in order", () => {
  const seen: unknown[] = [];
  const one = judge((prompt, completion, { tokens, row }) => {
    seen.push([prompt, completion.length, tokens[0], row.answer]);
    return completion.length;
  });
  expect([...Array.from(runNow(one.score(samples(3)), "test"))]).toEqual([0, 1, 2]);
  expect(seen).toEqual([0, 1, 2].map((i) => [`p${i}`, i, i, i]));
});

test("promises: as many calls at once as `concurrency` says, results in order, limits by the turns they take", async () => {
  let [running, most] = [0, 0];
  const one = judge({
    concurrency: 3,
    timeout: 2,
    async reward(_, completion) {
      most = Math.max(most, ++running);
      await new Promise((done) => setTimeout(done, completion.length % 2 === 0 ? 4 : 1));
      running--;
      return completion.length;
    },
  });
  const waits: number[] = [];
  const scores = await runLater(one.score(samples(8)), async ({ promise, seconds }: Pending) => {
    waits.push(seconds);
    return promise;
  });
  expect(Array.from(scores)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect([most, waits]).toEqual([3, [2 * 3]]); // eight calls, three at once: three turns
});

test("a call that fails names the sample; the others' failures are not left unheard", async () => {
  const one = judge({
    concurrency: 2,
    reward: async (prompt) => Promise.reject(new Error(`no ${prompt}`)),
  });
  await expect(runLater(one.score(samples(4)))).rejects.toThrow(
    /here: reward: failed for prompt "p0".*no p0/,
  );
});

test("several by name, with weights; what is none is refused", () => {
  const many = judgesFrom(
    { a: () => 1, b: { weight: 0.5, batch: (list) => list.map(() => 2) } },
    "here",
  );
  expect(many.map(({ name, weight }) => [name, weight])).toEqual([
    ["a", 1],
    ["b", 0.5],
  ]);
  expect(Array.from(runNow(many[1].score(samples(2)), "test"))).toEqual([2, 2]);
  for (const wrong of [
    5,
    {},
    { a: 5 },
    { reward: () => 1, timeout: -1 },
    { reward: () => 1, weight: "x" },
  ])
    expect(() => judgesFrom(wrong as never, "here")).toThrow(SettingError);
});

test("a guard sees the call and its limit, and its error ends it and shows the sample", () => {
  const limits: number[] = [];
  const stopped = guardedJudge(judge({ timeout: 3, reward: () => 1 }), (_, seconds, late) => {
    limits.push(seconds);
    throw new OwnCodeError(late());
  });
  expect(() => runNow(stopped.score(samples(2)), "test")).toThrow(
    /^here: reward: expected an answer within 3 s, got none for prompt .* and completion/,
  );
  expect(limits).toEqual([6]);
});

test("a guard is renewed once it has lasted as long as a call may: many slow calls are not a hang", () => {
  let [guards, now] = [0, 0];
  const slow = () => {
    now += 900;
    return 1;
  };
  const watched = guardedJudge(judge({ timeout: 1, reward: slow }), (work, seconds) => {
    guards++;
    const begun = now;
    const result = work(() => now - begun >= 500 * seconds);
    expect(now - begun).toBeLessThanOrEqual(1000 * seconds);
    return result;
  });
  expect(Array.from(runNow(watched.score(samples(5)), "test"))).toEqual([1, 1, 1, 1, 1]);
  expect(guards).toBe(3);
});

test("what has a method `then` alone is awaited as a promise is", async () => {
  // biome-ignore lint/suspicious/noThenProperty: that is what is tested
  const thenable = { then: (done: (x: number) => void) => done(2) } as unknown as Promise<number>;
  const scores = await runLater(judge({ reward: () => thenable }).score(samples(3)), awaitInTime);
  expect(Array.from(scores)).toEqual([2, 2, 2]);
});
