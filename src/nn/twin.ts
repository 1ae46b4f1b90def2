/** Second models of the same form, such as the reference of a KL term. */
import { Random } from "../core/random.ts";
import { recompute } from "./recompute.ts";
import type { LanguageModel, Transformer } from "./transformer.ts";
import { sharing, type WeightList } from "./weights.ts";

// biome-ignore lint/suspicious/noExplicitAny: of any family
type Model = Transformer<any, any>;
type Family = new (
  ...given: [Model["parameters"]["backend"], unknown, Random, WeightList | undefined]
) => Model;

const changes = new WeakMap<LanguageModel, ((twin: never) => unknown)[]>();

/** Has `change` done to the twins of a model as well, after what was given before. */
export function changeTwins<M extends LanguageModel>(model: M, change: (twin: M) => unknown): void {
  changes.set(model, [...(changes.get(model) ?? []), change]);
}

/** Returns a model of the same form and changes, with parameters of its own. Frozen weights are shared. */
export function twinOf<M extends LanguageModel>(model: M): M {
  const { parameters, options, parts } = model as unknown as Model;
  const { weights } = parts;
  const frozen = weights === parameters ? undefined : sharing(weights);
  const twin = new (model.constructor as Family)(
    parameters.backend,
    options,
    new Random(0),
    frozen,
  );
  recompute(twin, model.recompute !== null);
  for (const change of changes.get(model) ?? []) change(twin as never);
  return twin as unknown as M;
}
