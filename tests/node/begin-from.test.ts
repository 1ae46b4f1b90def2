// @module-tag deep
/** A run that begins from the weights of another one, of which some do not fit: what the message says. */
import { existsSync, rmSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { pigrad, temporary } from "../support/pigrad.ts";

const at = temporary();
const set = (settings: string): string[] => settings.split(" ").flatMap((one) => ["--set", one]);
const quick = ["--quiet", "--steps", "100"];

const control = "hidden=6,5 rollout=8 minibatch=8 envs=2";
const text = "width=8 heads=1 layers=2 sftUpdates=1 prompts=2 groupSize=2";
beforeAll(async () => {
  for (const [out, task, settings] of [
    ["cartpole", "cartpole", control],
    ["gpt", "arith", text],
    ["llama", "arith", `${text} family=llama`],
  ]) {
    const args = ["train", task, ...quick, ...set(settings), "--out", at(out)];
    expect((await pigrad(...args)).stderr).toBe("");
  }
});

// of a run: the task, the settings, and what is said about the weights and about the run
type Case = [task: string, settings: string, weight: string, run: string];
const cases: [from: string, list: Case[]][] = [
  [
    "cartpole",
    [
      [
        "cartpole",
        "hidden=4,5",
        "expected policy.0.weight of [4, 4], got [6, 4]",
        " with --set hidden=6,5",
      ],
      [
        "cartpole",
        "hidden=6,3",
        "expected policy.1.weight of [3, 6], got [5, 6]",
        " with --set hidden=6,5",
      ],
      [
        "cartpole",
        "hidden=6,5,7",
        "expected policy.2.weight of [7, 5], got none",
        " with --set hidden=6,5",
      ],
      [
        "cartpole",
        "hidden=6,5 shared=true",
        "expected body.0.weight of [6, 4], got none",
        " with --set shared=false",
      ],
      [
        "acrobot",
        "hidden=6,5 normalizeObservation=false normalizeReward=false",
        "expected policy.0.weight of [6, 6], got [6, 4]",
        " on cartpole",
      ],
    ],
  ],
  [
    "gpt",
    [
      [
        "arith",
        "width=16 heads=1",
        "expected wte.weight of [13, 16], got [13, 8]",
        " with --set width=8",
      ],
      [
        "arith",
        "width=8 heads=1 layers=1",
        "expected 1 layers, got tensor",
        " with --set layers=2",
      ],
    ],
  ],
  [
    "llama",
    [
      [
        "arith",
        "family=llama width=16 heads=1",
        "expected model.embed_tokens.weight of [13, 16], got [13, 8]",
        " with --set width=8",
      ],
      [
        "arith",
        "family=llama width=8 heads=1 layers=1",
        "expected a model without model.layers.1.",
        " with --set layers=2",
      ],
      [
        "arith",
        "family=llama width=8 heads=1 tied=false",
        "expected lm_head.weight of [13, 8], got none",
        " with --set tied=true",
      ],
    ],
  ],
];
describe.each(cases)("from %s", (from, list) => {
  test.each(list)("%s %s: %s", async (task, settings, weight, run) => {
    const args = ["train", task, ...quick, ...set(settings), "--init", at(from), "--out", at("no")];
    const { status, stderr } = await pigrad(...args);
    expect(stderr).toContain(`pigrad: ${at(from, "checkpoint.safetensors")}: `);
    expect(stderr).toContain(weight);
    expect(stderr).toContain(`; ${at(from)} was trained${run}\n`);
    expect(status).toBe(2);
    expect(existsSync(at("no"))).toBe(false);
  });
});

test("a part of the other model is not enough: hidden=6 would leave out the second of two layers", async () => {
  const run = at("square");
  await pigrad(
    "train",
    "cartpole",
    ...quick,
    ...set("hidden=6,6 rollout=8 minibatch=8 envs=2"),
    "--out",
    run,
  );
  const args = [
    "train",
    "cartpole",
    ...quick,
    ...set("hidden=6"),
    "--init",
    run,
    "--out",
    at("no"),
  ];
  expect((await pigrad(...args)).stderr).toContain(
    `expected a model without policy.1.bias, which the saved one has; ${run} was trained with --set hidden=6,6`,
  );
});

test("weights that fit another model are said to have been trained otherwise", async () => {
  const begin = async (settings: string) => {
    const args = ["train", "cartpole", "--steps", "100", ...set(settings), "--out", at("other")];
    const { stdout } = await pigrad(...args, "--from", at("cartpole"));
    rmSync(at("other"), { recursive: true });
    return stdout;
  };
  expect(await begin(`${control} activation=relu`)).toContain(
    `${at("cartpole")} was trained with --set activation=tanh, this run is not\n`,
  );
  expect(await begin(control)).not.toContain("was trained with");
});
