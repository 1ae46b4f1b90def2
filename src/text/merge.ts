/** Merging pairs of tokens into one by rank, as byte-pair encoding does. */
import { PairTable } from "./pair-table.ts";

/** Merges by rank: the pair of each, and the token that it makes. Of two merges of one pair the later counts. */
export class Merges {
  private readonly ranks = new PairTable();
  private readonly made: number[] = [];

  has(a: number, b: number): boolean {
    return this.ranks.get(a, b) >= 0;
  }

  add(a: number, b: number, made: number): void {
    this.ranks.set(a, b, this.made.push(made) - 1);
  }

  /**
   * Merges the pair of the least rank, of equals the first, until no pair has a merge; in time n log n. Pairs wait in a
   * heap by rank, then by place; one that has changed since is skipped.
   */
  apply(word: readonly number[]): number[] {
    const end = word.length;
    const ids = Int32Array.from(word);
    const next = ids.map((_, i) => i + 1);
    const before = ids.map((_, i) => i - 1);
    const heap = new Heap();
    const wait = (i: number): void => {
      if (i < 0 || next[i] >= end) return;
      const rank = this.ranks.get(ids[i], ids[next[i]]);
      if (rank >= 0) heap.push(rank * places + i);
    };
    for (let i = 0; i < end; i++) wait(i);
    while (heap.size > 0) {
      const least = heap.pop();
      const rank = Math.floor(least / places);
      const i = least - rank * places;
      if (ids[i] === gone || next[i] >= end) continue;
      const right = next[i];
      if (this.ranks.get(ids[i], ids[right]) !== rank) continue;
      ids[i] = this.made[rank];
      ids[right] = gone;
      next[i] = next[right];
      if (next[i] < end) before[next[i]] = i;
      wait(before[i]);
      wait(i);
    }
    return Array.from(ids.filter((id) => id !== gone));
  }
}
const gone = -1; // marks a token that was merged into the one before it
const places = 2 ** 27; // above the longest word; a rank times this is exact

/** A binary heap that returns the smallest number first. */
class Heap {
  private readonly list: number[] = [];

  get size(): number {
    return this.list.length;
  }
  push(x: number): void {
    const { list } = this;
    let at = list.push(x) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (list[up] <= x) break;
      list[at] = list[up];
      at = up;
    }
    list[at] = x;
  }
  pop(): number {
    const { list } = this;
    const least = list[0];
    const x = list.pop() as number;
    const n = list.length;
    if (n === 0) return least;
    let at = 0;
    for (let down = 1; down < n; down = 2 * at + 1) {
      if (down + 1 < n && list[down + 1] < list[down]) down++;
      if (list[down] >= x) break;
      list[at] = list[down];
      at = down;
    }
    list[at] = x;
    return least;
  }
}
