/** A published model from a site: its files are fetched once, with progress, and kept in the page's cache storage. */
import { FormatError } from "../core/errors.ts";
import { decodeUtf8 } from "../core/utf8.ts";
import { besideNames } from "../text/tokenizer-json.ts";
import type { BlobLike } from "./files.ts";
import { fileOfEach } from "./shards.ts";

/** Files beside the weights; a folder may lack most of them. */
const described = ["config.json", "generation_config.json", "tokenizer.json", ...besideNames];
const index = "model.safetensors.index.json";

export interface FetchOptions {
  /** Called as bytes of a file come; `total` is null where the site does not say it. */
  readonly progress?: (file: string, bytes: number, total: number | null) => void;
  /** The name of the cache; null for none. Default "pigrad-models". Unused where the platform has no cache storage. */
  readonly cache?: string | null;
}

// what is needed of the platform's types
interface Body {
  getReader(): { read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array }> };
}
interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: Body | null;
  blob(): Promise<BlobLike>;
}
interface Store {
  match(url: string): Promise<Answer | undefined>;
  put(url: string, answer: Answer): Promise<void>;
}
interface Platform {
  readonly fetch: (url: string) => Promise<Answer>;
  readonly caches?: { open(name: string): Promise<Store> };
  readonly Blob: new (parts: readonly Uint8Array[]) => BlobLike;
  readonly Response: new (blob: BlobLike) => Answer;
}
const platform = globalThis as unknown as Platform;

/**
 * Fetches a model's folder for `modelFiles`. `folder` is the address of its files without their names. Throws
 * FormatError for a file that cannot be fetched.
 */
export async function fetchModel(
  folder: string,
  { progress = () => {}, cache = "pigrad-models" }: FetchOptions = {},
): Promise<Record<string, BlobLike>> {
  const store = cache === null ? undefined : await platform.caches?.open(cache);
  const files: Record<string, BlobLike> = {};
  const take = async (name: string): Promise<void> => {
    const url = `${folder.replace(/\/$/, "")}/${name}`;
    const kept = await store?.match(url);
    const blob = kept === undefined ? await fetched(url, name, progress) : await kept.blob();
    if (blob === null) return;
    if (kept === undefined) await store?.put(url, new platform.Response(blob));
    files[name] = blob;
  };
  for (const name of [...described, index]) await take(name);
  for (const name of await weightsOf(files[index])) await take(name);
  return files;
}

/** Returns a file; null if the site has none of this name. */
async function fetched(
  url: string,
  name: string,
  progress: NonNullable<FetchOptions["progress"]>,
): Promise<BlobLike | null> {
  const answer = await platform.fetch(url).catch((error: unknown) => {
    throw new FormatError(`${url}: cannot be fetched (${String(error)})`);
  });
  if (answer.status === 404) return null;
  if (!answer.ok || answer.body === null)
    throw new FormatError(`${url}: cannot be fetched (status ${answer.status})`);
  const length = answer.headers.get("content-length");
  const total = length === null ? null : Number(length);
  const reader = answer.body.getReader();
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    const part = step.value as Uint8Array;
    parts.push(part);
    bytes += part.length;
    progress(name, bytes, total);
  }
  return new platform.Blob(parts);
}

/** Returns the names of the files of weights. */
async function weightsOf(list: BlobLike | undefined): Promise<readonly string[]> {
  if (list === undefined) return ["model.safetensors"];
  const bytes = new Uint8Array(await list.slice(0, list.size).arrayBuffer());
  return [...new Set(fileOfEach(decodeUtf8(bytes)).values())];
}
