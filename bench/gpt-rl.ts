/** Measures a GRPO update end to end: the time of each phase, and sampled tokens per second. */
import { resolve } from "../src/tasks/run.ts";
import { open } from "../src/tasks/session.ts";
import type { BenchCase, Suite } from "./harness.ts";

const sizes = {
  "C 64 L 2": { width: 64, layers: 2 },
  "C 128 L 4": { width: 128, layers: 4 },
};

/** Returns a GRPO update of addition with 512 completions; `shares` returns the time per phase since its last call. */
export function rlUpdate(size: { readonly width: number; readonly layers: number }) {
  const settings = { ...size, sftUpdates: 0, prompts: 64, groupSize: 8, reference: false };
  const session = open(
    resolve({ task: "arith", algo: "grpo", steps: 1e9, backend: "simd", settings }),
  );
  const spent = { sample: 0, reward: 0, update: 0 };
  let phase: keyof typeof spent | null = null;
  let since = performance.now();
  session.training.onPhase = (next) => {
    const now = performance.now();
    if (phase !== null) spent[phase] += now - since;
    phase = next;
    since = now;
  };
  return {
    run: () => void session.reports.next(),
    tokens: (): number => session.training.envSteps,
    shares(): string {
      const total = spent.sample + spent.reward + spent.update;
      const share = (x: number): string => `${((100 * x) / total).toFixed(1)} %`;
      return `sampling ${share(spent.sample)}, reward ${share(spent.reward)}, update ${share(spent.update)}`;
    },
  };
}

export const gptRl: Suite = {
  about: "a GRPO update of a language model: 512 completions sampled, scored, learned from",
  make() {
    return Object.entries(sizes).map(([name, size]): BenchCase => {
      const { run, tokens, shares } = rlUpdate(size);
      const before = performance.now();
      for (let i = 0; i < 5; i++) run();
      const rate = tokens() / ((performance.now() - before) / 1000);
      console.log(`  ${name}: ${Math.round(rate)} sampled tokens/s; ${shares()}`);
      return { name, amount: 512, unit: "completions", run };
    });
  },
};
