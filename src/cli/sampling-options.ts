/** Options of the commands that sample from a language model. */
import { SettingError } from "../core/errors.ts";
import type { GenerateOptions } from "../nn/decode.ts";
import { samplingSettings } from "../nn/sampler.ts";
import { realNumber, wholeNumber } from "./args.ts";

/** Options of every command that samples. */
export const samplingOptions = {
  seed: { type: "string" },
  greedy: { type: "boolean" },
  temperature: { type: "string" },
  "top-k": { type: "string" },
  "top-p": { type: "string" },
} as const;
type SamplingValues = {
  readonly greedy?: boolean | undefined;
  readonly [name: string]: unknown;
} & { readonly [name in "temperature" | "top-k" | "top-p"]?: string | undefined };

/** Returns how to sample, as the command line says. */
export function samplingOf(values: SamplingValues): GenerateOptions {
  const given = {
    greedy: values.greedy,
    temperature: realNumber("temperature", values.temperature, 0),
    topK: wholeNumber("top-k", values["top-k"], 0),
    topP: realNumber("top-p", values["top-p"], 0),
  };
  for (const [name, option, hint] of [
    ["temperature", "--temperature", "; --greedy takes the likeliest token"],
    ["topP", "--top-p", ""],
  ] as const) {
    const { read, allowed } = samplingSettings[name];
    if (given[name] !== undefined && read(given[name]) === undefined)
      throw new SettingError(`${option}: expected ${allowed}, got ${given[name]}${hint}`);
  }
  return Object.fromEntries(Object.entries(given).filter(([, x]) => x !== undefined));
}
