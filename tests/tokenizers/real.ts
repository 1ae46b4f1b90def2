/** Published tokenizers out of npm packages, installed on demand; skipped with a reason where that fails. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readTokenizerJson } from "../../src/text/tokenizer-json.ts";

interface Case {
  readonly name: string;
  readonly package: string;
  readonly file: string;
  readonly text: string;
  readonly expected: {
    readonly ids: readonly number[];
    readonly idsWithSpecial?: readonly number[];
    readonly decoded?: string;
    readonly decodedWithSpecial?: string;
  };
}

const here = fileURLToPath(new URL(".", import.meta.url));
const { cases, packages } = JSON.parse(
  readFileSync(join(here, "tokenizers_real.json"), "utf8"),
) as {
  readonly cases: readonly Case[];
  readonly packages: Readonly<
    Record<string, { readonly package: string; readonly version: string }>
  >;
};

/** Where a package is, installed where it was not; null where that fails. */
function installed(name: string, version: string): string | null {
  const folder = join(here, "installed.tmp", name.replaceAll(/[/@]/g, "-"));
  const at = join(folder, "node_modules", name);
  if (!existsSync(at)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), "{}");
    const flags = ["--no-audit", "--no-fund", "--no-save", "--ignore-scripts"];
    spawnSync("npm", ["install", "--prefix", folder, ...flags, `${name}@${version}`], {
      stdio: "ignore",
    });
  }
  return existsSync(at) ? at : null;
}

const vocabularies = new Map<string, string | null>();

/** A package's tokenizer.json, or one made of its files; null where the package cannot be had. */
function jsonOf(family: string): string | null {
  const known = vocabularies.get(family);
  if (known !== undefined) return known;
  const { package: name, version } = packages[family];
  const at = installed(name, version);
  const json = at === null ? null : makers[family](at);
  vocabularies.set(family, json);
  return json;
}

const tokenizerJson = (at: string): string =>
  readFileSync(join(at, "models/tokenizer.json"), "utf8");
const byteLevel = {
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: true,
};
const usual = {
  version: "1.0",
  truncation: null,
  padding: null,
  normalizer: null,
  post_processor: null,
};

const makers: Readonly<Record<string, (at: string) => string>> = {
  "llama-3": tokenizerJson,
  qwen3: tokenizerJson,
  mistral: tokenizerJson,
  "gpt-2"(at) {
    const merges = readFileSync(join(at, "vocab.bpe"), "utf8").split("\n").slice(1, -1);
    const vocab = JSON.parse(readFileSync(join(at, "encoder.json"), "utf8"));
    const bpe = {
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
    };
    return JSON.stringify({
      ...usual,
      added_tokens: [],
      pre_tokenizer: byteLevel,
      decoder: byteLevel,
      model: { type: "BPE", ...bpe, byte_fallback: false, vocab, merges },
    });
  },
};

/** Checks the vectors of published tokenizers; true if some are wrong. */
export function checkReal(): boolean {
  let failed = false;
  for (const family of Object.keys(packages)) {
    const own = cases.filter(({ name }) => name.startsWith(`${family}/`));
    const json = makers[family] === undefined ? undefined : jsonOf(family);
    if (json === undefined || json === null) {
      const reason =
        json === null ? "its package cannot be had here" : "no tokenizer.json in its package";
      console.log(`${family.padEnd(40)} skipped: ${reason}`);
      continue;
    }
    const tokenizer = readTokenizerJson(json);
    const wrong = own.filter(({ text, expected }) => {
      const ids = tokenizer.encode(text, { special: true });
      const said = {
        ids,
        idsWithSpecial: tokenizer.encode(text, { special: true, around: true }),
        decoded: tokenizer.decode(ids),
        decodedWithSpecial: tokenizer.decode(ids, { special: true }),
      };
      return Object.entries(expected).some(
        ([key, want]) =>
          key in said && JSON.stringify(said[key as keyof typeof said]) !== JSON.stringify(want),
      );
    });
    console.log(`${family.padEnd(40)} ${own.length} vectors, ${wrong.length} wrong`);
    for (const { text, expected } of wrong.slice(0, 3))
      console.log(
        `  ${JSON.stringify(text)} ${JSON.stringify(expected)} ${tokenizer.encode(text, { special: true })}`,
      );
    failed ||= wrong.length > 0;
  }
  return failed;
}

/** The published tokenizers by name, where they can be had. */
export const realFiles = (): (readonly [string, string])[] =>
  Object.keys(makers).flatMap((family) => {
    const json = jsonOf(family);
    return json === null ? [] : [[`published: ${family}`, json] as const];
  });
