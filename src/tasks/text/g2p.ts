/**
 * English spelling to phonemes: "ship" is " SH IH P". With the CMU pronouncing dictionary (`pigrad data g2p`)
 * these are 100,000 real words; without it, invented ones, spelled and spoken by the rules below.
 */
import { integer, type Values } from "../../core/settings.ts";
import { fewer, hash, mapSides, pairs, split } from "../../text/corpus.ts";
import { leastErrorRate } from "../../text/overlap.ts";
import type { Reward } from "../../text/rewards.ts";
import { symbols } from "../../text/symbols.ts";
import { endToken, type TextTask } from "../../text/task.ts";
import { taughtShare } from "./taught.ts";

export const g2pSettings = {
  longest: integer(10, "most letters of a word", { min: 3, max: 20 }),
  words: integer(60_000, "most words used", { min: 100, max: 1_000_000 }),
  taught: taughtShare,
  tests: integer(2100, "words held out, and as many for validation; at most a tenth", { min: 10 }),
};

const phonemes =
  "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH".split(
    " ",
  );
const letters = [..."abcdefghijklmnopqrstuvwxyz'"];

/** Invented syllables: how they are spelled, and spoken. */
const onsets =
  "b:B bl:B_L ch:CH d:D dr:D_R f:F g:G gr:G_R h:HH j:JH k:K l:L m:M n:N p:P pr:P_R qu:K_W r:R s:S sh:SH st:S_T t:T th:TH v:V w:W z:Z".split(
    " ",
  );
const rhymes =
  "ab:AE_B ack:AE_K ail:EY_L ake:EY_K ar:AA_R ed:EH_D eek:IY_K en:EH_N ice:AY_S ill:IH_L ing:IH_NG ite:AY_T oat:OW_T ock:AA_K oil:OY_L oom:UW_M ope:OW_P out:AW_T uck:AH_K urn:ER_N ush:AH_SH".split(
    " ",
  );

/** Word, tab, phonemes: a corpus of invented words of one or two syllables. */
export function inventedWords(): string {
  const syllables = onsets.flatMap((onset) =>
    rhymes.map((rhyme) => {
      const [[a, x], [b, y]] = [onset.split(":"), rhyme.split(":")];
      return { spelled: a + b, spoken: `${x}_${y}`.replaceAll("_", " ") };
    }),
  );
  const lines = syllables.map(({ spelled, spoken }) => `${spelled}\t${spoken}`);
  for (const first of syllables) {
    for (const second of syllables) {
      if (hash(first.spelled + second.spelled) % 60 !== 0) continue;
      lines.push(`${first.spelled}${second.spelled}\t${first.spoken} ${second.spoken}`);
    }
  }
  return lines.join("\n");
}

/** `corpus` has a word, a tab and its phonemes a line; a word may stand there more than once. */
export function g2p(
  { longest, words, taught, tests }: Values<typeof g2pSettings>,
  corpus = inventedWords(),
): TextTask {
  const spoken = new Map<string, string[][]>();
  for (const { prompt, completion } of pairs(corpus)) {
    const known = spoken.get(prompt);
    if (known !== undefined) known.push(completion.split(" "));
    else if (prompt.length <= longest && /^[a-z']+$/.test(prompt))
      spoken.set(prompt, [completion.split(" ")]);
  }
  const chosen = [...spoken.keys()].sort((a, b) => hash(a) - hash(b)).slice(0, words);
  const share = Math.min(0.1, tests / chosen.length);
  const sides = split(chosen, share, (word) => `g2p ${word}`);
  const exampleOf = (word: string) => ({
    prompt: `${word}>`,
    completion: (spoken.get(word)?.[0] ?? []).map((p) => ` ${p}`).join(""),
  });
  const wordOf = (prompt: string): string => prompt.slice(0, -1);
  const per: Reward = (prompt, completion) =>
    leastErrorRate(spoken.get(wordOf(prompt)) ?? [], completion.trim().split(" "));
  const longestSpoken = chosen.reduce(
    (most, word) => Math.max(most, (spoken.get(word)?.[0] ?? []).length),
    0,
  );
  return {
    tokenizer: symbols([...letters, ">", ...phonemes.map((p) => ` ${p}`)], [endToken]),
    examples: mapSides(
      fewer(sides, taught, (word) => word),
      exampleOf,
    ),
    prompts: mapSides(sides, (word) => `${word}>`),
    reward: (...sample) => 1 - per(...sample),
    measures: { per, exact: (...sample) => Number(per(...sample) === 0) },
    completionLength: longestSpoken + 1,
  };
}
