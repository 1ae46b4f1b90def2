/** Compares a tokenizer with the reference library's on texts. */
import type { Random } from "../../src/core/random.ts";
import { type HubTokenizer, readTokenizerJson } from "../../src/text/tokenizer-json.ts";
import { type StrictTokenizer, strictFrom } from "../text/strict.ts";

const common = [
  ..."abcdefghijklmnopqrstuvwxyzABTHES0123456789",
  ..." .,!?'-_()[]{}<>\"/\\@#$%&*+=;:~^|`",
  ...[
    "the",
    "The",
    "THE",
    " the",
    "'s",
    "'S",
    "'ll",
    "'RE",
    "ing",
    "ab",
    "abc",
    "12",
    "123",
    "  ",
    "    ",
  ],
  ...[
    "\n",
    "\r\n",
    "\t",
    "\n\n",
    " \n",
    "\u0085",
    "\u00a0",
    "\u2028",
    "\u3000",
    "\u200b",
    "\ufeff",
    "\u200d",
  ],
  ...[
    "é",
    "e\u0301",
    "ß",
    "ẞ",
    "ſ",
    "K",
    "Σ",
    "σ",
    "ς",
    "İ",
    "ı",
    "ﬁ",
    "½",
    "²",
    "Ⅷ",
    "٣",
    "ʰ",
    "ª",
  ],
  ...[
    "中",
    "文",
    "漢字",
    "の",
    "カ",
    "한",
    "ᄒ",
    "ก",
    "ा",
    "क्",
    "א",
    "ع",
    "Ж",
    "🎲",
    "👩\u200d💻",
    "𝒜",
    "🇫🇷",
    "\u{20000}",
  ],
  ...[
    "▁",
    "Ġ",
    "##",
    "<unk>",
    "<s>",
    "</s>",
    "<w>",
    "<l>",
    "<r>",
    "<mask>",
    "[CLS]",
    "[SEP]",
    "[UNK]",
    "<0x0A>",
  ],
  ...[
    "<|begin_of_text|>",
    "<|eot_id|>",
    "<|im_start|>",
    "<think>",
    "<tool_call>",
    "<|endoftext|>",
    "\0",
    "\u0001",
  ],
];

/**
 * Draws texts of common pieces and of any characters, but for those that versions of Unicode class differently: some parts
 * of the reference have tables of Unicode 8, and its patterns others than this Node.
 */
export class Texts {
  readonly leftOut = new Set<number>();
  private readonly same = new Set<number>();
  private readonly probes: readonly Sides[];

  constructor(probes: readonly string[]) {
    this.probes = probes.map(sidesOf);
  }

  next(random: Random): Promise<string> {
    return this.text(random, () => this.code(random));
  }

  /** A text whose characters stand in blocks that have hardly changed. */
  old(random: Random): Promise<string> {
    return this.text(random, async () => {
      for (;;) {
        const code = random.below(0xd7a4);
        if (isOld(code) && /\P{C}/u.test(String.fromCodePoint(code))) return code;
      }
    });
  }

  private async text(random: Random, code: () => Promise<number>): Promise<string> {
    const parts: string[] = [];
    const share = random.below(4);
    for (let n = random.below(20); n > 0; n--) {
      if (random.below(4) < share) parts.push(String.fromCodePoint(await code()));
      else parts.push(common[random.below(common.length)]);
    }
    return parts.join("");
  }

  private async code(random: Random): Promise<number> {
    for (;;) {
      const code = random.below([0x300, 0x3000, 0x10000, 0x110000][random.below(4)]);
      if (/\P{C}/u.test(String.fromCodePoint(code)) && (await this.isSame(code))) return code;
    }
  }

  private async isSame(code: number): Promise<boolean> {
    if (this.same.has(code)) return true;
    if (this.leftOut.has(code)) return false;
    const said = await Promise.all(
      this.probes.map((sides) => differs(sides, `ab${String.fromCodePoint(code)}ab`)),
    );
    const isSame = said.every((wrong) => wrong === null);
    (isSame ? this.same : this.leftOut).add(code);
    return isSame;
  }
}

/** Characters of blocks that have hardly changed since Unicode 8, but for the sign of the era Reiwa: never left out. */
export const isOld = (code: number): boolean =>
  code !== 0x32ff &&
  (code < 0x600 ||
    (code >= 0x2000 && code < 0x2c00) ||
    (code >= 0x3040 && code < 0x9fcd) ||
    (code >= 0xac00 && code < 0xd7a4));

export interface Sides {
  readonly mine: HubTokenizer;
  readonly theirs: StrictTokenizer;
}

export function sidesOf(json: string): Sides {
  if (strictFrom === null) throw new Error("the reference is not installed");
  return { mine: readTokenizerJson(json), theirs: strictFrom(json) };
}

/** Says how ids or decoded text differ; null if they do not. */
export async function differs({ mine, theirs }: Sides, text: string): Promise<string | null> {
  for (const around of [false, true]) {
    const want = (await theirs.encode(text, null, { addSpecialTokens: around })).getIds();
    const got = mine.encode(text, { special: true, around });
    if (want.join() !== got.join())
      return `${JSON.stringify(text)}: want ${want.join()}, got ${got.join()}`;
    for (const special of [false, true]) {
      const written = await theirs.decode(want, !special);
      const said = mine.decode(got, { special });
      if (written !== said)
        return `decode of ${JSON.stringify(text)}: want ${JSON.stringify(written)}, got ${JSON.stringify(said)}`;
    }
  }
  return null;
}
