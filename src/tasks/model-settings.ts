/** Settings of models: the policy of an environment, the GPT of a text, and a published model in its place. */

import { choice, flag, integer, real, sizes, text, type Values } from "../core/settings.ts";
import { weightForms } from "../nn/stored.ts";

/** Settings of a policy and its observations. */
export const modelSettings = {
  hidden: sizes([64, 64], "sizes of the dense layers"),
  activation: choice("tanh", ["tanh", "relu"], "after each dense layer"),
  filters: sizes([], "channels of 3×3 convolutions before them, for image planes"),
  memory: integer(0, "size of an LSTM after them; 0 for none", { max: 4096 }),
  shared: flag(false, "one body for policy and critic"),
  squash: flag(false, "squash continuous actions into their bounds, rather than clip them"),
  logStd: real(0, "ln σ of continuous actions at the start", { min: -20, max: 2 }),
  normalizeObservation: flag(false, "standardize observations by all that were seen"),
  normalizeReward: flag(false, "divide rewards by the deviation of their discounted sum"),
  observationScale: real(
    1,
    "multiply observations by this, before all else; 0.00392156862745098 (1/255) for pixels of 0 to 255",
    { min: 1e-12 },
  ),
  frames: integer(1, "observations stacked, oldest first", { min: 1, max: 64 }),
};
export type ModelConfig = Values<typeof modelSettings>;

/** Settings of every language model. */
const textSettings = {
  context: integer(0, "tokens seen; 0: as many as the task's texts have", { max: 65536 }),
  recompute: flag(
    false,
    "gradient checkpointing: keep only each block's input, and compute the rest again for the gradient",
  ),
};

/** Settings of a language model of the run's own. */
export const gptSettings = {
  family: choice("gpt", ["gpt", "llama"], "GPT-2's form, or Llama's with rotary positions"),
  layers: integer(2, "blocks", { min: 1, max: 64 }),
  heads: integer(4, "attention heads", { min: 1, max: 64 }),
  width: integer(64, "numbers per position", { min: 1, max: 8192 }),
  ...textSettings,
  tied: flag(true, "the head is the token embedding"),
};
export type GptConfig = Values<typeof gptSettings>;

/** Settings of a published model, whose sizes its folder says. */
export const hubSettings = {
  ...textSettings,
  lora: integer(0, "rank of adapters on a frozen model; 0 trains all of its weights", {
    max: 4096,
  }),
  loraAlpha: real(0, "adapters count alpha/rank; 0: twice the rank", { min: 0 }),
  loraTargets: text("all-linear", "layers with adapters, such as q_proj,v_proj"),
  loraStabilized: flag(false, "adapters count alpha/√rank"),
  loraDropout: real(0, "share of adapters' inputs dropped in supervised learning", {
    min: 0,
    max: 0.99,
  }),
  weights: choice("f32", weightForms, "how a frozen model's matrices stay in memory"),
  thinking: choice("auto", ["auto", "on", "off"], "enable_thinking of the model's chat template"),
};
export type HubConfig = Values<typeof hubSettings>;
