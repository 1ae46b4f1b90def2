/** Explains one token of a completion: which tokens before it raised or lowered its probability. */
import { SettingError } from "../../core/errors.ts";
import { exp } from "../../core/math.ts";
import type { Random } from "../../core/random.ts";
import { Tape } from "../../core/tape.ts";
import { input, NONE, type Tensor, variable } from "../../core/tensor.ts";
import { categoricalLogProb } from "../../distributions/categorical.ts";
import type { HubModel } from "../../models/build.ts";
import { reshape, rows } from "../../ops/layout.ts";
import { scalarOf } from "../../policies/scalar.ts";
import { begun, type TextTask } from "../../text/task.ts";
import {
  type Baseline,
  type DecisionPoint,
  type ExplainedDecision,
  rowSums,
  targetsOf,
} from "../explain-decision.ts";
import { completing } from "./completing.ts";
import type { LanguageSession } from "./session.ts";

/** A token that was chosen, and the tokens before it. */
export interface ChosenToken {
  readonly before: readonly number[];
  readonly token: number;
  /** Its number in the completion, from 1. */
  readonly step: number;
  readonly completion: string;
}

/** Completes the text `seen` and returns the completion's token `step`, from 1. Throws SettingError for one after the last. */
export function meetToken(
  session: LanguageSession,
  {
    seen,
    step,
    greedy,
  }: { readonly seen: string; readonly step: number; readonly greedy: boolean },
  random: Random,
): ChosenToken {
  const { task, gpt } = session;
  const prompt = begun(task, task.tokenizer.encode(seen));
  const tokens = tokensOf(completing(session, prompt, random, greedy ? { greedy } : {}));
  if (step > tokens.length)
    throw new SettingError(
      `--step: expected at most ${tokens.length}, the tokens of the completion, got ${step}`,
    );
  const before = [...prompt, ...tokens.slice(0, step - 1)];
  if (before.length > gpt.options.context)
    throw new SettingError(
      `--prompt: expected at most ${gpt.options.context} tokens up to the decision, got ${before.length}`,
    );
  return { before, token: tokens[step - 1], step, completion: task.tokenizer.decode(tokens) };
}

function tokensOf(texts: ReturnType<typeof completing>): readonly number[] {
  for (;;) {
    const next = texts.next();
    if (next.done) return next.value.tokens;
  }
}

/** Returns ln π(token) as a function of the embeddings of the tokens before it, [tokens, width]. */
export function tokenPoint(
  { gpt, task }: LanguageSession,
  { before, token }: Pick<ChosenToken, "before" | "token">,
): DecisionPoint {
  const { backend: k } = gpt.parameters;
  const { vocab } = gpt.options;
  const { tokens, positions } = textOf(gpt, before);
  const embedded = embeddedBy(gpt, tokens, positions);
  const x = variable(k, embedded.shape);
  const action = input(k, [1], [token]);
  const allowed = task.tokenizer.vocab < vocab ? input(k, [1, vocab]) : NONE;
  allowed.data.fill(1, 0, task.tokenizer.vocab);
  const scalar = scalarOf(gpt.parameters, x, () => {
    const hidden = withEmbedding(gpt, x, () => gpt.hidden(tokens, positions));
    const last = rows(reshape(hidden, [before.length, -1]), before.length - 1, before.length);
    return categoricalLogProb(gpt.logits(last), action, allowed);
  });
  const name = `ln π(${tokenText(task, token)})`;
  return { targets: [{ ...scalar, name }], at: embedded.data };
}

/** Returns the attributions of a token, one sum per token before it. */
export function explainToken(
  session: LanguageSession,
  chosen: ChosenToken,
  baseline: Baseline,
): ExplainedDecision {
  const { gpt, task } = session;
  const { before, token } = chosen;
  const point = tokenPoint(session, chosen);
  const base =
    baseline === "zeros" ? new Float64Array(point.at.length) : meanEmbeddings(gpt, before);
  const targets = targetsOf(point, base).map((target) => ({
    ...target,
    attributions: Float64Array.from(rowSums(target, before.length)),
  }));
  return {
    chosen: tokenText(task, token),
    probability: exp(targets[0].to),
    targets,
    rows: before.map((id) => tokenText(task, id)),
    columns: ["all"],
    values: [],
    baseline:
      baseline === "zeros"
        ? "zeros in place of each token's embedding and position"
        : "the mean of all tokens' embeddings, at each position",
  };
}

/** A token as it is shown: an end and a line feed as signs. */
export function tokenText({ tokenizer }: Pick<TextTask, "tokenizer">, token: number): string {
  const text = tokenizer.decode([token]);
  return text === "" ? "⏹" : text.replaceAll("\n", "⏎");
}

interface Text {
  readonly tokens: Tensor;
  readonly positions: Tensor;
}

/** Returns a text as a batch of one, [1, T], at positions 0 to T − 1 or all at 0. */
function textOf({ parameters }: HubModel, ids: readonly number[], first = false): Text {
  const shape = [1, ids.length];
  const tokens = input(parameters.backend, shape, ids);
  const positions = input(
    parameters.backend,
    shape,
    ids.map((_, i) => (first ? 0 : i)),
  );
  return { tokens, positions };
}

const embeddedBy = (gpt: HubModel, tokens: Tensor, positions: Tensor): Tensor =>
  new Tape(gpt.parameters.backend, { grads: false }).run(() => gpt.parts.embed(tokens, positions));

/** Runs `body` with `x` in place of every token's embedding. */
function withEmbedding<T>({ parts }: HubModel, x: Tensor, body: () => T): T {
  const { embed } = parts;
  parts.embed = () => x;
  try {
    return body();
  } finally {
    parts.embed = embed;
  }
}

/**
 * Returns the mean over the vocabulary of the embeddings at each position, [T, width]. An embedding is the sum of a
 * token's and a position's part, so that the position's is what stays when token parts, seen at position 0, are exchanged.
 */
function meanEmbeddings(gpt: HubModel, ids: readonly number[]): Float64Array {
  const at = (text: Text): Tensor => embeddedBy(gpt, text.tokens, text.positions);
  const { vocab } = gpt.options;
  const whole = at(textOf(gpt, ids));
  const alone = at(textOf(gpt, ids, true));
  const all = at(
    textOf(
      gpt,
      Array.from({ length: vocab }, (_, id) => id),
      true,
    ),
  );
  const width = all.data.length / vocab;
  const mean = new Float64Array(width);
  for (let i = 0; i < all.data.length; i++) mean[i % width] += all.data[i] / vocab;
  return Float64Array.from(whole.data, (v, i) => v - alone.data[i] + mean[i % width]);
}
