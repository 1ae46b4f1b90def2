/** A setting of several tasks: the share of prompts with demonstrations. The others only have rewards. */
import { real } from "../../core/settings.ts";

export const taughtShare = real(
  1,
  "share of examples for supervised learning; the others are prompts for rewards only",
  {
    min: 0,
    max: 1,
  },
);
