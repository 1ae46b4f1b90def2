/** What a page pays for a part of pigrad: one import bundled, minified and gzipped, against its budget. */
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";
import { loops } from "../../src/backends/loops.ts";
import { Random } from "../../src/core/random.ts";
import { gptModule } from "../../src/export/gpt-js.ts";
import { policyModule } from "../../src/export/policy-js.ts";
import { Gpt } from "../../src/nn/gpt.ts";
import { characters } from "../../src/text/tokenizer.ts";
import { exportedPolicies } from "../io/exported.ts";

export interface Size {
  readonly name: string;
  /** Bytes, gzipped; and the most they may be. */
  readonly bytes: number;
  readonly budget: number;
}

const resolveDir = fileURLToPath(new URL("../../src", import.meta.url));
function gzipped(contents: string): number {
  const { outputFiles } = buildSync({
    stdin: { contents, resolveDir },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  return outputFiles[0].contents.length === 0
    ? 0
    : gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

const kB = 1000;
const policyCode = (): string => {
  const [{ plan }] = exportedPolicies();
  return policyModule(plan).js.replaceAll(/floats\("[^"]*"\)/g, 'floats("")'); // weights are the user's
};
const gptCode = (): string => {
  const { js } = gptModule(
    new Gpt(loops(), { vocab: 8, context: 8, layers: 1, heads: 1, width: 4 }, new Random(1)),
    { tokenizer: characters("abcdefg", ["<end>"]) },
  );
  return js.replaceAll(/floats\("[^"]*"\)/g, 'floats("")');
};
const basics = `export { loops, Random, Parameters, Mlp, Adam, Tape, input, categoricalSample,
  categoricalLogProb, reinforceLoss } from "./index.ts";`;
const parts: readonly (readonly [name: string, kB: number, code: () => string])[] = [
  ["an exported MLP policy, without its weights", 4, policyCode],
  ["tape, MLP, Adam, REINFORCE", 10, () => basics],
  [
    "the same with PPO's losses, GAE and CartPole",
    17,
    () => `${basics}
      export { CartPole } from "./envs/cartpole.ts";
      export { categoricalEntropy, entropyLoss, surrogateLoss, valueLoss, gae, standardize,
      clipGlobalNorm, add, mul, reshape } from "./index.ts";`,
  ],
  [
    "the PPO trainer with every body and head, and CartPole",
    36.4,
    () => `export { ppo, ppoSettings } from "./algos/ppo.ts";
      export { Training } from "./algos/training.ts";
      export { loops } from "./backends/loops.ts";
      export { Random } from "./core/random.ts";
      export { settle } from "./core/settings.ts";
      export { CartPole } from "./envs/cartpole.ts";
      export { ActorCritic } from "./policies/actor-critic.ts";
      export { VectorEnv } from "./rollout/vector-env.ts";`,
  ],
  [
    "GPT inference with sampling by the library",
    14.2,
    () => `export { loops } from "./backends/loops.ts";
      export { Random } from "./core/random.ts";
      export { generate } from "./nn/decode.ts";
      export { Gpt } from "./nn/gpt.ts";`,
  ],
  ["an exported GPT with sampling and tokenizer, without its weights", 2, gptCode],
  ["an import of nothing", 0, () => `import {} from "./index.ts";`],
];

export const sizes = (): Size[] =>
  parts.map(([name, budget, code]) => ({ name, bytes: gzipped(code()), budget: budget * kB }));
