/** A line about the layers that an image goes through, which follow from settings that a person may not know of. */
import type { EnvironmentSession } from "../tasks/environment-session.ts";

const kernel = 3; // rows and columns of a convolution
const mostChannels = 4; // red, green, blue and opacity

/** Returns a line that says how images are read and how to choose otherwise; empty for other observations. */
export function imageNote({ training }: EnvironmentSession): string {
  const { observation, filters = [], hidden } = training.model.options;
  const { kind, shape } = observation;
  if (kind !== "box" || shape.length < 2 || shape.length > 3) return "";
  const dense = hidden.length > 0 ? `dense layers (hidden=${hidden.join(",")})` : "the output";
  if (shape.length === 2)
    return Math.min(...shape) < kernel
      ? ""
      : `observations of ${shape.join(" × ")} go straight into ${dense}; if they are an image, declare [1, ${shape.join(", ")}], and --set filters=16 puts a convolution before\n`;
  const image = `images of ${shape.join(" × ")} (planes, rows, columns)`;
  const isLast = shape[2] <= mostChannels && Math.min(shape[0], shape[1]) > mostChannels;
  const [rows, columns, channels] = shape;
  const turn = `; if these are rows, columns and channels, put the channels first ([${channels}, ${rows}, ${columns}]), or say channels: "last" for pixels of 0 to 255`;
  if (filters.length > 0)
    return `${image} go through convolutions (filters=${filters.join(",")}), then ${dense}${isLast ? turn : ""}\n`;
  const how =
    Math.min(shape[1], shape[2]) < kernel ? "" : "; --set filters=16 puts a convolution before";
  return `${image} go straight into ${dense}, without convolution${isLast ? turn : how}\n`;
}
