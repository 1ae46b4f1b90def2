/** What config.json and a checkpoint must say, and whose a checkpoint is. */

import { expect, test } from "vitest";
import { FormatError } from "../../src/core/errors.ts";
import { encodeState } from "../../src/io/state-file.ts";
import {
  checkpointFacts,
  checkpointFrom,
  environmentsOf,
  metricFrom,
  runFileFrom,
  sampleFrom,
} from "../../src/node/run-files.ts";
import type { RunConfig } from "../../src/tasks/run.ts";
import { configOf } from "../support/sessions.ts";

const config = configOf({ task: "cartpole", seed: 7, settings: { envs: 3 } }) as RunConfig;
const facts = { format: "pigrad 1", task: "cartpole", algo: "ppo", seed: "7", envs: "3" };
const state = { update: 5, weights: Float32Array.of(1, 2) };
const read = (changes: Record<string, string | undefined> = {}, saved: object = state) => {
  const all = Object.entries({ ...facts, ...changes }).filter(([, text]) => text !== undefined);
  const metadata = Object.fromEntries(all) as Record<string, string>;
  return checkpointFrom(encodeState(saved as never, metadata), config, "here");
};

test("a checkpoint says its format, and the run's task, algorithm, seed and environments", () => {
  expect(checkpointFacts(config)).toEqual(facts);
  const { state: got, envs } = read();
  expect([got, envs]).toEqual([state, "3"]);
  expect(read({ envs: "8" }).envs).toBe("8"); // its own, where the run's have changed
  expect(read({ envs: undefined }).envs).toBe("3");
  expect(environmentsOf({ settings: {} })).toEqual({});
  expect(read({ seed: undefined }).envs).toBe("3"); // older ones had none
});

test.each([
  ["format", "pigrad 2"],
  ["task", "line"],
  ["algo", "a2c"],
  ["seed", "8"],
])("a checkpoint of another %s is refused", (name, value) => {
  const own = facts[name as keyof typeof facts];
  const message = `here: expected a checkpoint of ${name} "${own}", got "${value}"`;
  expect(() => read({ [name]: value })).toThrow(message);
  expect(() => read({ [name]: value })).toThrow(FormatError);
  if (name !== "seed") expect(() => read({ [name]: undefined })).toThrow(/got undefined/);
});

test.each([{ weights: Float32Array.of(1) }, { update: -1 }, { update: 0.5 }, { update: [1, 2] }])(
  "a state without a number of updates is refused: %j",
  (saved) => {
    expect(() => read({}, saved)).toThrow("here: expected update as a whole number ≥ 0");
  },
);

test("config.json comes back whole, with what tells its corpora", () => {
  const sha256 = "0123456789abcdef".repeat(4);
  const corpora = { "a.txt": { bytes: 0, sha256 } };
  const text = JSON.stringify({ ...config, from: "runs/x", corpora });
  const whole = runFileFrom(text, "c");
  expect([whole.config, whole.corpora]).toEqual([{ ...config, from: "runs/x" }, corpora]);
  const plain = runFileFrom(JSON.stringify(config), "c");
  expect([plain.config, plain.corpora]).toEqual([config, {}]);
  for (const broken of [
    { bytes: -1, sha256 },
    { bytes: 1.5, sha256 },
    { bytes: 1 },
    { bytes: 1, sha256: sha256.slice(1) },
    { bytes: 1, sha256: sha256.toUpperCase() },
    { bytes: 1, sha256: `${sha256}0` },
    null,
    [1],
  ])
    expect(() => runFileFrom(JSON.stringify({ ...config, corpora: { a: broken } }), "c")).toThrow(
      "c: expected corpora as objects of bytes and sha256",
    );
  for (const [name, value, what] of [
    ["task", 5, "task as a text"],
    ["backend", null, "backend as a text"],
    ["seed", -1, "seed as a whole number"],
    ["steps", 1.5, "steps as a whole number"],
    ["settings", [], "settings as an object"],
    ["from", 5, "from as a text"],
  ] as const)
    expect(() => runFileFrom(JSON.stringify({ ...config, [name]: value }), "c")).toThrow(
      `c: expected ${what}, got`,
    );
  for (const text of ["[]", "5", "null", '"x"'])
    expect(() => runFileFrom(text, "c")).toThrow("c: expected an object");
});

test("lines are within their bounds, on both sides", () => {
  const metric = { update: 0, envSteps: 0, seconds: 0 };
  const figures = (n: number) =>
    Object.fromEntries(Array.from({ length: n }, (_, i) => [`f${i}`, i]));
  const line = (more: object): string => JSON.stringify({ ...metric, ...more });
  expect(Object.keys(metricFrom(line(figures(997)), "m"))).toHaveLength(1000);
  expect(() => metricFrom(line(figures(998)), "m")).toThrow(
    "m: expected at most 1000 figures, got 1001",
  );
  expect(metricFrom(line({ ["x".repeat(200)]: "text" }), "m")).toHaveProperty(
    "x".repeat(200),
    "text",
  );
  expect(() => metricFrom(line({ ["x".repeat(201)]: 1 }), "m")).toThrow(
    /as a number, a text or null/,
  );
  for (const value of [true, {}, [1]])
    expect(() => metricFrom(line({ x: value }), "m")).toThrow(
      'm: expected "x" as a number, a text or null',
    );
  for (const name of ["update", "envSteps", "seconds"])
    for (const value of [-1, "1", null])
      expect(() => metricFrom(line({ [name]: value }), "m")).toThrow(`m: expected ${name} as a`);
  expect(() => metricFrom(`${line({}).slice(0, -1)},"seconds":1e999}`, "m")).toThrow(/seconds/);
  expect(() => metricFrom("{", "m")).toThrow("m: expected JSON");
  const sample = { update: 0, prompt: "", completion: "", reward: 1, tokens: [] };
  const token = { text: "", own: false, advantage: 1, logRatio: 2, entropy: null };
  expect(sampleFrom(JSON.stringify({ ...sample, tokens: [token] }), "s")).toEqual({
    ...sample,
    tokens: [{ ...token, entropy: Number.NaN }],
  });
  for (const name of ["advantage", "logRatio", "entropy"])
    for (const value of ["1", undefined, true])
      expect(() =>
        sampleFrom(JSON.stringify({ ...sample, tokens: [{ ...token, [name]: value }] }), "s"),
      ).toThrow(`s: expected ${name} as a number or null`);
  expect(() => sampleFrom(JSON.stringify({ ...sample, reward: undefined }), "s")).toThrow(/reward/);
});
