/** A map from pairs of whole numbers from 0 to 2³¹ − 1 to such numbers, in flat memory. */
export class PairTable {
  private size = 0;
  private mask = 15;
  private first = new Int32Array(16).fill(-1); // −1: free
  private second = new Int32Array(16);
  private values = new Int32Array(16);

  /** Returns the pair's value; −1 if it has none. */
  get(a: number, b: number): number {
    const at = this.placeOf(a, b);
    return this.first[at] < 0 ? -1 : this.values[at];
  }

  set(a: number, b: number, value: number): void {
    if (2 * this.size > this.mask) this.grow();
    const at = this.placeOf(a, b);
    if (this.first[at] < 0) this.size++;
    this.first[at] = a;
    this.second[at] = b;
    this.values[at] = value;
  }

  /** Returns where the pair is, or where it belongs. */
  private placeOf(a: number, b: number): number {
    const { first, second, mask } = this;
    let hash = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let at = (hash ^ (hash >>> 13)) & mask;
    while (first[at] >= 0 && (first[at] !== a || second[at] !== b)) at = (at + 1) & mask;
    return at;
  }

  private grow(): void {
    const { first, second, values } = this;
    this.mask = 2 * this.mask + 1;
    [this.first, this.second, this.values] = [0, 1, 2].map(() => new Int32Array(this.mask + 1));
    this.first.fill(-1);
    for (let i = 0; i < first.length; i++) {
      if (first[i] < 0) continue;
      const at = this.placeOf(first[i], second[i]);
      this.first[at] = first[i];
      this.second[at] = second[i];
      this.values[at] = values[i];
    }
  }
}
