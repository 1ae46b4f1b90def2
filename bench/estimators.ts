/** Measures every policy objective over the tokens of a batch, forward and backward: the cost besides the model. */
import { loops } from "../src/backends/loops.ts";
import { Random } from "../src/core/random.ts";
import { Tape } from "../src/core/tape.ts";
import { input, type Tensor, variable } from "../src/core/tensor.ts";
import { klDefaults, klLoss } from "../src/estimators/kl.ts";
import { type PresetName, presets } from "../src/estimators/presets.ts";
import { surrogateLoss } from "../src/estimators/surrogate.ts";
import { valueLoss } from "../src/estimators/value.ts";
import { tokenWeights } from "../src/estimators/weights.ts";
import type { BenchCase, Suite } from "./harness.ts";

const [sequences, steps] = [64, 128];
const tokens = sequences * steps;

export const estimators: Suite = {
  about: `estimators on [${sequences}, ${steps}] tokens, forward and backward`,
  make() {
    const k = loops();
    const random = new Random(1);
    const shape = [sequences, steps];
    const logProb = variable(k, shape);
    const [old, ref, weight] = [0, 1, 2].map(() => input(k, shape));
    const advantage = input(k, [sequences]);
    random.fillUniform(logProb.data);
    for (let i = 0; i < tokens; i++) {
      logProb.data[i] -= 2;
      old.data[i] = logProb.data[i] + 0.3 * (random.uniform() - 0.5);
      ref.data[i] = logProb.data[i] + 0.3 * (random.uniform() - 0.5);
    }
    random.fillNormal(advantage.data);
    const mask = new Float32Array(tokens).fill(1);
    tokenWeights(weight.data, mask, steps, { aggregation: "token" });
    const timed = (name: string, loss: () => Tensor): BenchCase => {
      const tape = new Tape(k);
      return { name, amount: tokens, unit: "tokens", run: () => tape.backward(tape.run(loss)) };
    };
    return [
      ...(Object.keys(presets) as PresetName[]).map((name) =>
        timed(name, () => surrogateLoss(logProb, old, advantage, weight, presets[name].surrogate)),
      ),
      timed("kl k3", () => klLoss(logProb, ref, weight, klDefaults)),
      timed("value loss", () => valueLoss(logProb, ref, weight)),
    ];
  },
};
