/**
 * Loads weights of an actor-critic from other libraries' files. Layouts are PyTorch's; a table translates the names.
 * Layers are renumbered, because PyTorch's Sequential also counts activations.
 */
import { FormatError } from "../core/errors.ts";
import { show, sizeOf } from "../core/tensor.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import type { ActorCritic } from "../policies/actor-critic.ts";

/** Prefixes of names in plain files, CleanRL and stable-baselines3, with ours. */
const beginnings: readonly (readonly [theirs: string, ours: string])[] = [
  ["actor_logstd", "policy.logStd"],
  ["logStd", "policy.logStd"],
  ["log_std", "policy.logStd"],
  ["policy.logStd", "policy.logStd"],
  ["mlp_extractor.policy_net.", "policy."],
  ["mlp_extractor.value_net.", "critic."],
  ["action_net.", "policy.head."],
  ["value_net.", "critic.head."],
  ["actor_mean.", "policy."],
  ["actor.", "policy."],
  ["policy.", "policy."],
  ["critic.", "critic."],
];

/** Returns the file's name of each tensor by our name. */
function ourNames(theirs: Iterable<string>): Map<string, string> {
  const begun = new Map<string, string>();
  for (const name of theirs) {
    const found = beginnings.find(([beginning]) => name.startsWith(beginning));
    if (found !== undefined) begun.set(found[1] + name.slice(found[0].length), name);
  }
  const numbered = /^(policy|critic)\.(\d+)\.(weight|bias)$/;
  const named = new Map<string, string>();
  for (const [name, own] of begun) {
    const [, net, number, part] = numbered.exec(name) ?? [];
    if (net === undefined) {
      named.set(name, own);
      continue;
    }
    const numbers = [...begun.keys()]
      .filter((other) => other.startsWith(`${net}.`) && other.endsWith(`.${part}`))
      .flatMap((other) => numbered.exec(other)?.[2] ?? []);
    const place = numbers
      .map(Number)
      .sort((a, b) => a - b)
      .indexOf(Number(number));
    const isHead = place === numbers.length - 1 && !begun.has(`${net}.head.${part}`);
    named.set(`${net}.${isHead ? "head" : place}.${part}`, own);
  }
  return named;
}

/**
 * Writes the tensors into the model. Throws FormatError and changes nothing if one is missing or has another shape; ln
 * σ may be one row. `others` are the dtypes of the file's tensors that are not floating-point numbers, for the error
 * message.
 */
export function loadActorCritic(
  model: ActorCritic,
  tensors: ReadonlyMap<string, NamedTensor>,
  others: ReadonlyMap<string, string> = new Map(),
): void {
  const names = ourNames([...tensors.keys(), ...others.keys()]);
  const found = model.parameters.list.map(({ name, shape }) => {
    const theirs = names.get(name);
    const tensor = theirs === undefined ? undefined : tensors.get(theirs);
    const dtype = theirs === undefined ? undefined : others.get(theirs);
    if (dtype !== undefined)
      throw new FormatError(
        `actor-critic: expected ${theirs} as floating-point numbers, got ${dtype}`,
      );
    if (tensor === undefined) {
      throw new FormatError(
        `actor-critic: expected a tensor for "${name}", got ${[...tensors.keys()]}`,
      );
    }
    const fits = tensor.shape.filter((n) => n !== 1).join() === shape.filter((n) => n !== 1).join();
    if (!fits || sizeOf(tensor.shape) !== sizeOf(shape))
      throw new FormatError(
        `actor-critic: expected ${name} of ${show(shape)}, got ${show(tensor.shape)}`,
      );
    return tensor.data;
  });
  for (const [i, { data }] of model.parameters.list.entries()) data.set(found[i]);
}
