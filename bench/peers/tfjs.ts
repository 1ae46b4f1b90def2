/** TensorFlow.js on its cpu or wasm back end. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
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
const require = createRequire(import.meta.url);
const tf: Any = require("@tensorflow/tfjs");
const backend = process.argv[2];
if (backend === "wasm") {
  const wasm: Any = require("@tensorflow/tfjs-backend-wasm");
  const folder = dirname(require.resolve("@tensorflow/tfjs-backend-wasm"));
  wasm.setWasmPaths(join(folder, "../wasm-out/"));
}
await tf.setBackend(backend);
await tf.ready();
tf.enableProdMode();

const make = (k: number, shape: number[], scale = 1): Any =>
  tf.tensor(
    tensor(
      k,
      shape.reduce((a, b) => a * b, 1),
      scale,
    ),
    shape,
  );
function mlp(k: number, sizes: number[]): Any[] {
  return sizes.slice(1).flatMap((outputs, i) => {
    const { weight, bias } = layer(k + 2 * i, sizes[i], outputs);
    const w = tf.tensor(transposed(weight, outputs, sizes[i]), [sizes[i], outputs]);
    return [tf.variable(w), tf.variable(tf.tensor(bias))];
  });
}
const run = (p: Any[], x: Any): Any => {
  const h = tf.tanh(tf.add(tf.matMul(x, p[0]), p[1]));
  return tf.add(tf.matMul(tf.tanh(tf.add(tf.matMul(h, p[2]), p[3])), p[4]), p[5]);
};

function update({ sizes }: Work): Made {
  const { observation, hidden, actions, batch, continuous } = sizes;
  const actor = mlp(0, [observation, hidden, hidden, actions]);
  const critic = mlp(6, [observation, hidden, hidden, 1]);
  const logStd = tf.variable(make(12, [actions], 0.1));
  const variables = [...actor, ...critic, ...(continuous ? [logStd] : [])];
  const adam = tf.train.adam(2.5e-4, 0.9, 0.999, 1e-5);
  const x = make(columns.observation, [batch, observation]);
  const chosen = tf.tensor1d(
    Int32Array.from({ length: batch }, (_, i) => i % actions),
    "int32",
  );
  const action = continuous
    ? make(columns.action, [batch, actions])
    : tf.oneHot(chosen, actions).toFloat();
  const [raw, oldValue, target] = [columns.advantage, columns.oldValue, columns.target].map((k) =>
    make(k, [batch]),
  );
  const oldLogProb = continuous ? -1.4 * actions : -Math.LN2;
  const unbiased = batch / (batch - 1);
  const loss = (): Any => {
    const head = run(actor, x);
    const value = run(critic, x).reshape([batch]);
    let logProb: Any;
    let entropy: Any;
    if (continuous) {
      const z = tf.div(tf.sub(action, head), tf.exp(logStd));
      logProb = tf.sum(
        tf.sub(tf.mul(tf.square(z), -0.5), tf.add(logStd, 0.5 * Math.log(2 * Math.PI))),
        1,
      );
      entropy = tf.sum(tf.add(logStd, 0.5 + 0.5 * Math.log(2 * Math.PI)));
    } else {
      const logProbs = tf.logSoftmax(head);
      logProb = tf.sum(tf.mul(logProbs, action), 1);
      entropy = tf.neg(tf.mean(tf.sum(tf.mul(tf.exp(logProbs), logProbs), 1)));
    }
    const ratio = tf.exp(tf.sub(logProb, oldLogProb));
    const { mean, variance } = tf.moments(raw);
    const advantage = tf.div(tf.sub(raw, mean), tf.add(tf.sqrt(tf.mul(variance, unbiased)), 1e-8));
    const clipped = tf.mul(advantage, tf.clipByValue(ratio, 0.8, 1.2));
    const policy = tf.neg(tf.mean(tf.minimum(tf.mul(advantage, ratio), clipped)));
    const held = tf.add(oldValue, tf.clipByValue(tf.sub(value, oldValue), -0.2, 0.2));
    const error = tf.mean(
      tf.maximum(tf.square(tf.sub(value, target)), tf.square(tf.sub(held, target))),
    );
    return tf.add(tf.sub(policy, tf.mul(0.01, entropy)), tf.mul(0.25, error));
  };
  const step = (): number =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(loss, variables);
      const names = Object.keys(grads);
      const squares = names
        .map((name) => tf.sum(tf.square(grads[name])))
        .reduce((a, b) => tf.add(a, b));
      const scale = tf.minimum(tf.scalar(1), tf.div(0.5, tf.add(tf.sqrt(squares), 1e-6)));
      adam.applyGradients(
        Object.fromEntries(names.map((name) => [name, tf.mul(grads[name], scale)])),
      );
      return value.dataSync()[0];
    });
  return { step, check: () => losses(step) };
}

function act(): Made {
  const p = mlp(0, [4, 64, 64, 2]);
  const observation = tensor(columns.observation, 4);
  const logits = (): Float32Array =>
    tf.tidy(() => tf.logSoftmax(run(p, tf.tensor2d(observation, [1, 4]))).dataSync());
  const step = (): number => {
    const logProb = logits();
    return logProb[Math.random() < Math.exp(logProb[0]) ? 0 : 1];
  };
  return { step, check: () => [...logits()] };
}

function gemm({ sizes: { n } }: Work): Made | null {
  if (backend === "cpu" && n > 256) return null;
  const [a, b] = [make(30, [n, n]), make(31, [n, n])];
  const product = (): Any => tf.matMul(a, b);
  return { step: () => product().dispose(), check: () => some(product().dataSync()) };
}

function rows({ op = "" }: Work): Made {
  const n = 1000;
  const x = make(40, [n, n], 3);
  const [weight, bias] = [tf.ones([n]), tf.zeros([n])];
  const layerNorm = (): Any => {
    const { mean, variance } = tf.moments(x, -1, true);
    return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), weight), bias);
  };
  const ops: Readonly<Record<string, () => Any>> = {
    add: () => tf.add(x, x),
    tanh: () => tf.tanh(x),
    exp: () => tf.exp(x),
    softmax: () => tf.softmax(x),
    layerNorm: () => tf.tidy(layerNorm),
  };
  return { step: () => ops[op]().dispose(), check: () => some(ops[op]().dataSync()) };
}

/** Embeds by one-hot rows times the table, because the wasm back end has no gradient for gather. */
function train({ sizes }: Work): Made | null {
  if (backend === "cpu") return null;
  const { vocab, width: C, layers, context: T, batch: B } = sizes;
  const heads = 4;
  const matrix = (k: number, outputs: number, inputs: number): Any =>
    tf.variable(tf.tensor(tensor(k, outputs * inputs, gptScale), [outputs, inputs]));
  const vector = (n: number, x: number): Any => tf.variable(tf.fill([n], x));
  const norm = (): Any => ({ weight: vector(C, 1), bias: vector(C, 0) });
  const linear = (k: number, outputs: number, inputs: number): Any => ({
    weight: matrix(k, outputs, inputs),
    bias: vector(outputs, 0),
  });
  const [wte, wpe] = [matrix(0, vocab, C), matrix(1, T, C)];
  const blocks = Array.from({ length: layers }, (_, layer) => {
    const { qkv, proj, up, down } = gptTensors.block(layer);
    return {
      ln1: norm(),
      qkv: linear(qkv, 3 * C, C),
      proj: linear(proj, C, C),
      ln2: norm(),
      up: linear(up, 4 * C, C),
      down: linear(down, C, 4 * C),
    };
  });
  const lnf = norm();
  const parts = [lnf, ...blocks.flatMap((block) => Object.values(block))];
  const variables: Any[] = [wte, wpe, ...parts.flatMap(({ weight, bias }: Any) => [weight, bias])];
  const apply = ({ weight, bias }: Any, x: Any): Any =>
    tf.add(tf.matMul(x, weight, false, true), bias);
  const normalize = ({ weight, bias }: Any, x: Any): Any => {
    const { mean, variance } = tf.moments(x, -1, true);
    return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), weight), bias);
  };
  const gelu = (x: Any): Any => {
    const inner = tf.mul(0.7978845608028654, tf.add(x, tf.mul(0.044715, tf.mul(x, tf.square(x)))));
    return tf.mul(tf.mul(x, 0.5), tf.add(1, tf.tanh(inner)));
  };
  const hot = (x: Int32Array): Any => tf.oneHot(tf.tensor1d(x, "int32"), vocab).toFloat();
  const [x, y] = [hot(tokens(B * T, vocab)), hot(labels(B * T, vocab))];
  const future = Float32Array.from({ length: T * T }, (_, i) =>
    i % T > Math.floor(i / T) ? -1e9 : 0,
  );
  const mask = tf.tensor(future, [T, T]);
  const split = (z: Any): Any =>
    tf.transpose(tf.reshape(z, [B, T, heads, C / heads]), [0, 2, 1, 3]);
  const loss = (): Any => {
    let h = tf.reshape(tf.add(tf.reshape(tf.matMul(x, wte), [B, T, C]), wpe), [B * T, C]);
    for (const block of blocks) {
      const qkv = apply(block.qkv, normalize(block.ln1, h));
      const [q, k, v] = tf.split(qkv, 3, 1).map(split);
      const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(C / heads));
      const attended = tf.matMul(tf.softmax(tf.add(scores, mask)), v);
      const joined = tf.reshape(tf.transpose(attended, [0, 2, 1, 3]), [B * T, C]);
      h = tf.add(h, apply(block.proj, joined));
      h = tf.add(h, apply(block.down, gelu(apply(block.up, normalize(block.ln2, h)))));
    }
    const logits = tf.matMul(normalize(lnf, h), wte, false, true);
    return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), y), -1)));
  };
  const adam = tf.train.adam(3e-4);
  const step = (): number =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(loss, variables);
      for (const v of variables) v.assign(tf.mul(v, 1 - 3e-5)); // AdamW's weight decay
      adam.applyGradients(grads);
      return value.dataSync()[0];
    });
  return { step, check: () => losses(step) };
}

await serve({ update, act, gemm, rows, train });
