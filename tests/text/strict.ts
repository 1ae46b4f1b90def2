/** The Rust library of Hugging Face through its native package, where that is installed for this machine. */
import { createRequire } from "node:module";

interface Encoding {
  getIds(): number[];
}
export interface StrictTokenizer {
  encode(
    text: string,
    pair: null,
    options: { readonly addSpecialTokens: boolean },
  ): Promise<Encoding>;
  decode(ids: readonly number[], skipSpecialTokens: boolean): Promise<string>;
}

/** Reads a tokenizer.json; throws for a file that lacks a field. Null where the package is not installed. */
export const strictFrom: ((json: string) => StrictTokenizer) | null = (() => {
  try {
    const { Tokenizer } = createRequire(import.meta.url)("@anush008/tokenizers") as {
      Tokenizer: { fromString(json: string): StrictTokenizer };
    };
    return (json) => Tokenizer.fromString(json);
  } catch {
    return null;
  }
})();

export const strictIds = async (tokenizer: StrictTokenizer, text: string): Promise<number[]> => [
  ...(await tokenizer.encode(text, null, { addSpecialTokens: false })).getIds(),
];
