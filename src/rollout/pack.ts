/**
 * Several texts in rows of one length, so that no pass spends its time on padding. A text keeps its own
 * positions and sees nothing of its neighbors: what comes out for it is what it would get alone.
 */
import type { Backend } from "../core/backend.ts";
import { ShapeError } from "../core/errors.ts";
import { input, type Tensor } from "../core/tensor.ts";

export class Pack {
  readonly rows: number;
  /** Positions a row has. */
  readonly steps: number;
  /** What a model reads: [rows, steps], and [rows, steps, steps] with 1 where one position may see another. */
  readonly tokens: Tensor;
  readonly positions: Tensor;
  readonly allowed: Tensor;
  /** The token that follows at each position, [rows · steps]; 0 where there is no text. */
  readonly following: Tensor;
  private readonly used: Int32Array;

  constructor(k: Backend, rows: number, steps: number) {
    this.rows = rows;
    this.steps = steps;
    this.tokens = input(k, [rows, steps]);
    this.positions = input(k, [rows, steps]);
    this.allowed = input(k, [rows, steps, steps]);
    this.following = input(k, [rows * steps]);
    this.used = new Int32Array(rows);
    this.clear();
  }

  clear(): void {
    const { steps } = this;
    this.used.fill(0);
    for (const { data } of [this.tokens, this.positions, this.following]) data.fill(0);
    const { data } = this.allowed;
    data.fill(0);
    for (let i = 0; i < data.length / steps; i++) data[i * steps + (i % steps)] = 1; // itself
  }

  /**
   * Places a text, all but its last token, of which only the prediction counts. Returns the place among the
   * rows · steps positions where its first token stands, or −1 where no row has room.
   */
  add(text: ArrayLike<number>): number {
    const { rows, steps, used } = this;
    const n = text.length - 1;
    if (!(n >= 1 && n <= steps))
      throw new ShapeError(`pack: want a text of 2 to ${steps + 1} tokens, got ${text.length}`);
    let row = 0;
    while (row < rows && used[row] + n > steps) row++;
    if (row === rows) return -1;
    const first = used[row];
    const place = row * steps + first;
    for (let i = 0; i < n; i++) {
      this.tokens.data[place + i] = text[i];
      this.positions.data[place + i] = i;
      this.following.data[place + i] = text[i + 1];
      this.allowed.data.fill(1, (place + i) * steps + first, (place + i) * steps + first + i + 1);
    }
    used[row] += n;
    return place;
  }
}
