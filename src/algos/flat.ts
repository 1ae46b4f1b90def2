/** A list of parameters as one flat vector in float64. */
import type { Parameter } from "../core/tensor.ts";

export class Flat {
  readonly size: number;
  private readonly list: readonly Parameter[];

  constructor(list: readonly Parameter[]) {
    this.list = list;
    this.size = list.reduce((n, { data }) => n + data.length, 0);
  }

  read(out: Float64Array): void {
    let at = 0;
    for (const { data } of this.list) for (let i = 0; i < data.length; i++) out[at++] = data[i];
  }

  write(values: ArrayLike<number>): void {
    let at = 0;
    for (const { data } of this.list) for (let i = 0; i < data.length; i++) data[i] = values[at++];
  }

  readGradients(out: Float64Array): void {
    let at = 0;
    for (const { grad } of this.list) for (let i = 0; i < grad.length; i++) out[at++] = grad[i];
  }

  clearGradients(): void {
    for (const { grad } of this.list) grad.fill(0);
  }
}
