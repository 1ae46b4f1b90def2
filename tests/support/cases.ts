/** Random inputs for gradient checks: shapes with sizes 0 and 1, values away from kinks. */
import { Random } from "../../src/core/random.ts";
import { type Shape, sizeOf, type Tensor } from "../../src/core/tensor.ts";
import type { CheckInput } from "../../src/oracle/grad-check.ts";

/** What to differentiate, and where. */
export interface Case {
  readonly f: (...inputs: Tensor[]) => Tensor;
  readonly inputs: readonly CheckInput[];
}

/** Draws sizes, shapes and values for one case. */
export class Draw {
  readonly random: Random;
  constructor(seed: number) {
    this.random = new Random(seed);
  }
  below(n: number): number {
    return this.random.below(n);
  }
  /** A size from 0 to 4, 1 twice as often. */
  size(): number {
    return [0, 1, 1, 2, 3, 4][this.below(6)];
  }
  /** A size of at least 1. */
  some(): number {
    return 1 + this.below(4);
  }
  /** A shape of rank `low` to 3. */
  shape(low = 0): number[] {
    return Array.from({ length: low + this.below(4 - low) }, () => this.size());
  }
  /** A shape without an empty axis. */
  filled(low = 0): number[] {
    return Array.from({ length: low + this.below(4 - low) }, () => this.some());
  }
  /** A shape that broadcasts with `shape`: some sizes 1, some leading axes gone. */
  partner(shape: Shape): number[] {
    const cut = this.below(shape.length + 1);
    return shape.slice(cut).map((n) => (this.below(3) === 0 ? 1 : n));
  }
  axis(shape: Shape): number {
    return this.below(shape.length) - (this.below(2) === 0 ? shape.length : 0);
  }
  axes(shape: Shape): number[] | number | null {
    if (shape.length === 0 || this.below(3) === 0) return null;
    if (this.below(2) === 0) return this.axis(shape);
    return shape.map((_, i) => i).filter(() => this.below(2) === 0);
  }
  flag(): boolean {
    return this.below(2) === 0;
  }
  /** Numbers from −2 to 2, at least 0.02 from every multiple of ½, where ops may bend. */
  tensor(shape: Shape): CheckInput {
    const data = Array.from({ length: sizeOf(shape) }, () => {
      const cell = this.below(8);
      return -2 + cell / 2 + 0.02 + 0.46 * this.random.uniform();
    });
    return { shape, data };
  }
  /** Numbers from ½ to 2. */
  positive(shape: Shape): CheckInput {
    const data = Array.from({ length: sizeOf(shape) }, () => 0.5 + 1.5 * this.random.uniform());
    return { shape, data };
  }
  /** Distinct numbers at least 0.05 apart, in random order: no ties in reach of a difference. */
  distinct(shape: Shape): CheckInput {
    const data = Array.from({ length: sizeOf(shape) }, (_, i) => 0.05 * i - 1);
    this.random.shuffle(data);
    return { shape, data };
  }
  /** Whole numbers below n, without a gradient. */
  index(shape: Shape, n: number): CheckInput {
    return { shape, data: Array.from({ length: sizeOf(shape) }, () => this.below(n)), grad: false };
  }
}
