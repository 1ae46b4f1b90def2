/** Chapter 9: a language model end to end: examples by a poor teacher, imitation, rewards, samples, fresh prompts. */
import * as pg from "pigrad";

const letters = [..."abcde"];
const prompts = letters.flatMap((a) => letters.flatMap((b) => letters.map((c) => `${a}${b}${c}`)));
const reversed = (text: string): string => [...text].reverse().join("");

/** The teacher reverses a text half of the time, and copies it otherwise. */
const examples = prompts.flatMap((prompt) => [
  { prompt: `${prompt}>`, completion: reversed(prompt) },
  { prompt: `${prompt}>`, completion: prompt },
]);
const task = pg.defineTask({
  about: "reverse three letters",
  examples,
  reward: (prompt: string, completion: string) =>
    Number(completion === reversed(prompt.replace(">", ""))),
  completionLength: 4,
});

export interface Point {
  readonly tokens: number;
  readonly reward: number;
}
const settings = { width: 32, layers: 1, heads: 2, sftTexts: 32, prompts: 16, groupSize: 8 };

/** Imitates for some updates, then learns from rewards; prints samples between the two, and the end. */
async function train(algo: string, sftUpdates: number): Promise<Point[]> {
  const changes = { ...settings, sftUpdates, learningRate: 0.003 };
  const run = pg.train(task, { algo, seed: 600, steps: 12_000, settings: changes });
  const points: Point[] = [];
  for await (const { update, envSteps, meanReturn } of run) {
    if (envSteps > 0) points.push({ tokens: envSteps, reward: meanReturn });
    if (sftUpdates === 0 || update !== sftUpdates) continue;
    const drawn = [1, 2, 3, 4].map((seed) => run.writer.complete("abc>", { greedy: false, seed }));
    console.log(`  after imitation, four answers to abc>: ${drawn.join(" ")}`);
  }
  const shown = [0, 3, 7, 11, points.length - 1].map((at) => points[at].reward.toFixed(2));
  console.log(`  share of right answers, over updates: ${shown.join(" ")}`);
  const { meanReturn } = await run.evaluate();
  console.log(
    `  greedy, on prompts apart: ${meanReturn.toFixed(2)}, abc>${run.writer.complete("abc>")}`,
  );
  return points;
}

export const curves: Record<string, Point[]> = {};
for (const [name, algo, sftUpdates] of [
  ["imitation, then GRPO", "grpo", 150],
  ["imitation, then RLOO", "rloo", 150],
  ["GRPO alone", "grpo", 0],
] as const) {
  console.log(name);
  curves[name] = await train(algo, sftUpdates);
}
