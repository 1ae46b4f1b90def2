/** A reward for JSON: whether a completion parses, and whether it is valid by a JSON schema (by ajv, an optional package). */
import { SettingError } from "../core/errors.ts";
import { messageOf } from "../core/thrown.ts";
import type { RewardOptions } from "../text/own-reward.ts";

type Validate = (value: unknown) => boolean;

/** Returns 1 for a completion that is valid by the schema, `parsed` (default 0.2) for other JSON, else 0. */
export function jsonReward(schema: object, { parsed = 0.2 } = {}): RewardOptions {
  let validate: Promise<Validate> | null = null;
  return {
    async batch(samples) {
      validate ??= compiled(schema);
      const valid = await validate;
      return samples.map(({ completion }) => {
        try {
          return valid(JSON.parse(completion)) ? 1 : parsed;
        } catch {
          return 0;
        }
      });
    },
  };
}

async function compiled(schema: object): Promise<Validate> {
  try {
    const { Ajv } = await import("ajv");
    return new Ajv({ strict: false }).compile(schema);
  } catch (error) {
    const missing = (error as { code?: unknown }).code === "ERR_MODULE_NOT_FOUND";
    throw new SettingError(
      missing
        ? "jsonReward: needs ajv; npm install ajv"
        : `jsonReward: the schema: ${messageOf(error)}`,
    );
  }
}
