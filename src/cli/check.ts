/** pigrad check FILE: holds an environment, or a text, to its contract and says what to mend. */

import { runLater } from "../core/waiting.ts";
import { checkEnv } from "../envs/check-env.ts";
import type { Dynamics } from "../envs/env.ts";
import type { Space } from "../envs/space.ts";
import { newCorpus } from "../node/corpora.ts";
import { awaitInTime, guardCalls } from "../node/patience.ts";
import { guarded } from "../tasks/own-environment.ts";
import { resolve } from "../tasks/run.ts";
import { open } from "../tasks/session.ts";
import { only, pairs } from "./args.ts";
import { imageNote } from "./image-note.ts";
import { requestFor } from "./own.ts";
import { parseOptions } from "./parse.ts";
import { say } from "./stdout.ts";

export const checkHelp = `  pigrad check TASK [--algo NAME] [--reward FILE] [--model FOLDER] [--set key=value]...
      hold a task, by name or file, to its contract, and say what it is or what to mend: of an
      environment, spaces, seeds, ends, masks and saving in 1,000 random steps; of a text,
      its data, tokenizer and reward on a few completions`;

export async function checkCommand(args: string[]): Promise<void> {
  const { values, positionals } = parseOptions(args, {
    algo: { type: "string" },
    reward: { type: "string" },
    model: { type: "string" },
    set: { type: "string", multiple: true },
  });
  const settings = pairs(values.set ?? []);
  const request = await requestFor({ task: only("task", positionals), ...values, settings });
  const session = open(resolve({ ...request, backend: "loops" }), {
    read: newCorpus({}),
    guard: guardCalls,
  });
  if (session.kind === "environment") {
    const env = session.makeEnv();
    if (env.isAsync) await runLater(session.evaluating(3, 1, false), awaitInTime);
    else guarded(positionals[0], () => checkEnv(session.makeEnv));
    say(`observation: ${described(env.observationSpace)}\n`);
    say(`action: ${described(env.actionSpace)}${env.mask === undefined ? "" : ", masked"}\n`);
    say(imageNote(session));
    if (Number.isFinite(env.maxSteps)) say(`at most ${env.maxSteps} steps per episode\n`);
    if (!env.canSave) say("it cannot be saved: a resumed run begins new episodes\n");
    const { observationSpace: space } = env;
    if (!env.isAsync && looksLikePixels(space, session.makeEnv))
      say(
        "hint: observations go up to 255; --set observationScale=0.00392156862745098 learns better\n",
      );
    env.close();
  } else {
    const { examples, prompts, tokenizer } = session.task;
    const count = ({ train, validation, heldOut }: typeof examples | typeof prompts): string =>
      `${train.length} to learn from, ${validation.length} for validation, ${heldOut.length} held out`;
    say(`examples: ${count(examples)}\nprompts: ${count(prompts)}\n`);
    say(`tokenizer: ${tokenizer.vocab} tokens; context ${session.gpt.options.context}\n`);
    const { samples } = await runLater(session.evaluating(3, 1, false), awaitInTime);
    for (const { prompt, completion, reward } of samples)
      say(`reward ${reward} for ${JSON.stringify(prompt)} and ${JSON.stringify(completion)}\n`);
    session.prepare(); // refuses what a training would
  }
  session.close();
  say("all is well\n");
}

function described(space: Space): string {
  const names =
    space.names === null
      ? ""
      : ` (${space.names.slice(0, 8).join(", ")}${space.names.length > 8 ? ", …" : ""})`;
  switch (space.kind) {
    case "discrete":
      return `one of ${space.n} choices${names}`;
    case "multiDiscrete":
      return `choices of ${space.choices.join(", ")}${names}`;
    case "multiBinary":
      return `${space.size} bits${names}`;
    default:
      return `${space.size} numbers, shape [${space.shape.join(", ")}]${names}`;
  }
}

/** Returns whether observations look like pixels: whole numbers from 0 to 255, some above 1. */
function looksLikePixels(space: Space, make: () => Dynamics): boolean {
  if (space.kind !== "box" || space.shape.length < 2) return false;
  const env = make();
  env.seed(1);
  const { observation } = env.reset();
  env.close();
  const fits = observation.every((x) => Number.isInteger(x) && x >= 0 && x <= 255);
  return fits && (observation.some((x) => x > 1) || space.high.every((x) => x === 255));
}
