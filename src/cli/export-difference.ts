/** The difference that weights of a smaller dtype make to a model's outputs. */
import type { Floats } from "../core/backend.ts";
import { SettingError } from "../core/errors.ts";
import { Tape } from "../core/tape.ts";
import { inputs, type Parameters } from "../core/tensor.ts";
import { type Dtype, stored } from "../io/quantize.ts";
import { Decoder } from "../nn/decode.ts";
import type { EnvironmentSession } from "../tasks/environment-session.ts";
import type { Session } from "../tasks/session.ts";
import type { LanguageSession } from "../tasks/text/session.ts";
import { evenly } from "../text/corpus.ts";
import { promptTokens } from "../text/task.ts";
import { evaluationSeed } from "./eval.ts";

const count = 100;

export interface Difference {
  /** The largest absolute difference of an output: a logit, or an action's mean. */
  readonly most: number;
  readonly inputs: string;
}

/** Stores the session's weights in the dtype and returns what that changes. The session keeps the stored weights. */
export function storedDifference(session: Session, dtype: Dtype): Difference {
  return session.kind === "text"
    ? textDifference(session, dtype)
    : policyDifference(session, dtype);
}

function textDifference({ gpt, task }: LanguageSession, dtype: Dtype): Difference {
  const prompts = evenly(task.prompts.validation, count);
  const decoder = new Decoder(gpt, Math.max(1, prompts.length));
  const outputs = (): Floats => {
    decoder.clearAll();
    for (const [i, prompt] of prompts.entries())
      for (const token of promptTokens(task, prompt)) decoder.push(i, token);
    decoder.run();
    return decoder.logits.slice();
  };
  const most = differenceOf(gpt.parameters, dtype, outputs);
  decoder.free();
  return { most, inputs: `${prompts.length} prompts` };
}

function policyDifference(session: EnvironmentSession, dtype: Dtype): Difference {
  const { model } = session.training;
  const { backend: k } = model.parameters;
  const { memorySize, options } = model;
  const [x, state, reset] = inputs(k, [
    [count, options.observation.size],
    [count, Math.max(1, memorySize)],
    [1, count],
  ]);
  let seen = 0;
  for (let seed = evaluationSeed; seen < count; seed++) {
    session.play(1, seed, true, (_, actor) => {
      if (seen === count) return;
      x.data.set(actor.observation, seen * actor.observation.length);
      state.data.set(actor.state, seen * memorySize);
      reset.data[seen++] = actor.reset[0];
    });
  }
  const tape = new Tape(k, { grads: false });
  const memory = memorySize === 0 ? null : { state, reset };
  const outputs = (): Floats => tape.run(() => model.forward(x, memory)).data.slice();
  return { most: differenceOf(model.parameters, dtype, outputs), inputs: `${count} observations` };
}

/** Replaces the weights by those that are stored. Returns the largest difference of the outputs. */
function differenceOf({ list }: Parameters, dtype: Dtype, outputs: () => Floats): number {
  const before = outputs();
  for (const { data, shape } of list) data.set(stored(data, shape, dtype));
  const after = outputs();
  let most = 0;
  for (let i = 0; i < before.length; i++) {
    const difference = Math.abs(after[i] - before[i]);
    if (!Number.isFinite(difference))
      throw new SettingError(
        `--dtype ${dtype}: expected weights within its range, got larger ones`,
      );
    most = Math.max(most, difference);
  }
  return most;
}
