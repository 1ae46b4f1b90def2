/** jax-js on its wasm back end, a whole update under one jit: its best path. */
import {
  columns,
  layer,
  losses,
  type Made,
  serve,
  some,
  tensor,
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

function adam(grads: Any, parameters: Any, m: Any, v: Any, correct1: Any, correct2: Any): Any[] {
  const [g, shape] = tree.flatten(grads);
  const [p, ms, vs] = [parameters, m, v].map((x) => tree.leaves(x));
  const out: Any[][] = [[], [], []];
  for (let i = 0; i < g.length; i++) {
    const m1 = ms[i].mul(0.9).add(g[i].ref.mul(0.1));
    const v1 = vs[i].mul(0.999).add(square(g[i]).mul(0.001));
    const moved = m1.ref.mul(correct1.ref).div(np.sqrt(v1.ref.mul(correct2.ref)).add(1e-5));
    out[0].push(p[i].sub(moved.mul(2.5e-4)));
    out[1].push(m1);
    out[2].push(v1);
  }
  correct1.dispose();
  correct2.dispose();
  return out.map((x) => tree.unflatten(shape, x));
}

function update({ sizes }: Work): Made {
  const { observation, hidden, actions, batch, continuous } = sizes;
  let parameters: Any = {
    actor: mlp(0, [observation, hidden, hidden, actions]),
    critic: mlp(6, [observation, hidden, hidden, 1]),
    logStd: make(12, [actions], 0.1),
  };
  let [m, v] = [zeros(parameters), zeros(parameters)];
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
  const whole = jit((p: Any, m: Any, v: Any, d: Any, correct1: Any, correct2: Any) => {
    const [l, grads] = valueAndGrad(loss)(tree.ref(p), d);
    const squares = tree.leaves(grads).map((x: Any) => square(x.ref).sum());
    const norm = np.sqrt(squares.reduce((a: Any, b: Any) => a.add(b)));
    const scale = np.minimum(np.array(0.5).div(norm.add(1e-6)), 1);
    const clipped = tree.map((x: Any) => x.mul(scale.ref), grads);
    scale.dispose();
    const [p2, m2, v2] = adam(clipped, p, m, v, correct1, correct2);
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

/** Times f, and takes its numbers for the check. */
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
  const layerNorm = (x: Any): Any => {
    const d = x.ref.sub(np.mean(x, -1, { keepdims: true }));
    const variance = np.mean(square(d.ref), -1, { keepdims: true });
    return d
      .div(np.sqrt(variance.add(1e-5)))
      .mul(weight.ref)
      .add(bias.ref);
  };
  const ops: Readonly<Record<string, (x: Any) => Any>> = {
    add: (x) => x.ref.add(x),
    tanh: (x) => np.tanh(x),
    exp: (x) => np.exp(x),
    softmax: (x) => nn.softmax(x, 1),
    layerNorm,
  };
  const f = jit(ops[op]);
  return timed(() => f(x.ref));
}

await serve({ update, act, gemm, rows });
