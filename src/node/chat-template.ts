/** Loads @huggingface/jinja, an optional dependency that renders chat templates. */
import { SettingError } from "../core/errors.ts";
import type { Jinja } from "../text/chat-template.ts";
import { codeOf } from "./files.ts";

const name = "@huggingface/jinja";

/** Imports the renderer. Throws SettingError, with what to install, where it is missing. */
export async function loadJinja(): Promise<Jinja> {
  try {
    const { Template } = await import("@huggingface/jinja");
    return (source) => {
      const template = new Template(source);
      return (variables) => template.render({ ...variables });
    };
  } catch (error) {
    if (codeOf(error) !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new SettingError(`chat_template: expected ${name}, found none: npm i ${name}`);
  }
}
