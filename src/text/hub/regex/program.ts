/** Compiles a pattern's tree to steps, which matcher.ts walks. */
import type { CharSet } from "./sets.ts";
import { type Node, type Place, widthOf } from "./syntax.ts";

export type Step =
  | { readonly kind: "one"; readonly set: CharSet; next: number }
  /** Goes on at `next`, and if that fails at `other`; `choice` numbers these steps. */
  | { readonly kind: "split"; next: number; other: number; readonly choice: number }
  | { readonly kind: "place"; readonly place: Place; next: number }
  | { readonly kind: "atomic"; readonly start: number; next: number }
  | {
      readonly kind: "look";
      readonly start: number;
      /** Characters from the place back to where its match begins; 0 for a look ahead. */
      readonly back: number;
      readonly negated: boolean;
      next: number;
    }
  | { readonly kind: "accept" };

export interface Program {
  readonly steps: readonly Step[];
  readonly start: number;
  readonly choices: number;
}

/** More steps than any published pattern has; memory is a bit per choice and character. */
const mostSteps = 2000;

/** Returns the program; null for a pattern of too many steps. */
export function compile(node: Node): Program | null {
  const compiler = new Compiler();
  const accept = compiler.add({ kind: "accept" });
  const start = compiler.node(node, accept);
  return start < 0 ? null : { steps: compiler.steps, start, choices: compiler.choices };
}

/** Compiles from the end: each part is told where to go on. Answers −1 once there are too many steps. */
class Compiler {
  readonly steps: Step[] = [];
  choices = 0;

  add(step: Step): number {
    return this.steps.length >= mostSteps ? -1 : this.steps.push(step) - 1;
  }

  node(node: Node, next: number): number {
    if (next < 0) return next;
    switch (node.kind) {
      case "one":
        return this.add({ kind: "one", set: node.set, next });
      case "place":
        return this.add({ kind: "place", place: node.place, next });
      case "all":
        return node.parts.reduceRight((after, part) => this.node(part, after), next);
      case "either":
        return node.options
          .map((option) => this.node(option, next))
          .reduceRight((other, option) => this.split(option, other));
      case "atomic":
        return this.sub(node.body, (start) => ({ kind: "atomic", start, next }));
      case "look": {
        const { behind, negated, body } = node;
        const back = behind ? (widthOf(body) ?? 0) : 0;
        return this.sub(body, (start) => ({ kind: "look", start, back, negated, next }));
      }
      case "repeat":
        return this.repeat(node, next);
    }
  }

  private split(next: number, other: number): number {
    if (next < 0 || other < 0) return -1;
    return this.add({ kind: "split", next, other, choice: this.choices++ });
  }

  /** Compiles a part that is matched on its own. */
  private sub(body: Node, of: (start: number) => Step): number {
    const start = this.node(body, this.add({ kind: "accept" }));
    return start < 0 ? start : this.add(of(start));
  }

  private repeat(node: Extract<Node, { kind: "repeat" }>, next: number): number {
    const { body, least, most, lazy } = node;
    const either = (once: number, none: number) =>
      lazy ? this.split(none, once) : this.split(once, none);
    let at = next;
    if (most === Infinity) {
      at = this.split(next, next);
      if (at < 0) return at;
      const once = this.node(body, at);
      if (once < 0) return once;
      const loop = this.steps[at] as Extract<Step, { kind: "split" }>;
      [loop.next, loop.other] = lazy ? [next, once] : [once, next];
    } else for (let i = least; i < most && at >= 0; i++) at = either(this.node(body, at), next);
    for (let i = 0; i < least && at >= 0; i++) at = this.node(body, at);
    return at;
  }
}
