/** A published model in the worker: its files, read at once, from what a person picked or from a site. */
import { fetchModel } from "../../src/models/fetch.ts";
import type { BlobLike, ModelFiles } from "../../src/models/files.ts";
import { type OwnFile, registerOwn } from "../../src/tasks/own-files.ts";
import { publishedFrom } from "../../src/tasks/text/published.ts";

declare const FileReaderSync: new () => { readAsArrayBuffer(blob: unknown): ArrayBuffer };

/** Returns files that answer at once, as workers can read them. */
function syncFiles(files: Readonly<Record<string, BlobLike>>): ModelFiles {
  const reader = new FileReaderSync();
  return {
    size: (name) => (Object.hasOwn(files, name) ? files[name].size : null),
    read: (name, start, end) =>
      new Uint8Array(reader.readAsArrayBuffer(files[name].slice(start, end))),
  };
}

const path = "the model of the page";

/** Loads all of a model but its weights. Returns it as a run's file, and says what it is. */
export async function loadPageModel(
  from: readonly File[] | string,
  progress: (what: string) => void,
): Promise<{ readonly file: OwnFile; readonly about: string }> {
  const told = (file: string, bytes: number, total: number | null): void =>
    progress(
      `${file}: ${total === null ? `${bytes} bytes` : `${Math.floor((100 * bytes) / total)} %`}`,
    );
  const files =
    typeof from === "string"
      ? await fetchModel(from, { progress: told })
      : Object.fromEntries(from.map((file) => [file.name, file as BlobLike]));
  const published = publishedFrom(syncFiles(files));
  registerOwn(path, published);
  const { family, layers, width } = published.config;
  const millions = (published.weights / 1e6).toPrecision(3);
  return {
    file: { path, sha256: "" },
    about: `${family}, ${layers} layers of ${width}, ${millions} million weights`,
  };
}
