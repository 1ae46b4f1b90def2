/** jax-js on its wasm back end, with a whole update under one jit, its fastest path. */
import {
  columns,
  gptScale,
  gptTensors,
  labels,
  layer,
  losses,
  type Made,
  serve,
  some,
  tensor,
  tokens,
  transposed,
  type Work,
} from "./contender.ts";

// biome-ignore lint/suspicious/noExplicitAny: the peers are not installed where types are checked
type Any = any;
const name = "@jax-js/jax";
const { init, numpy: np, jit, valueAndGrad, nn, tree, blockUntilReady }: Any = await import(name);
await init("wasm");

const array = (values: Float32Array, shape: number[]): Any => np.array(values).reshape(shape);
const make = (k: number, shape: number[], scale = 1): Any =>
  array(
    tensor(
      k,
      shape.reduce((a, b) => a * b, 1),
      scale,
    ),
    shape,
  );
function mlp(k: number, sizes: number[]): Any {
  const p: Record<string, Any> = {};
  sizes.slice(1).forEach((outputs, i) => {
    const { weight, bias } = layer(k + 2 * i, sizes[i], outputs);
    p[`w${i}`] = array(transposed(weight, outputs, sizes[i]), [sizes[i], outputs]);
    p[`b${i}`] = np.array(bias);
  });
  return p;
}
const run = (p: Any, x: Any): Any => {
  const h = np.tanh(np.matmul(x, p.w0).add(p.b0));
  return np.matmul(np.tanh(np.matmul(h, p.w1).add(p.b1)), p.w2).add(p.b2);
};
const square = (x: Any): Any => np.square(x);
const zeros = (x: Any): Any => tree.map((y: Any) => np.zerosLike(y), tree.ref(x));

interface Rates {
  readonly learningRate: number;
  readonly eps: number;
  readonly decay: number;
}

function adam(
  grads: Any,
  parameters: Any,
  m: Any,
  v: Any,
  correct1: Any,
  correct2: Any,
  { learningRate, eps, decay }: Rates,
): Any[] {
  const [g, shape] = tree.flatten(grads);
  const [p, ms, vs] = [parameters, m, v].map((x) => tree.leaves(x));
  const out: Any[][] = [[], [], []];
  for (let i = 0; i < g.length; i++) {
    const m1 = ms[i].mul(0.9).add(g[i].ref.mul(0.1));
    const v1 = vs[i].mul(0.999).add(square(g[i]).mul(0.001));
    const moved = m1.ref.mul(correct1.ref).div(np.sqrt(v1.ref.mul(correct2.ref)).add(eps));
    out[0].push(p[i].mul(1 - learningRate * decay).sub(moved.mul(learningRate)));
    out[1].push(m1);
    out[2].push(v1);
  }
  correct1.dispose();
  correct2.dispose();
  return out.map((x) => tree.unflatten(shape, x));
}

function update({ sizes }: Work): Made {
  const { observation, hidden, actions, batch, continuous } = sizes;
  const parameters: Any = {
    actor: mlp(0, [observation, hidden, hidden, actions]),
    critic: mlp(6, [observation, hidden, hidden, 1]),
    logStd: make(12, [actions], 0.1),
  };
  const chosen = np.array(Int32Array.from({ length: batch }, (_, i) => i % actions));
  const data = {
    x: make(columns.observation, [batch, observation]),
    action: continuous ? make(columns.action, [batch, actions]) : nn.oneHot(chosen, actions),
    raw: make(columns.advantage, [batch]),
    oldValue: make(columns.oldValue, [batch]),
    target: make(columns.target, [batch]),
  };
  const oldLogProb = continuous ? -1.4 * actions : -Math.LN2;
  const unbiased = Math.sqrt(batch / (batch - 1));
  const loss = (p: Any, d: Any): Any => {
    const head = run(p.actor, d.x.ref);
    const value = run(p.critic, d.x).reshape([batch]);
    let logProb: Any;
    let entropy: Any;
    if (continuous) {
      const z = d.action.sub(head).div(np.exp(p.logStd.ref));
      logProb = square(z)
        .mul(-0.5)
        .sub(p.logStd.ref.add(0.5 * Math.log(2 * Math.PI)))
        .sum(1);
      entropy = p.logStd.add(0.5 + 0.5 * Math.log(2 * Math.PI)).sum();
    } else {
      const logProbs = nn.logSoftmax(head);
      logProb = logProbs.ref.mul(d.action).sum(1);
      entropy = np.exp(logProbs.ref).mul(logProbs).sum(1).mean().mul(-1);
      p.logStd.dispose();
    }
    const ratio = np.exp(logProb.sub(oldLogProb));
    const centered = d.raw.ref.sub(np.mean(d.raw.ref));
    const advantage = centered.div(np.std(d.raw).mul(unbiased).add(1e-8));
    const clipped = advantage.ref.mul(np.clip(ratio.ref, 0.8, 1.2));
    const policy = np.minimum(advantage.mul(ratio), clipped).mean().mul(-1);
    const held = d.oldValue.ref.add(np.clip(value.ref.sub(d.oldValue), -0.2, 0.2));
    const error = np.maximum(square(value.sub(d.target.ref)), square(held.sub(d.target))).mean();
    return policy.sub(entropy.mul(0.01)).add(error.mul(0.25));
  };
  return trained(parameters, data, loss, { learningRate: 2.5e-4, eps: 1e-5, decay: 0 }, 0.5);
}

/** Returns a step of loss, gradients, optional clipping and Adam under one jit. */
function trained(
  start: Any,
  data: Any,
  loss: (p: Any, d: Any) => Any,
  rates: Rates,
  maxNorm: number | null,
): Made {
  let [parameters, m, v] = [start, zeros(start), zeros(start)];
  const clipped = (grads: Any): Any => {
    if (maxNorm === null) return grads;
    const squares = tree.leaves(grads).map((x: Any) => square(x.ref).sum());
    const norm = np.sqrt(squares.reduce((a: Any, b: Any) => a.add(b)));
    const scale = np.minimum(np.array(maxNorm).div(norm.add(1e-6)), 1);
    const made = tree.map((x: Any) => x.mul(scale.ref), grads);
    scale.dispose();
    return made;
  };
  const whole = jit((p: Any, m: Any, v: Any, d: Any, correct1: Any, correct2: Any) => {
    const [l, grads] = valueAndGrad(loss)(tree.ref(p), d);
    const [p2, m2, v2] = adam(clipped(grads), p, m, v, correct1, correct2, rates);
    return { p: p2, m: m2, v: v2, l };
  });
  let t = 0;
  const step = (): number => {
    t++;
    const [c1, c2] = [0.9, 0.999].map((beta) => np.array(1 / (1 - beta ** t)));
    const r = whole(parameters, m, v, tree.ref(data), c1, c2);
    ({ p: parameters, m, v } = r);
    return r.l.dataSync()[0];
  };
  return { step, check: () => losses(step) };
}

function act(): Made {
  const p = mlp(0, [4, 64, 64, 2]);
  const observation = tensor(columns.observation, 4);
  const f = jit((p: Any, x: Any) => nn.logSoftmax(run(p, x)));
  const logits = (): Float32Array => f(tree.ref(p), array(observation, [1, 4])).dataSync();
  const step = (): number => {
    const logProb = logits();
    return logProb[Math.random() < Math.exp(logProb[0]) ? 0 : 1];
  };
  return { step, check: () => [...logits()] };
}

/** Wraps f as a step, and its result as the numbers to check. */
const timed = (f: () => Any): Made => ({
  step: async () => {
    const y = f();
    await blockUntilReady(y);
    y.dispose();
  },
  check: () => some(f().dataSync()),
});

function gemm({ sizes: { n } }: Work): Made {
  const [a, b] = [make(30, [n, n]), make(31, [n, n])];
  return timed(() => np.matmul(a.ref, b.ref));
}

function rows({ op = "" }: Work): Made {
  const n = 1000;
  const x = make(40, [n, n], 3);
  const [weight, bias] = [np.ones([n]), np.zeros([n])];
  const ops: Readonly<Record<string, (x: Any) => Any>> = {
    add: (x) => x.ref.add(x),
    tanh: (x) => np.tanh(x),
    exp: (x) => np.exp(x),
    softmax: (x) => nn.softmax(x, 1),
    layerNorm: (x) => layerNorm({ weight: weight.ref, bias: bias.ref }, x),
  };
  const f = jit(ops[op]);
  return timed(() => f(x.ref));
}

const layerNorm = ({ weight, bias }: Any, x: Any): Any => {
  const d = x.ref.sub(np.mean(x, -1, { keepdims: true }));
  const variance = np.mean(square(d.ref), -1, { keepdims: true });
  return d
    .div(np.sqrt(variance.add(1e-5)))
    .mul(weight)
    .add(bias);
};
const gelu = (x: Any): Any => {
  const inner = x.ref.mul(x.ref).mul(x.ref).mul(0.044715).add(x.ref).mul(0.7978845608028654);
  return x.mul(0.5).mul(np.tanh(inner).add(1));
};

/** Attention is written out, because the library's does not run on Node 20. */
function train({ sizes }: Work): Made {
  const { vocab, width: C, layers, context: T, batch: B } = sizes;
  const heads = 4;
  const norm = (): Any => ({ weight: np.ones([C]), bias: np.zeros([C]) });
  const linear = (k: number, outputs: number, inputs: number): Any => ({
    weight: make(k, [outputs, inputs], gptScale),
    bias: np.zeros([outputs]),
  });
  const parameters = {
    wte: make(0, [vocab, C], gptScale),
    wpe: make(1, [T, C], gptScale),
    lnf: norm(),
    blocks: Array.from({ length: layers }, (_, layer) => {
      const { qkv, proj, up, down } = gptTensors.block(layer);
      return {
        ln1: norm(),
        qkv: linear(qkv, 3 * C, C),
        proj: linear(proj, C, C),
        ln2: norm(),
        up: linear(up, 4 * C, C),
        down: linear(down, C, 4 * C),
      };
    }),
  };
  const hot = (x: Int32Array): Any => nn.oneHot(np.array(x), vocab);
  const data = { x: hot(tokens(B * T, vocab)), y: hot(labels(B * T, vocab)) };
  const future = Float32Array.from({ length: T * T }, (_, i) =>
    i % T > Math.floor(i / T) ? -1e9 : 0,
  );
  const mask = array(future, [T, T]);
  const apply = ({ weight, bias }: Any, x: Any): Any =>
    np.matmul(x, np.transpose(weight)).add(bias);
  const split = (z: Any): Any => np.transpose(z.reshape([B, T, heads, C / heads]), [0, 2, 1, 3]);
  const loss = (p: Any, d: Any): Any => {
    let h = np
      .matmul(d.x, p.wte.ref)
      .reshape([B, T, C])
      .add(p.wpe)
      .reshape([B * T, C]);
    for (const block of p.blocks) {
      const [q, k, v] = np.split(apply(block.qkv, layerNorm(block.ln1, h.ref)), 3, 1).map(split);
      const scores = np.matmul(q, np.transpose(k, [0, 1, 3, 2])).mul(1 / Math.sqrt(C / heads));
      const attended = np.matmul(nn.softmax(scores.add(mask.ref), -1), v);
      const joined = np.transpose(attended, [0, 2, 1, 3]).reshape([B * T, C]);
      h = h.add(apply(block.proj, joined));
      h = h.ref.add(apply(block.down, gelu(apply(block.up, layerNorm(block.ln2, h)))));
    }
    const logits = np.matmul(layerNorm(p.lnf, h), np.transpose(p.wte));
    return nn.logSoftmax(logits).mul(d.y).sum(-1).mean().mul(-1);
  };
  return trained(parameters, data, loss, { learningRate: 3e-4, eps: 1e-8, decay: 0.1 }, null);
}

await serve({ update, act, gemm, rows, train });
