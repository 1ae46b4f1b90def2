// @ts-check
/** Write the plural of a noun: examples to imitate, then an exact reward. */

/** @param {string} noun */
export const pluralOf = (noun) => {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return /(s|x|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;
};

const nouns = "cat dog cow pig hen boy day key box fox bus wish dish inch city baby lady pony";

/** @type {import("pigrad").TaskDefinition} */
const task = {
  about: "write the plural",
  examples: nouns.split(" ").map((noun) => ({ prompt: `${noun}:`, completion: pluralOf(noun) })),
  reward: (prompt, completion) => Number(completion === pluralOf(prompt.slice(0, -1))),
  completionLength: 10,
  steps: 4000,
  preset: { sftUpdates: 150, width: 32, layers: 1 },
};
export default task;
