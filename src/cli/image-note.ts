/** A line about the layers that an image goes through, which follow from settings that a person may not know of. */
import type { EnvironmentSession } from "../tasks/environment-session.ts";

const kernel = 3; // rows and columns of a convolution

/** Returns a line that says how images are read and how to choose otherwise; empty for other observations. */
export function imageNote({ training }: EnvironmentSession): string {
  const { observation, filters = [], hidden } = training.model.options;
  const { kind, shape } = observation;
  if (kind !== "box" || shape.length !== 3) return "";
  const image = `images of ${shape.join(" × ")} (planes, rows, columns)`;
  const dense = hidden.length > 0 ? `dense layers (hidden=${hidden.join(",")})` : "the output";
  if (filters.length > 0)
    return `${image} go through convolutions (filters=${filters.join(",")}), then ${dense}\n`;
  const how =
    Math.min(shape[1], shape[2]) < kernel ? "" : "; --set filters=16 puts a convolution before";
  return `${image} go straight into ${dense}, without convolution${how}\n`;
}
