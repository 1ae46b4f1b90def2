/**
 * Unigram: the pieces whose scores, logs of probabilities, add up highest (Kudo 2018, arXiv:1804.10959), by the Viterbi
 * algorithm. In time proportional to the word's length times the longest token's.
 */
import { brief } from "../../core/printable.ts";
import { PairTable } from "../pair-table.ts";
import { checkFields, countOf, flagOf, type Json, wrong } from "./fields.ts";
import { byteTokens, type Model } from "./vocabulary.ts";

const unknownPenalty = 10; // an unknown character's score is this much below the lowest

export function unigramModel(model: Json): Model {
  checkFields("model.", model, ["type", "vocab", "unk_id", "byte_fallback"]);
  const vocab = piecesOf(model.vocab);
  const ids = new Map(vocab.map(([token], id) => [token, id]));
  const isKnown = (model.unk_id ?? null) !== null;
  const unknown = isKnown ? countOf("model", model, "unk_id") : null;
  if (unknown !== null && unknown >= vocab.length)
    throw wrong(`model.unk_id: expected an id below ${vocab.length}, got ${unknown}`);
  const fallsBack = flagOf("model", model, "byte_fallback");
  const lattice = new Lattice(vocab, unknown);
  const idsOf = (piece: string): readonly number[] => {
    const id = ids.get(piece);
    if (id !== undefined) return [id];
    const bytes = fallsBack ? byteTokens(piece, ids) : null;
    return bytes ?? [lattice.unknownFor(piece)];
  };
  return { ids, encode: (word) => lattice.pieces(word).flatMap(idsOf) };
}

type Scored = readonly [token: string, score: number];

function piecesOf(vocab: unknown): readonly Scored[] {
  if (!Array.isArray(vocab)) throw wrong("expected model.vocab to be a list");
  const seen = new Set<string>();
  return vocab.map((entry, i): Scored => {
    const [token, score] = Array.isArray(entry) ? entry : [];
    if (typeof token !== "string" || typeof score !== "number" || !Number.isFinite(score))
      throw wrong(`model.vocab: expected a token and its score at ${i}, got ${brief(entry)}`);
    if (seen.has(token)) throw wrong(`model.vocab: ${brief(token)} a second time, at ${i}`);
    seen.add(token);
    return [token, score];
  });
}

class Lattice {
  private readonly edges = new PairTable(); // from a node by a UTF-16 unit to the next node
  private readonly idAt: number[] = [-1]; // of the token that ends at a node
  private readonly vocab: readonly Scored[];
  private readonly unknown: number | null;
  private readonly unknownScore: number;

  constructor(vocab: readonly Scored[], unknown: number | null) {
    this.vocab = vocab;
    this.unknown = unknown;
    const lowest = vocab.reduce((low, [, score]) => Math.min(low, score), Infinity);
    this.unknownScore = lowest - unknownPenalty;
    for (const [id, [token]] of vocab.entries()) this.add(token, id);
  }

  private add(token: string, id: number): void {
    let node = 0;
    for (let i = 0; i < token.length; i++) {
      const unit = token.charCodeAt(i);
      let next = this.edges.get(node, unit);
      if (next < 0) {
        next = this.idAt.push(-1) - 1;
        this.edges.set(node, unit, next);
      }
      node = next;
    }
    if (node > 0) this.idAt[node] = id;
  }

  /** Returns the id for unknown text. Throws FormatError if the file names none. */
  unknownFor(text: string): number {
    if (this.unknown !== null) return this.unknown;
    throw wrong(`no token for ${brief(text)}, and model.unk_id names none`);
  }

  /** Returns the best pieces of a word; unknown characters in a row are one piece. */
  pieces(word: string): string[] {
    const { starts, unknown } = this.best(word);
    const made: string[] = [];
    let fusedTo = 0; // where a run of unknown characters ends
    for (let end = word.length; end > 0; end = starts[end]) {
      if (unknown[end] === 1) {
        if (fusedTo === 0) fusedTo = end;
        continue;
      }
      if (fusedTo > 0) made.push(word.slice(end, fusedTo));
      fusedTo = 0;
      made.push(word.slice(starts[end], end));
    }
    if (fusedTo > 0) made.push(word.slice(0, fusedTo));
    return made.reverse();
  }

  /** For each place, where the best piece that ends there starts, and whether it is unknown. */
  private best(word: string) {
    const scores = new Float64Array(word.length + 1);
    const starts = new Int32Array(word.length + 1).fill(-1);
    const unknown = new Uint8Array(word.length + 1);
    const offer = (start: number, end: number, score: number, isUnknown: boolean): void => {
      const sum = score + scores[start];
      if (starts[end] >= 0 && sum <= scores[end]) return;
      scores[end] = sum;
      starts[end] = start;
      unknown[end] = isUnknown ? 1 : 0;
    };
    for (let at = 0; at < word.length; ) {
      const width = (word.codePointAt(at) as number) > 0xffff ? 2 : 1;
      let isKnown = false; // there is a token of this one character
      let node = 0;
      for (let i = at; i < word.length; i++) {
        node = this.edges.get(node, word.charCodeAt(i));
        if (node < 0) break;
        const id = this.idAt[node];
        if (id < 0) continue;
        offer(at, i + 1, this.vocab[id][1], id === this.unknown);
        isKnown ||= i + 1 - at === width;
      }
      if (!isKnown) {
        this.unknownFor(word.slice(at, at + width));
        offer(at, at + width, this.unknownScore, true);
      }
      at += width;
    }
    return { starts, unknown };
  }
}
