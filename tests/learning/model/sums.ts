/** Sums in words, for `npm run results:model`: "forty-two plus seventeen is" asks for "fifty-nine". */
import { sums } from "./texts.ts";

const answers = sums();
const exact = (prompt: string, completion: string) =>
  Number(completion.trim() === answers.get(prompt));

export default {
  prompts: [...answers.keys()].map((prompt) => ({ prompt })),
  reward: exact,
  measures: { exact },
  completionLength: 8,
};
