/** Work on a list, as many items at a time as there are cores. */
import { availableParallelism } from "node:os";

/** Returns what each item comes to, in order. */
export async function overCores<T, R>(items: readonly T[], work: (item: T) => Promise<R>) {
  const results: R[] = [];
  const left = [...items.entries()];
  const next = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift())
      results[one[0]] = await work(one[1]);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, next));
  return results;
}
