/**
 * A run folder as one sequence of bytes: a header of JSON with names and sizes, after its length in 4 bytes, and then the
 * files. Unpacking writes only files of a run.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { FormatError } from "../../core/errors.ts";
import { makeFolder, readRegular, writeAtomically } from "../files.ts";
import { isObject, jsonFrom, textFrom, wholeFrom, wrong } from "./wire.ts";

/** Files of a run. The checkpoint is first: files that are appended to may be newer than it, not older. */
const names = [
  "checkpoint.safetensors",
  "best.safetensors",
  "config.json",
  "metrics.jsonl",
  "samples.jsonl",
] as const;
type Name = (typeof names)[number];
const mostHeader = 4096; // bytes

/** Returns a run's files as bytes, also while a training writes them. */
export function packRun(folder: string, which: readonly Name[] = names): Uint8Array {
  const files = which
    .filter((name) => existsSync(join(folder, name)))
    .map((name) => ({ name, bytes: readRegular(join(folder, name)) }));
  const header = Buffer.from(
    JSON.stringify({ files: files.map(({ name, bytes }) => ({ name, size: bytes.length })) }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  return Buffer.concat([length, header, ...files.map(({ bytes }) => bytes)]);
}

/** Writes a packed run into a folder. Throws FormatError, before it writes, for bytes that are not one. */
export function unpackRun(bytes: Uint8Array, folder: string, where: string): void {
  const files = filesOf(bytes, where);
  makeFolder(folder);
  const order = [...files].reverse(); // config.json makes it a run: after the rest
  for (const { name, content } of order.filter(({ name }) => name !== "config.json"))
    writeAtomically(join(folder, name), content);
  for (const { name, content } of order.filter(({ name }) => name === "config.json"))
    writeAtomically(join(folder, name), content);
}

function filesOf(bytes: Uint8Array, where: string) {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = view.length < 4 ? mostHeader + 1 : view.readUInt32LE(0);
  if (length > mostHeader || 4 + length > view.length)
    throw new FormatError(`${where}: expected a packed run, got ${view.length} other bytes`);
  const header = jsonFrom(view.subarray(4, 4 + length), where);
  const list = isObject(header) ? header.files : undefined;
  if (!Array.isArray(list) || list.length > names.length) throw wrong(where, "files", list);
  let at = 4 + length;
  const files = list.map((entry: unknown) => {
    if (!isObject(entry)) throw wrong(where, "a name and a size", entry);
    const given = textFrom(entry.name, "name", where, 64);
    const name = names.find((known) => known === given);
    if (name === undefined) throw wrong(where, `one of ${names.join(", ")}`, given);
    const size = wholeFrom(entry.size, "size", where);
    const content = view.subarray(at, at + size);
    at += size;
    return { name, content };
  });
  if (at !== view.length) throw wrong(where, `${at} bytes`, view.length);
  if (new Set(files.map(({ name }) => name)).size < files.length)
    throw wrong(where, "each file once", "one twice");
  return files;
}
