/** Steps to a mark, of each seed, beside what was measured of Stable-Baselines3 and CleanRL: from the records of `npm run results`. */
import { readFileSync } from "node:fs";
import { interquartileMean } from "../../src/rollout/statistics.ts";
import { at, picture, textAt } from "./svg.ts";

interface Record {
  /** Infinity is null in JSON. */
  readonly steps?: readonly (number | null)[];
  readonly threshold?: number;
}
const records: Readonly<{ [name: string]: Record }> = JSON.parse(
  readFileSync(new URL("../../tests/learning/results.json", import.meta.url), "utf8"),
);

/** Median, least and most steps, and how many seeds came there: SB3 2.3.2 with its zoo's settings, on 100,000 steps. */
interface Peer {
  readonly name: string;
  readonly range: readonly [low: number, median: number, high: number];
  readonly reached: string;
}
const rows: Readonly<{ [name: string]: Peer | null }> = {
  "CartPole-v1, ppo": {
    name: "SB3",
    range: [53_336, 65_944, 88_248],
    reached: "9 of 10; CleanRL 0 of 10",
  },
  "CartPole-v1, trpo": null,
  "CartPole-v1, a2c": null,
  "CartPole-v1, reinforce": null,
  "Acrobot-v1": { name: "SB3", range: [64_016, 72_672, 80_720], reached: "5 of 5" },
  "Pendulum-v1": { name: "SB3", range: [67_200, 68_000, 69_600], reached: "3 of 4" },
};

const [width, left, right, most] = [760, 200, 730, 250_000];
const x = (steps: number): number => left + ((right - left) * steps) / most;

export function efficiency(): string {
  const parts: string[] = [];
  const names = Object.keys(rows);
  const bottom = 40 + 52 * names.length;
  for (let steps = 0; steps <= most; steps += 50_000) {
    parts.push(`<path class="grid" d="M${at(x(steps))} 30V${bottom}"/>`);
    const text = steps === 0 ? "0" : `${steps / 1000}k`;
    parts.push(textAt(x(steps), bottom + 18, text, 'text-anchor="middle" class="soft"'));
  }
  for (const [i, [name, peer]] of Object.entries(rows).entries()) {
    const y = 52 + 52 * i;
    const { steps = [], threshold } = records[name];
    const came = steps.filter((n) => n !== null);
    parts.push(textAt(16, y, name, 'class="title"'));
    parts.push(
      textAt(16, y + 17, `to ${threshold}; ${came.length} of ${steps.length}`, 'class="soft"'),
    );
    for (const n of came)
      parts.push(`<circle class="f1" cx="${at(x(n))}" cy="${y - 6}" r="3" opacity="0.55"/>`);
    const middle = x(interquartileMean(came));
    parts.push(`<path class="curve s1" d="M${at(middle)} ${y - 15}v18"/>`);
    if (peer === null) continue;
    const [low, median, high] = peer.range.map(x);
    parts.push(
      `<path class="curve s2" d="M${at(low)} ${y + 12}H${at(high)}M${at(median)} ${y + 6}v12"/>`,
    );
    parts.push(textAt(high + 8, y + 16, `${peer.name}: ${peer.reached}`, 'class="f2"'));
  }
  return picture(width, bottom + 30, "Steps to a mark, pigrad beside others", parts.join("\n"));
}
