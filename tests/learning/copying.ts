/** A baseline of texts that learns nothing: it repeats the source, or the first words of a text. */
import { statisticsOf } from "../../src/rollout/evaluate.ts";
import { evenly } from "../../src/text/corpus.ts";
import type { TextTask } from "../../src/text/task.ts";

const copies: Readonly<Record<string, (prompt: string) => string>> = {
  translate: (prompt) => prompt.trimEnd(),
  summarize: (prompt) => (prompt.match(/[a-z']+/g) ?? []).slice(0, 3).join(" "), // as many as its summaries have
};

export type Copying = Readonly<Record<string, ReturnType<typeof statisticsOf>>>;

/** Returns the mean of each measure for copies of at most `most` prompts; null where a task has no copy. */
export function copying(
  name: string,
  { prompts, measures }: TextTask,
  most: number,
  side: "validation" | "heldOut" = "heldOut",
): Copying | null {
  const copy = copies[name];
  if (copy === undefined) return null;
  const asked = evenly(prompts[side], most);
  return Object.fromEntries(
    Object.entries(measures).map(([measure, of]) => [
      measure,
      statisticsOf(asked.map((prompt) => Number(of(prompt, copy(prompt), [])))),
    ]),
  );
}
