/** Loads the saved weights of a model into another one, which must have the same shapes. */
import { FormatError } from "../core/errors.ts";
import { isNumbers, type State } from "../core/state.ts";
import { type Parameters, type Shape, sameShape, show } from "../core/tensor.ts";

/** Weights that a model without critic, or value head, leaves out. */
const isOfValue = (name: string): boolean => /^(critic|value)\./.test(name);

/**
 * Loads weights by name. Throws FormatError, and changes nothing, for a weight that is missing, has another shape or
 * a number that is not finite, and for one that the model does not have, unless it is of the critic or value head.
 * `shapes` are the saved model's, for messages. Default: unknown.
 */
export function loadWeights(
  { list }: Parameters,
  saved: State,
  shapes: ReadonlyMap<string, Shape> = new Map(),
): void {
  const lists = (saved ?? {}) as Readonly<Record<string, State>>;
  const found = list.map(({ name, shape, data }) => {
    const wanted = `weights: expected ${name} of ${show(shape)}`;
    const numbers = Object.hasOwn(lists, name) ? lists[name] : null;
    if (!isNumbers(numbers)) throw new FormatError(`${wanted}, got none`);
    const got = shapes.get(name) ?? (numbers.length === data.length ? shape : null);
    if (got === null) throw new FormatError(`${wanted}, got ${numbers.length} numbers`);
    if (!sameShape(got, shape)) throw new FormatError(`${wanted}, got ${show(got)}`);
    const at = Array.prototype.findIndex.call(numbers, (x) => !Number.isFinite(x));
    if (at >= 0)
      throw new FormatError(
        `weights: expected finite numbers in ${name}, got ${numbers[at]} at ${at}`,
      );
    return numbers;
  });
  const own = new Set(list.map(({ name }) => name));
  const further = Object.keys(lists).find((name) => !own.has(name) && !isOfValue(name));
  if (further !== undefined)
    throw new FormatError(`weights: expected a model without ${further}, which the saved one has`);
  for (const [i, { data }] of list.entries()) data.set(found[i]);
}
