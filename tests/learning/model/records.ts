/** Records by a JSON schema, for `npm run results:model`: "Ada, 36, Oslo:" asks for an object with these three. */
import { jsonReward } from "../../../src/node/json-reward.ts";
import { type Person, people } from "./texts.ts";

const persons = people();
const fields = ["name", "age", "city"] as const;
const schema = {
  type: "object",
  required: fields,
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
    /** The share of the record's fields that say what was asked. */
    right(prompt: string, completion: string) {
      const asked = persons.get(prompt) as Person;
      try {
        const written: Partial<Person> = JSON.parse(completion);
        return fields.filter((field) => written[field] === asked[field]).length / fields.length;
      } catch {
        return 0;
      }
    },
  },
  completionLength: 40,
};
