/** Explains one update of a run: what it did to a decision, and which of its samples pulled it up or down. */
import { textOf } from "../algos/completion-scores.ts";
import { dot, pullsOf, samplesOfSteps } from "../algos/explain-update.ts";
import { type Report, type Training, weightsOf } from "../algos/training.ts";
import { passSizes } from "../algos/tune.ts";
import { SettingError } from "../core/errors.ts";
import { type Awaiting, nextOf } from "../core/waiting.ts";
import { flatOf } from "../policies/scalar.ts";
import { CompletionChunks } from "../rollout/completion-chunks.ts";
import type { DecisionPoint } from "./explain-decision.ts";
import type { Session } from "./session.ts";
import type { LanguageSession } from "./text/session.ts";

export interface PulledSample {
  /** The step's place and action, or the prompt and the completion. */
  readonly what: string;
  readonly reward: number;
  /** Of a step; of a completion the mean over its tokens. */
  readonly advantage: number;
  /** What the sample adds to the target per unit of learning rate, by plain gradient ascent. */
  readonly pull: number;
}

export interface UpdatedTarget {
  readonly name: string;
  readonly before: number;
  readonly after: number;
  /** ⟨∇f, Δθ⟩: the change to first order in the step that the optimizer took, over all its epochs. */
  readonly firstOrder: number;
  /** Sums of the pulls above and below 0. */
  readonly up: number;
  readonly down: number;
  /** The samples that pulled most, strongest first. */
  readonly strongest: readonly PulledSample[];
}

export interface ExplainedUpdate {
  readonly update: number;
  readonly samples: number;
  readonly targets: readonly UpdatedTarget[];
}

export interface ExplainUpdateOptions {
  /** Samples to return per target. */
  readonly most: number;
  /** Names an action in the environment's form. */
  readonly nameOf: (command: ArrayLike<number>) => string;
  readonly awaiting?: Awaiting;
}

/**
 * Takes the next update of a session that holds a whole training. The session's weights are then those before the update, and
 * it must not be trained further.
 */
export async function explainUpdate(
  session: Session,
  { targets, at }: DecisionPoint,
  { most, nameOf, awaiting }: ExplainUpdateOptions,
): Promise<ExplainedUpdate> {
  const { parameters } = session.kind === "text" ? session.gpt : session.training.model;
  const saved = weightsOf(parameters).save();
  const [old, before] = [flatOf(parameters, "data"), targets.map((target) => target.at(at))];
  const gradients = targets.map((target) => target.weightGradient(at));
  const { done } = await nextOf<Report, void>(session.reports, awaiting);
  if (done === true)
    throw new SettingError("--update: expected a run with an update to come, got none");
  const after = targets.map((target) => target.at(at));
  const step = flatOf(parameters, "data").map((w, i) => w - old[i]);
  weightsOf(parameters).restore(saved);
  const { samples, pulls } =
    session.kind === "text"
      ? completionPulls(session, gradients)
      : stepPulls(session.training, gradients, nameOf);
  return {
    update: session.training.update,
    samples: samples.length,
    targets: targets.map(({ name }, t) => ({
      name,
      before: before[t],
      after: after[t],
      firstOrder: dot(gradients[t], step),
      up: pulls[t].reduce((sum, pull) => sum + Math.max(pull, 0), 0),
      down: pulls[t].reduce((sum, pull) => sum + Math.min(pull, 0), 0),
      strongest: [...pulls[t].keys()]
        .sort((i, j) => Math.abs(pulls[t][j]) - Math.abs(pulls[t][i]) || i - j)
        .slice(0, most)
        .map((i) => ({ ...samples[i](), pull: pulls[t][i] })),
    })),
  };
}

/** Samples that are described when they are shown, and their pulls per target. */
interface Pulls {
  readonly samples: readonly (() => Omit<PulledSample, "pull">)[];
  readonly pulls: readonly Float64Array[];
}

function stepPulls(
  { learned, model }: Training,
  gradients: readonly Float64Array[],
  nameOf: (command: ArrayLike<number>) => string,
): Pulls {
  if (learned === null)
    throw new SettingError(
      "--update: expected an algorithm that learns from one rollout, got one whose workers have their own, or one of your own",
    );
  const { rollout, advantage } = learned;
  const { chunks, samples } = samplesOfSteps(learned);
  const width = model.head.actionSize;
  const command = new Float64Array(width);
  const described = samples.map(({ row }) => () => {
    const { step, env } = rollout.placeOf(row);
    model.head.command(command, rollout.action.subarray(row * width, (row + 1) * width));
    const what = `step ${step + 1} of environment ${env + 1}: ${nameOf(command)}`;
    return { what, reward: rollout.reward[row], advantage: advantage[row] };
  });
  return { samples: described, pulls: pullsOf(chunks, samples, advantage, gradients) };
}

function completionPulls(
  { training, gpt, task, config }: LanguageSession,
  gradients: readonly Float64Array[],
): Pulls {
  const { batch } = training;
  if (batch === null)
    throw new SettingError(
      "--update: expected a run that learns from rewards, got one in its supervised stage",
    );
  const { completions: c, prompts, advantage } = batch;
  const all = Array.from({ length: c.count }, (_, i) => i).filter((i) => c.length[i] > 0);
  const longest = all.reduce((most, i) => Math.max(most, c.prompt[i].length + c.length[i]), 0);
  const one = { longest, mean: longest, samples: 1, steps: c.steps, pass: longest, together: 1 };
  const sizes = passSizes({ ...one, tokens: task.tokenizer.vocab });
  const own = c.mask.map((mask, i) => (mask === 0 ? 0 : advantage[i]));
  const samples = all.map((i) => ({
    units: [i],
    entries: Array.from({ length: c.length[i] }, (_, j) => i * c.steps + j),
  }));
  const described = samples.map(({ units: [i], entries }) => () => ({
    what: `${prompts[i]}${textOf(task, c, i)}`,
    reward: c.reward[i],
    advantage: entries.reduce((sum, at) => sum + own[at], 0) / entries.length,
  }));
  const chunks = new CompletionChunks(gpt, c, sizes, Number(config.settings.temperature));
  return { samples: described, pulls: pullsOf(chunks, samples, own, gradients) };
}
