/** The tensors of a model's folder: in model.safetensors, or in the shards that an index lists. */
import { FormatError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import type { Waiting } from "../core/waiting.ts";
import { parseJson } from "../io/json.ts";
import { dataStartOf, type Entry, entriesOf } from "../io/safetensors.ts";
import { type ModelFiles, readRange, readText, sizeOfFile } from "./files.ts";

/** A tensor of a folder: where its bytes are. */
export interface Located extends Entry {
  readonly file: string;
}

const whole = "model.safetensors";
const index = "model.safetensors.index.json";

/** Reads the headers of all files. Throws FormatError, which names the file, for one that is broken or missing. */
export function* locateTensors(files: ModelFiles): Waiting<ReadonlyMap<string, Located>> {
  const text = yield* readText(files, index);
  if (text !== null) return yield* locateShards(files, text);
  const located = yield* locate(files, whole);
  if (located === null) throw new FormatError(`${whole}: expected this file, or ${index}`);
  return located;
}

/** Returns the file of each tensor, as the text of an index says. Throws FormatError for a text that is none. */
export function fileOfEach(text: string): ReadonlyMap<string, string> {
  const json = parseJson(text, index);
  const names = json instanceof Map ? json.get("weight_map") : null;
  if (!(names instanceof Map && names.size > 0))
    throw new FormatError(`${index}: expected weight_map as an object of a tensor or more`);
  for (const [name, file] of names)
    if (typeof file !== "string" || !/^[\w.-]+\.safetensors$/.test(file))
      throw new FormatError(
        `${index}: expected a file's name for ${brief(name)}, got ${brief(file)}`,
      );
  return names as ReadonlyMap<string, string>;
}

function* locateShards(files: ModelFiles, text: string): Waiting<ReadonlyMap<string, Located>> {
  const shards = new Map<string, ReadonlyMap<string, Located>>();
  const all = new Map<string, Located>();
  for (const [name, file] of fileOfEach(text)) {
    const shard = shards.get(file) ?? (yield* locate(files, file));
    if (shard === null) throw new FormatError(`${index}: shard ${file} is missing`);
    shards.set(file, shard);
    const found = shard.get(name);
    if (found === undefined)
      throw new FormatError(`${file}: expected tensor ${brief(name)}, which ${index} lists there`);
    all.set(name, found);
  }
  return all;
}

/** Returns a file's tensors by name; null if there is no such file. */
function* locate(files: ModelFiles, file: string): Waiting<ReadonlyMap<string, Located> | null> {
  const size = yield* sizeOfFile(files, file);
  if (size === null) return null;
  const first = yield* readRange(files, file, [0, Math.min(8, size)]);
  const end = naming(file, () => dataStartOf(first, size));
  const header = yield* readRange(files, file, [8, end]);
  const { entries } = naming(file, () => entriesOf(header, size));
  return new Map(entries.map((entry) => [entry.name, { ...entry, file }]));
}

/** Runs `read`; a FormatError's message gets the file's name before it. */
function naming<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormatError) error.message = `${file}: ${error.message}`;
    throw error;
  }
}
