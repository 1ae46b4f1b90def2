/** Records by a JSON schema, for `npm run results:model`: "Ada, 36, Oslo:" asks for an object with these three. */
import { jsonReward } from "../../../src/node/json-reward.ts";
import { people } from "./texts.ts";

const persons = people();
const schema = {
  type: "object",
  required: ["name", "age", "city"],
  properties: {
    name: { type: "string", minLength: 1 },
    age: { type: "integer", minimum: 0, maximum: 120 },
    city: { type: "string", minLength: 1 },
  },
  additionalProperties: false,
};

export default {
  prompts: [...persons.keys()].map((prompt) => ({ prompt })),
  reward: jsonReward(schema, { parsed: 0 }),
  measures: {
    /** Whether the record says what was asked. */
    right: (prompt: string, completion: string) =>
      Number(completion.trim() === JSON.stringify(persons.get(prompt))),
  },
  completionLength: 40,
};
