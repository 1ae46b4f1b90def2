/** The parts of a pattern, as `parsePattern` in parse.ts makes them. */
import type { CharSet } from "./sets.ts";

export type Place = "begin" | "end" | "lineBegin" | "lineEnd" | "endOrNewline" | "edge" | "noEdge";

export type Node =
  | { readonly kind: "one"; readonly set: CharSet }
  | { readonly kind: "all"; readonly parts: readonly Node[] }
  | { readonly kind: "either"; readonly options: readonly Node[] }
  | {
      readonly kind: "repeat";
      readonly body: Node;
      readonly least: number;
      readonly most: number;
      readonly lazy: boolean;
    }
  /** What it matched first stays, as after `++` and in `(?>…)`. */
  | { readonly kind: "atomic"; readonly body: Node }
  | {
      readonly kind: "look";
      readonly body: Node;
      readonly behind: boolean;
      readonly negated: boolean;
    }
  | { readonly kind: "place"; readonly place: Place };

/** Returns the number of characters that a part matches; null if it may differ. */
export function widthOf(node: Node): number | null {
  switch (node.kind) {
    case "one":
      return 1;
    case "look":
    case "place":
      return 0;
    case "atomic":
      return widthOf(node.body);
    case "all":
      return node.parts.reduce<number | null>((sum, part) => {
        const width = widthOf(part);
        return sum === null || width === null ? null : sum + width;
      }, 0);
    case "either": {
      const [first, ...rest] = node.options.map(widthOf);
      return rest.every((width) => width === first) ? first : null;
    }
    case "repeat": {
      const width = node.least === node.most ? widthOf(node.body) : null;
      return width === null ? null : width * node.least;
    }
  }
}
