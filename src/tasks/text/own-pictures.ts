/** Own pictures and their captions, as `caption` takes them: a folder, and a file of lines of JSON. */
import { FormatError, SettingError } from "../../core/errors.ts";
import { brief } from "../../core/printable.ts";
import { messageOf } from "../../core/thrown.ts";
import { decodeNetpbm } from "../../io/netpbm.ts";
import { boxAverage, type Picture } from "../../io/picture.ts";
import { decodePng, pngSignature } from "../../io/png.ts";
import { Cider } from "../../text/cider.ts";
import { mapSides } from "../../text/corpus.ts";
import type { Reward } from "../../text/rewards.ts";
import { symbols } from "../../text/symbols.ts";
import { endToken, type TextTask } from "../../text/task.ts";
import type { ReadCorpus } from "../task.ts";
import { sidesOf } from "./own-text.ts";
import { patchesPerPicture, patchPixels, seeing, side, writePatches } from "./pictures.ts";

const mostPictures = 10_000;
const mostBytes = 2 ** 26; // of a file
const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];

export interface OwnPictures {
  /** The folder's path; "" for no pictures of one's own. */
  readonly folder: string;
  /** The path of a file of lines of JSON, each with `file`, a path in the folder, and `caption`. */
  readonly captions: string;
  readonly judge: string;
}

/**
 * Returns the task of naming what one's own pictures show. A picture with several captions may be named by any of
 * them. Throws SettingError for settings that do not go together, FormatError for a broken file.
 */
export function captionOwn({ folder, captions, judge }: OwnPictures, read: ReadCorpus): TextTask {
  if (folder === "" || captions === "")
    throw new SettingError("caption: expected folder and captions together, got one of them");
  if (judge !== "cider")
    throw new SettingError(
      `judge: expected cider for own pictures, whose facts are not known, got ${judge}; add --set judge=cider`,
    );
  const said = captionsOf(read(captions), captions);
  const files = [...said.keys()];
  const rows = new Float32Array(files.length * patchesPerPicture * patchPixels);
  const size = patchesPerPicture * patchPixels;
  for (const [i, file] of files.entries())
    writePatches(rows.subarray(i * size, (i + 1) * size), scaledFile(`${folder}/${file}`, read));
  const numbers = new Map(files.map((file, i) => [`picture ${file}`, i]));
  const captionsFor = (prompt: string) => said.get(prompt.slice("picture ".length)) ?? [];
  const all = [...said.values()].flat();
  const plain = symbols(
    [...new Set(all.flat())].sort().map((word) => ` ${word}`),
    [endToken],
  );
  const sides = sidesOf([...numbers.keys()], 0.1, (prompt) => prompt);
  const likeness = new Cider(sides.train.map(captionsFor));
  const cider: Reward = (prompt, made) => likeness.score(wordsOf(made), captionsFor(prompt)) / 10;
  const exact: Reward = (prompt, made) =>
    Number(captionsFor(prompt).some((words) => words.join(" ") === wordsOf(made).join(" ")));
  const textOf = (words: readonly string[]): string => words.map((word) => ` ${word}`).join("");
  const examplesOf = (prompt: string) =>
    captionsFor(prompt).map((words) => ({ prompt, completion: textOf(words) }));
  const { train, validation, heldOut } = mapSides(sides, examplesOf);
  return {
    tokenizer: seeing(plain, (prompt) => {
      const number = numbers.get(prompt);
      if (number !== undefined) return number;
      throw new FormatError(`caption: expected a picture of ${captions}, got ${brief(prompt)}`);
    }),
    pictures: { pixels: patchPixels, rows },
    examples: { train: train.flat(), validation: validation.flat(), heldOut: heldOut.flat() },
    prompts: sides,
    reward: cider,
    measures: { cider, exact },
    completionLength: 1 + all.reduce((most, words) => Math.max(most, words.length), 0),
  };
}

/** Returns the captions of each file, as words. */
function captionsOf(text: string, name: string): Map<string, string[][]> {
  const found = new Map<string, string[][]>();
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const { file, caption } = captionLine(line, `${name}, line ${i + 1}`);
    found.set(file, [...(found.get(file) ?? []), wordsOf(caption)]);
  }
  if (found.size === 0 || found.size > mostPictures)
    throw new FormatError(`${name}: expected 1 to ${mostPictures} pictures, got ${found.size}`);
  return found;
}

function captionLine(line: string, where: string): { file: string; caption: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new FormatError(`${where}: is not JSON: ${messageOf(error)}`);
  }
  const { file, caption } = (value ?? {}) as Record<string, unknown>;
  if (typeof file !== "string" || typeof caption !== "string" || wordsOf(caption).length === 0)
    throw new FormatError(
      `${where}: expected {"file", "caption"}, two texts, with words in caption`,
    );
  // the file may come from anyone, and names nothing outside the folder
  if (!/^[^\p{Cc}\\:]+$/u.test(file) || file.split("/").some((part) => /^\.{0,2}$/.test(part)))
    throw new FormatError(`${where}: expected file as a path in the folder, got ${brief(file)}`);
  return { file, caption };
}

/** Returns the pixels of a picture's file, scaled to the task's size. Errors begin with the file's name. */
function scaledFile(name: string, read: ReadCorpus): Float32Array {
  if (read.bytes === undefined)
    throw new SettingError(`folder: no way to read ${brief(name)} here`);
  const bytes = read.bytes(name, mostBytes);
  try {
    return boxAverage(decoded(bytes), side);
  } catch (error) {
    if (error instanceof FormatError) throw new FormatError(`${name}: ${error.message}`);
    throw error;
  }
}

function decoded(bytes: Uint8Array): Picture {
  if (bytes[0] === pngSignature[0]) return decodePng(bytes);
  if (bytes[0] === "P".charCodeAt(0)) return decodeNetpbm(bytes);
  throw new FormatError("expected a picture as PNG, PGM or PPM");
}
