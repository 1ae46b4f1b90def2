/** A setting of several tasks: demonstrations for a part only, since a reward can be had without them. */
import { real } from "../../core/settings.ts";

export const taughtShare = real(
  1,
  "share learned from first; what is left is only asked, for rewards",
  {
    min: 0,
    max: 1,
  },
);
