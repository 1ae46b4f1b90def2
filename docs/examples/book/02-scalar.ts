/** Chapter 2: reverse-mode differentiation in 60 lines, and a first ascent with it. */

let made = 0;

/** A number that remembers what it was computed from, and how its gradient flows there. */
export class Scalar {
  grad = 0;
  readonly value: number;
  readonly inputs: readonly Scalar[];
  /** ∂(this)/∂(each input), at the inputs' values. */
  readonly slopes: readonly number[];

  constructor(value: number, inputs: readonly Scalar[] = [], slopes: readonly number[] = []) {
    this.value = value;
    this.inputs = inputs;
    this.slopes = slopes;
    made++;
  }

  plus(other: Scalar): Scalar {
    return new Scalar(this.value + other.value, [this, other], [1, 1]);
  }
  minus(other: Scalar): Scalar {
    return new Scalar(this.value - other.value, [this, other], [1, -1]);
  }
  times(other: Scalar): Scalar {
    return new Scalar(this.value * other.value, [this, other], [other.value, this.value]);
  }
  exp(): Scalar {
    const y = Math.exp(this.value);
    return new Scalar(y, [this], [y]);
  }
  log(): Scalar {
    return new Scalar(Math.log(this.value), [this], [1 / this.value]);
  }

  /** Adds ∂(this)/∂x to the grad of every x that this depends on. */
  backward(): void {
    const order: Scalar[] = []; // inputs before outputs
    const seen = new Set<Scalar>();
    const visit = (node: Scalar): void => {
      if (seen.has(node)) return;
      seen.add(node);
      node.inputs.forEach(visit);
      order.push(node);
    };
    visit(this);
    this.grad = 1;
    for (const node of order.reverse())
      for (const [i, input] of node.inputs.entries()) input.grad += node.grad * node.slopes[i];
  }
}

/** ln π(0) for logits x: x₀ − ln Σ eˣ. */
export function logProbOfFirst(x: readonly Scalar[]): Scalar {
  const sum = x.map((logit) => logit.exp()).reduce((a, b) => a.plus(b));
  return x[0].minus(sum.log());
}

const logits = [1, 2, 0.5].map((x) => new Scalar(x));
const logProb = logProbOfFirst(logits);
logProb.backward();
const pi = [1, 2, 0.5].map((x) => Math.exp(x) / (Math.exp(1) + Math.exp(2) + Math.exp(0.5)));
console.log(`ln π(0) = ${logProb.value.toFixed(4)}`);
console.log(`by the graph:  ${logits.map(({ grad }) => grad.toFixed(4)).join("  ")}`);
console.log(`1[a = 0] − π:  ${pi.map((p, a) => (Number(a === 0) - p).toFixed(4)).join("  ")}`);

// 200 steps up J = Σ π(a)·reward(a), for three actions.
export const rewards = [1, 0, 3];
made = 0;
export let x = [0, 0, 0];
let J = 0;
for (let step = 0; step < 200; step++) {
  const nodes = x.map((value) => new Scalar(value));
  const exps = nodes.map((node) => node.exp());
  const total = exps.reduce((a, b) => a.plus(b));
  const terms = exps.map((e, a) => e.times(new Scalar(rewards[a])));
  // Division by `total` is multiplication by e^(−ln total).
  const gain = terms.reduce((a, b) => a.plus(b)).times(total.log().times(new Scalar(-1)).exp());
  gain.backward();
  J = gain.value;
  x = x.map((value, a) => value + 0.5 * nodes[a].grad);
}
console.log(`\nScalar: J = ${J.toFixed(4)}, nodes made in 200 steps: ${made}`);
