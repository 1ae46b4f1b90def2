/** A baseline of texts that learns nothing: it repeats the source, or the first words of a text. */
import { evenly } from "../../src/text/corpus.ts";
import type { Reward } from "../../src/text/rewards.ts";
import type { TextTask } from "../../src/text/task.ts";

const copies: Readonly<Record<string, (prompt: string) => string>> = {
  translate: (prompt) => prompt.trimEnd(),
  summarize: (prompt) => (prompt.match(/[a-z']+/g) ?? []).slice(0, 3).join(" "), // as many as its summaries have
};

/** Returns each measure of copies of at most `most` prompts, one by one; null where a task has no copy. */
export function copying(
  name: string,
  { prompts, measures }: TextTask,
  most: number,
  side: "validation" | "heldOut" = "heldOut",
): Readonly<Record<string, readonly number[]>> | null {
  const copy = copies[name];
  if (copy === undefined) return null;
  const asked = evenly(prompts[side], most);
  const scores = (of: Reward) => asked.map((prompt) => Number(of(prompt, copy(prompt), [])));
  return Object.fromEntries(Object.entries(measures).map(([measure, of]) => [measure, scores(of)]));
}
