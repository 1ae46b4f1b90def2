import { ClipWidget, GroupWidget, LambdaWidget } from "./chapters.ts";
import { PlaygroundWidget, TrainWidget } from "./train.ts";

/** Makes the elements known to the page. */
export function defineWidgets(): void {
  const all = {
    "pg-lambda": LambdaWidget,
    "pg-clip": ClipWidget,
    "pg-group": GroupWidget,
    "pg-train": TrainWidget,
    "pg-playground": PlaygroundWidget,
  };
  for (const [name, widget] of Object.entries(all))
    if (customElements.get(name) === undefined) customElements.define(name, widget);
}
