/** The normalizers of a tokenizer.json: what is done to text before anything else. */
import { trimmed, trimmedEnd, trimmedStart } from "../space.ts";
import { flagOf, type Json, type Maker, stepsOf, textOf } from "./fields.ts";
import { patternOf, replaced } from "./pattern-field.ts";

export type Normalize = (text: string) => string;

const always = (normalize: Normalize): Maker<Normalize> => ({ fields: [], make: () => normalize });
const form = (name: "NFC" | "NFD" | "NFKC" | "NFKD") => always((text) => text.normalize(name));

/** Lower case per character, as the reference has it: no final sigma. */
const lower: Normalize = (text) => Array.from(text, (c) => c.toLowerCase()).join("");

const kinds: Readonly<Record<string, Maker<Normalize>>> = {
  NFC: form("NFC"),
  NFD: form("NFD"),
  NFKC: form("NFKC"),
  NFKD: form("NFKD"),
  Lowercase: always(lower),
  StripAccents: always((text) => text.replace(/\p{M}/gu, "")),
  Strip: { fields: ["strip_left", "strip_right"], make: strip },
  Prepend: {
    fields: ["prepend"],
    make(object, where) {
      const before = textOf(where, object, "prepend");
      return (text) => (text === "" ? "" : before + text);
    },
  },
  Replace: {
    fields: ["pattern", "content"],
    make(object, where) {
      const [find, content] = [patternOf(object, where), textOf(where, object, "content")];
      return (text) => replaced(text, find, content);
    },
  },
  BertNormalizer: {
    fields: ["clean_text", "handle_chinese_chars", "strip_accents", "lowercase"],
    make: bert,
  },
};

function strip(object: Json, where: string): Normalize {
  const left = flagOf(where, object, "strip_left", true);
  const right = flagOf(where, object, "strip_right", true);
  if (left && right) return trimmed;
  if (left) return trimmedStart;
  return right ? trimmedEnd : (text) => text;
}

/** BERT's own normalization (github.com/google-research/bert, tokenization.py). */
function bert(object: Json, where: string): Normalize {
  const flag = (name: string, usual: boolean) => flagOf(where, object, name, usual);
  const lowercase = flag("lowercase", true);
  const steps: Normalize[] = [];
  if (flag("clean_text", true))
    steps.push((text) =>
      text
        .replace(/(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\ufffd]/gu, "")
        .replace(/[\t\n\r\p{White_Space}]/gu, " "),
    );
  if (flag("handle_chinese_chars", true)) steps.push((text) => text.replace(ideograph, " $& "));
  if (flag("strip_accents", lowercase))
    steps.push((text) => text.normalize("NFD").replace(/\p{Mn}/gu, ""));
  if (lowercase) steps.push(lower);
  return (text) => steps.reduce((made, step) => step(made), text);
}

/** The blocks of CJK ideographs that BERT names. */
const ideograph =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;

/** Returns the function of a normalizer field; null for a file without one. Throws FormatError for any other kind. */
export function normalizerOf(given: unknown): Normalize | null {
  const steps = stepsOf(given, { where: "normalizer", list: "normalizers", kinds });
  return steps.length === 0 ? null : (text) => steps.reduce((made, step) => step(made), text);
}
