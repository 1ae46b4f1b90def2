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

/** Returns a package's folder, installed where it was not; null where that fails. */
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
  "llama-2": llama2,
};

/** Makes a file like the hub's of the vocabulary and merges that a package has as text, without special tokens. */
function llama2(at: string): string {
  const source = readFileSync(join(at, "llama-tokenizer.js"), "utf8");
  const [tokens, pairs] = ["vocab_base64", "merges_binary"].map((name) =>
    Buffer.from(new RegExp(`llama_${name} = "([^"]*)"`).exec(source)?.[1] ?? "", "base64"),
  );
  const texts = tokens.toString().split("\n");
  const idAt = (i: number): string => texts[pairs.readUInt16LE(2 * i)];
  const space = (from: string, content: string) => ({
    type: "Replace",
    pattern: { String: from },
    content,
  });
  const normalizers = [{ type: "Prepend", prepend: "▁" }, space(" ", "▁")];
  const strip = { type: "Strip", content: " ", start: 1, stop: 0 };
  const decoders = [space("▁", " "), { type: "ByteFallback" }, { type: "Fuse" }, strip];
  return JSON.stringify({
    ...usual,
    added_tokens: [],
    normalizer: { type: "Sequence", normalizers },
    pre_tokenizer: null,
    decoder: { type: "Sequence", decoders },
    model: {
      type: "BPE",
      ...{ dropout: null, unk_token: "<unk>", fuse_unk: true, byte_fallback: true },
      ...{ continuing_subword_prefix: null, end_of_word_suffix: null },
      vocab: Object.fromEntries(texts.map((token, id) => [token, id])),
      merges: Array.from({ length: pairs.length / 4 }, (_, i) => [idAt(2 * i), idAt(2 * i + 1)]),
    },
  });
}

/** Checks the vectors of published tokenizers; true if some are wrong. */
export function checkReal(): boolean {
  let failed = false;
  for (const family of Object.keys(packages)) {
    const own = cases.filter(({ name }) => name.startsWith(`${family}/`));
    const json = jsonOf(family);
    if (json === null) {
      console.log(`${family.padEnd(40)} skipped: its package cannot be had here`);
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
