/** Memory of a backend is given back once: by constructors that fail, and by `free`. */
import { expect, test } from "vitest";
import { loops } from "../../src/backends/loops.ts";
import { simd } from "../../src/backends/simd.ts";
import { MemoryError, UsageError } from "../../src/core/errors.ts";
import { Random } from "../../src/core/random.ts";
import { Tape } from "../../src/core/tape.ts";
import { free, input, variable } from "../../src/core/tensor.ts";
import { box, discrete } from "../../src/envs/space.ts";
import { parseJson } from "../../src/io/json.ts";
import { buildModel } from "../../src/models/build.ts";
import { modelConfig } from "../../src/models/config.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import * as ops from "../../src/ops/index.ts";
import { ActorCritic } from "../../src/policies/actor-critic.ts";

const sizes = { vocab: 50, context: 64, layers: 12, heads: 8, width: 256 };
const llama = {
  ...{ model_type: "llama", vocab_size: 50, hidden_size: 256, num_hidden_layers: 12 },
  ...{ num_attention_heads: 8, intermediate_size: 512, max_position_embeddings: 64 },
};
const config = modelConfig(parseJson(JSON.stringify(llama), "config.json"), null);
const observation = box(0, 1, [4000]);
const spaces = { observation, action: discrete(2), hidden: [400, 400], critic: true, body: "mlp" };
test.each<[string, (k: ReturnType<typeof simd>) => unknown]>([
  ["Gpt", (k) => new Gpt(k, sizes, new Random(1))],
  ["Llama", (k) => buildModel(k, config)],
  ["frozen Llama", (k) => buildModel(k, config, { frozen: true })],
  ["ActorCritic", (k) => new ActorCritic(k, spaces as never, new Random(1))],
])("%s that does not fit leaves all memory free", (_, make) => {
  const k = simd({ memory: 4 << 20 });
  const before = k.live();
  expect(() => make(k)).toThrow(MemoryError);
  expect(k.live()).toBe(before);
});

test.each([loops(), simd()])("$name: a tensor that is freed twice is refused", (k) => {
  const x = input(k, [2], [1, 2]);
  free(x);
  expect(() => free(x)).toThrow(UsageError);
});

test("attention over no keys is 0 on both backends", () => {
  for (const k of [loops(), simd()]) {
    const [q, none] = [variable(k, [1, 2, 4], [1, 2, 3, 4, 5, 6, 7, 8]), variable(k, [1, 0, 4])];
    const tape = new Tape(k);
    const y = tape.run(() => ops.attention(q, none, none));
    expect([...y.data]).toEqual(new Array(8).fill(0));
    tape.backward(tape.run(() => ops.sum(ops.attention(q, none, none))));
    expect([...q.grad]).toEqual(new Array(8).fill(0));
  }
});
