/** Reads the folder of a published model: its tokenizer, and a hash of all that a run needs of it. */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { FormatError, SettingError } from "../core/errors.ts";
import { runNow } from "../core/waiting.ts";
import { locateTensors } from "../models/shards.ts";
import { type Published, publishedFrom } from "../tasks/text/published.ts";
import type { Jinja } from "../text/chat-template.ts";
import { besideNames } from "../text/tokenizer-json.ts";
import { missingFile } from "./missing.ts";
import { modelFolder, type SyncFiles } from "./model-folder.ts";

/** Returns a folder's model, without its weights, and the hash of its files. `given` is how messages name it. */
export function readPublished(
  path: string,
  given: string,
  jinja?: Jinja,
): { readonly published: Published; readonly sha256: string } {
  const found = statSync(path, { throwIfNoEntry: false });
  const wanted = `${given}: expected a folder with config.json and model.safetensors`;
  if (found === undefined) throw missingFile(path, `${wanted}, got none`);
  if (!found.isDirectory()) throw new SettingError(wanted);
  const files = modelFolder(path);
  try {
    return { published: publishedFrom(files, jinja), sha256: hashOf(files) };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError(`${given}: ${error.message}`);
  }
}

const described = ["config.json", "generation_config.json", "tokenizer.json", ...besideNames];
const piece = 2 ** 24; // bytes read at a time

/** Returns the hash of the files that describe a model, as far as they are there, and of those of its weights. */
function hashOf(files: SyncFiles): string {
  const hash = createHash("sha256");
  const tensors = [...runNow(locateTensors(files), "model").values()];
  const weights = new Set(tensors.map(({ file }) => file));
  for (const name of [...described, ...[...weights].sort()]) {
    const size = files.size(name);
    if (size === null) continue;
    hash.update(`${name} ${size}\n`);
    for (let at = 0; at < size; at += piece)
      hash.update(files.read(name, at, Math.min(size, at + piece)));
  }
  return hash.digest("hex");
}
