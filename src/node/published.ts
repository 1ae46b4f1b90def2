/** Reads the folder of a published model: its tokenizer, and a hash of all that a run needs of it. */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";
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
    return { published: publishedFrom(files, jinja), sha256: hashOf(path, files) };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError(`${given}: ${error.message}`);
  }
}

const described = ["config.json", "generation_config.json", "tokenizer.json", ...besideNames];
const piece = 2 ** 24; // bytes read at a time

/** Hashes of folders by path, each with the stamp of its files. New threads get a copy of what their parent has. */
const shared = "pigrad: hashes of models";
type Hashes = Map<string, { readonly stamp: string; readonly sha256: string }>;
const hashes: Hashes = (getEnvironmentData(shared) as Hashes | undefined) ?? new Map();

/**
 * Returns the hash of the files that describe a model, as far as they are there, and of those of its weights. Reads them
 * once in a process: its threads, and later runs, compare the stamp.
 */
function hashOf(path: string, files: SyncFiles): string {
  const tensors = [...runNow(locateTensors(files), "model").values()];
  const weights = new Set(tensors.map(({ file }) => file));
  const names = [...described, ...[...weights].sort()];
  const stamp = stampOf(path, names);
  const known = hashes.get(path);
  if (known !== undefined && known.stamp === stamp) return known.sha256;
  const sha256 = hashOfFiles(files, names);
  if (stamp !== null) {
    hashes.set(path, { stamp, sha256 });
    setEnvironmentData(shared, hashes);
  }
  return sha256;
}

const settled = 2000; // milliseconds, the coarsest clock of a file system

/**
 * Returns what every write to one of the files changes: device, inode, size, and the times of content and inode. null
 * where one has just been written: a clock that is coarse would show no difference after the next write.
 */
function stampOf(path: string, names: readonly string[]): string | null {
  const found = names.map((name) =>
    statSync(join(path, name), { bigint: true, throwIfNoEntry: false }),
  );
  const last = Math.max(...found.map((file) => Number(file?.ctimeMs ?? 0)));
  if (Date.now() - last < settled) return null;
  return found
    .map((file) => file && [file.dev, file.ino, file.size, file.mtimeNs, file.ctimeNs].join(" "))
    .join("\n");
}

function hashOfFiles(files: SyncFiles, names: readonly string[]): string {
  const hash = createHash("sha256");
  for (const name of names) {
    const size = files.size(name);
    if (size === null) continue;
    hash.update(`${name} ${size}\n`);
    for (let at = 0; at < size; at += piece)
      hash.update(files.read(name, at, Math.min(size, at + piece)));
  }
  return hash.digest("hex");
}
