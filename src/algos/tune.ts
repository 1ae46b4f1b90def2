/**
 * Learning from rewards on completions: sample, judge, estimate, climb. One trainer for REINFORCE, A2C, PPO,
 * RLOO, GRPO and their kin; tune-settings.ts says how they differ, docs/language.md derives them.
 *
 * Differences from the papers:
 *   1. old log-probabilities are those recorded while sampling, of the tempered and truncated policy, which
 *      is the one that learns;
 *   2. a completion that could not be scored (NaN) or, where asked, has no end, is in no sum and no count;
 *   3. the KL's weight may be adapted (Schulman et al. 2017, section 4).
 */
import { SettingError } from "../core/errors.ts";
import type { Kept } from "../core/state.ts";
import { adaptiveKlWeight, klOf } from "../estimators/kl.ts";
import { valueDefaults } from "../estimators/value.ts";
import { tokenWeights } from "../estimators/weights.ts";
import { Gpt } from "../nn/gpt.ts";
import { Random } from "../core/random.ts";
import { Adam } from "../optim/adam.ts";
import { Completer, type Completions, type Reply } from "../rollout/completions.ts";
import type { PartSizes } from "../rollout/completion-parts.ts";
import { endToken, promptTokens, type TextTask } from "../text/task.ts";
import { type Estimated, estimateCompletions } from "./completion-advantages.ts";
import { CompletionLoss, CompletionScorer } from "./completion-loss.ts";
import { Judge } from "./judge.ts";
import type { LanguageTraining } from "./language-training.ts";
import { PromptSource } from "./prompt-source.ts";
import { keptNumber, type Report, weightsOf } from "./training.ts";
import { estimatorOf, type TuneAlgorithm, type TuneConfig, type TuneName, tuneAlgorithms } from "./tune-settings.ts";
