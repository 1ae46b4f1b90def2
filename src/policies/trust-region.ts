/**
 * The KL and the Fisher matrix of a policy's actions, by the kind of its head. Those of a squashed Gaussian are the
 * Gaussian's, because tanh is one-to-one.
 */
import { SettingError } from "../core/errors.ts";
import { input, type Tensor } from "../core/tensor.ts";
import { categoricalKl } from "../distributions/categorical.ts";
import { gaussianKl } from "../distributions/gaussian.ts";
import { fisherForm, gaussianFisherForm } from "../estimators/fisher.ts";
import type { ActorCritic } from "./actor-critic.ts";
import { logStdName } from "./head.ts";

export interface TrustRegion {
  /** Copies the parameters that the distribution has besides `params`, as the old ones of `kl`. */
  remember(): void;
  /** Returns KL(old‖new), [rows]; `oldParams` carries no gradient. */
  kl(oldParams: Tensor, params: Tensor, mask: Tensor): Tensor;
  /** Returns the form of the Fisher matrix (estimators/fisher.ts) at `params`, for their tangent along `direction`. */
  fisher(params: Tensor, tangent: Tensor, mask: Tensor): Tensor;
}

/** `direction` has the same options as the policy. Throws SettingError for a head without a Fisher matrix. */
export function trustRegion(
  { head, parameters }: ActorCritic,
  direction: ActorCritic,
): TrustRegion {
  if (head.kind === "categorical")
    return { remember: () => {}, kl: categoricalKl, fisher: fisherForm };
  const [logStd, moved] = [parameters, direction.parameters].map((of) => of.get(logStdName));
  if (logStd === undefined || moved === undefined)
    throw new SettingError("natural gradients: expected a categorical or a Gaussian policy");
  const oldLogStd = input(parameters.backend, logStd.shape);
  return {
    remember: () => oldLogStd.data.set(logStd.data),
    kl: (oldMean, mean) => gaussianKl(oldMean, oldLogStd, mean, logStd),
    fisher: (mean, tangent) => gaussianFisherForm(mean, logStd, tangent, moved),
  };
}
