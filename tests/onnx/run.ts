/**
 * `npm run test:onnx`: exported models in onnxruntime, installed on demand here (290 MB), against the models
 * they were made from: policies of every kind on 1,000 observations, and a GPT on whole texts, to 1e-5.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { input, NONE } from "../../src/core/tensor.ts";
import { gptOnnx } from "../../src/export/gpt-onnx.ts";
import { policyOnnx } from "../../src/export/policy-onnx.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import type { Actor } from "../../src/policies/actor.ts";
import { type Exported, exportedPolicies } from "../io/exported.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
if (!existsSync(`${here}node_modules`)) {
  console.log("installing onnxruntime-node (once, 290 MB) …");
  const npm = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
  spawnSync("npm", npm, { cwd: here, stdio: "inherit" });
}
// biome-ignore lint/suspicious/noExplicitAny: it is not installed where types are checked
type Any = any;
const ort: Any = createRequire(import.meta.url)("onnxruntime-node");
const open = (bytes: Uint8Array): Promise<Any> =>
  ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
const tensor = (x: ArrayLike<number>, shape: readonly number[]): Any =>
  new ort.Tensor("float32", Float32Array.from(x), shape);

let failed = 0;
function check(name: string, worst: number, differing: number): void {
  const holds = worst <= 1e-5 && differing === 0;
  if (!holds) failed++;
  const actions = `${differing} other actions`;
  console.log(`${holds ? "ok  " : "FAIL"} ${name}: off by ${worst.toExponential(1)}, ${actions}`);
}

/** The largest difference of outputs, and how many greedy actions differ. */
async function policy({ name, plan, actor, observe, act }: Exported): Promise<void> {
  const session = await open(policyOnnx(plan));
  const [output] = session.outputNames.filter((n: string) => n === "logits" || n === "mean");
  const recurrent = session.inputNames.includes("h");
  const lstm = plan.layers.find(({ kind }) => kind === "lstm");
  const size = lstm?.kind === "lstm" ? lstm.size : 0;
  let [h, c]: Any[] = [0, 1].map(() => tensor(new Float32Array(size), [1, size]));
  const observation = new Float32Array(plan.observation.reduce((a, b) => a * b, 1));
  const head = actor.model.head;
  const k = actor.model.parameters.backend;
  const outputsOf = watched(actor);
  let [worst, differing] = [0, 0];
  for (let i = 0; i < 1000; i++) {
    observe(observation);
    const want = act(observation);
    const x = tensor(observation, [1, ...plan.observation]);
    const said = await session.run({ observation: x, ...(recurrent ? { h, c } : {}) });
    if (recurrent) [h, c] = [said.hNext, said.cNext];
    const params = input(k, [1, head.outputs], said[output].data);
    worst = Math.max(worst, ...distances(said[output].data, outputsOf()));
    const action = new Float32Array(head.actionSize);
    head.mode(action, params, NONE);
    const command = new Float64Array(head.actionSize);
    head.command(command, action);
    if (command.some((a, j) => Math.abs(a - want[j]) > 1e-5)) differing++;
  }
  check(name, worst, differing);
}
/** What the policy's head was last given. */
function watched(actor: Actor): () => ArrayLike<number> {
  const { model } = actor;
  const outputs = model.outputs.bind(model);
  let last: ArrayLike<number> = [];
  model.outputs = (features) => {
    const params = outputs(features);
    last = params.data;
    return params;
  };
  return () => last;
}
const distances = (a: ArrayLike<number>, b: ArrayLike<number>): number[] =>
  Array.from(a, (x, i) => Math.abs(x - b[i]) / Math.max(1, Math.abs(b[i])));

async function gpt(tied: boolean): Promise<void> {
  const k = loops();
  const random = new Random(4);
  const [vocab, context, N] = [11, 7, 3];
  const model = new Gpt(k, { vocab, context, layers: 2, heads: 2, width: 12, tied }, random);
  for (const { data } of model.parameters.list) {
    for (let i = 0; i < data.length; i++) data[i] += 0.2 * random.normal();
  }
  const session = await open(gptOnnx(model));
  let [worst, differing] = [0, 0];
  for (const T of [1, 4, context]) {
    const [tokens, positions] = [input(k, [N, T]), input(k, [N, T])];
    for (let i = 0; i < N * T; i++) {
      tokens.data[i] = random.below(vocab);
      positions.data[i] = i % T;
    }
    const tape = new Tape(k, { grads: false });
    const want = tape.run(() => model.logits(model.hidden(tokens, positions))).data;
    const ids = BigInt64Array.from(tokens.data, BigInt);
    const { logits } = await session.run({ tokens: new ort.Tensor("int64", ids, [N, T]) });
    worst = Math.max(worst, ...distances(logits.data, want));
    for (let row = 0; row < N * T; row++) {
      const best = (x: ArrayLike<number>): number => {
        const own = Array.from({ length: vocab }, (_, j) => x[row * vocab + j]);
        return own.indexOf(Math.max(...own));
      };
      if (best(logits.data) !== best(want)) differing++;
    }
  }
  check(`gpt${tied ? "" : ", head of its own"}`, worst, differing);
}

for (const exported of exportedPolicies()) await policy(exported);
await gpt(true);
await gpt(false);
process.exitCode = failed > 0 ? 1 : 0;
