/**
 * Packs several texts into each row, so that passes spend little time on padding. A text keeps its own positions and
 * does not attend to its neighbors, so that the results are those of the text alone.
 */
import type { Backend } from "../core/backend.ts";
import { ShapeError } from "../core/errors.ts";
import { input, type Tensor } from "../core/tensor.ts";

export class Pack {
  readonly rows: number;
  /** Positions per row. */
  readonly steps: number;
  /** [rows, steps] */
  readonly tokens: Tensor;
  /** Position of each token within its text, [rows, steps]. */
  readonly positions: Tensor;
  /** 1 where a position may attend to another, [rows, steps, steps]. */
  readonly allowed: Tensor;
  /** The next token at each position, [rows · steps]; 0 at padding. */
  readonly following: Tensor;
  private readonly used: Int32Array; // positions taken in each row
  private readonly vocab: number;

  /** Ids from `vocab` on are read and never predicted. */
  constructor(k: Backend, rows: number, steps: number, vocab = Infinity) {
    this.vocab = vocab;
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
   * Adds a text without its last token, which is only predicted. Returns the position of its first token among
   * rows · steps, or −1 if no row has room.
   */
  add(text: ArrayLike<number>): number {
    const { rows, steps, used } = this;
    const n = text.length - 1;
    if (!(n >= 1 && n <= steps))
      throw new ShapeError(`pack: expected a text of 2 to ${steps + 1} tokens, got ${text.length}`);
    let row = 0;
    while (row < rows && used[row] + n > steps) row++;
    if (row === rows) return -1;
    const first = used[row];
    const place = row * steps + first;
    for (let i = 0; i < n; i++) {
      this.tokens.data[place + i] = text[i];
      this.positions.data[place + i] = i;
      this.following.data[place + i] = text[i + 1] < this.vocab ? text[i + 1] : 0;
      this.allowed.data.fill(1, (place + i) * steps + first, (place + i) * steps + first + i + 1);
    }
    used[row] += n;
    return place;
  }
}
