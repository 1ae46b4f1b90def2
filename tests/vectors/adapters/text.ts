/** Reference cases of rewards on lengths and of byte-pair encoding, by group and input names. */
import { trainBpe } from "../../../src/text/bpe.ts";
import { cosineLength, overlong, type Reward, softOverlong } from "../../../src/text/rewards.ts";
import type { ReferenceAdapter } from "../types.ts";

const tokens = (n: number): number[] => new Array(n).fill(0);
/** A reward of completions of these lengths, told apart by their number. */
const ofLengths = (lengths: number[], reward: Reward): number[] =>
  lengths.map((n, i) => reward("", String(i), tokens(n)));

export const referenceText: Record<string, ReferenceAdapter> = {
  "reward:cache,lengths,max_len": ({ inputs }) => ({
    reward: ofLengths(inputs.lengths, softOverlong(inputs.max_len, inputs.cache)),
  }),
  "reward:correct,lengths,max_len": ({ inputs }) => ({
    reward: ofLengths(
      inputs.lengths,
      cosineLength((_, completion) => inputs.correct[Number(completion)], inputs.max_len),
    ),
  }),
  "reward:buffer,lengths,max_len,penalty,rewards": ({ inputs }) => {
    const penalty = overlong(inputs.max_len, inputs.buffer, inputs.penalty);
    const penalties = ofLengths(inputs.lengths, penalty);
    return { reward: penalties.map((p, i) => inputs.rewards[i] + p) };
  },
  "tokenizer:base,merges,text": ({ inputs }) => {
    const tokenizer = trainBpe(inputs.text, inputs.merges, { split: "none" });
    const saved = tokenizer.save();
    const merges = saved.kind === "bpe" ? saved.merges : [];
    return {
      ids: tokenizer.encode(inputs.text),
      merge_table: merges.map(([a, b], i) => [a, b, 256 + i]),
    };
  },
};
