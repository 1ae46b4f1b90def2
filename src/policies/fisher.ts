/** The Fisher matrix of a policy's actions, by the kind of its head. */
import { SettingError } from "../core/errors.ts";
import type { Tensor } from "../core/tensor.ts";
import { fisherForm, gaussianFisherForm } from "../estimators/fisher.ts";
import type { ActorCritic } from "./actor-critic.ts";
import { logStdName } from "./head.ts";

/**
 * The form of the Fisher matrix (estimators/fisher.ts) of what the head takes, [rows, outputs], and of its tangent
 * along `direction`, a model with the same options. Throws SettingError where it is not known.
 */
export function policyFisherForm(
  { head, parameters }: ActorCritic,
  params: Tensor,
  tangent: Tensor,
  mask: Tensor,
  direction: ActorCritic,
): Tensor {
  if (head.kind === "categorical") return fisherForm(params, tangent, mask);
  const [logStd, moved] = [parameters, direction.parameters].map((of) => of.get(logStdName));
  if (logStd === undefined || moved === undefined)
    throw new SettingError("natural gradients: want a categorical or a Gaussian policy");
  return gaussianFisherForm(params, logStd, tangent, moved); // tanh is one-to-one: the squashed one's is the same
}
