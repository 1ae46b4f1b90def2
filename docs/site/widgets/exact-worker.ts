/** Computes what the widgets show, by the book's own listings, off the page's thread. */
import { errorOf, estimateOf } from "../../examples/book/04-advantages.ts";
import { improve } from "../../examples/book/05-trust.ts";
import { estimators, factor } from "../../examples/book/07-groups.ts";
import type { Kind, Questions } from "./messages.ts";

const range = (n: number, f: (i: number) => number): number[] =>
  Array.from({ length: n }, (_, i) => f(i));

const answers: { [K in Kind]: (ask: Questions[K]["ask"]) => Questions[K]["answer"] } = {
  lambda({ critic, episodes }) {
    const lambdas = range(21, (i) => i / 20);
    const moments = lambdas.map((lambda) => estimateOf(critic, lambda));
    return { lambdas, moments, errors: moments.map((one) => errorOf(one, episodes)) };
  },
  clip: ({ clip }) => ({ points: improve(clip) }),
  group({ K }) {
    const p = range(49, (i) => (i + 1) / 50);
    const rows = Object.entries(estimators).map(([name, A]) => [
      name,
      p.map((x) => factor(A, x, K)),
    ]);
    return { p, factors: Object.fromEntries(rows), equal: p.map((x) => x ** K + (1 - x) ** K) };
  },
};

addEventListener("message", ({ data }: MessageEvent<{ kind: Kind; ask: never; id: number }>) => {
  postMessage({ id: data.id, answer: answers[data.kind](data.ask) });
});
