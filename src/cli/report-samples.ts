/** The report's table of what a language model wrote, each token colored by what pulled at it. */
import type { ExplainedSample, ExplainedToken } from "../algos/explain-samples.ts";
import { evenly } from "../text/corpus.ts";
import { mostOf } from "./extent.ts";
import { escaped } from "./page.ts";

export const mostSamples = 40; // shown of a run

/** A section of samples from the start of a run to its end; empty without any. */
export function samplesSection(name: string, samples: readonly ExplainedSample[]): string {
  if (samples.length === 0) return "";
  const shown = evenly(samples, mostSamples);
  const widest = (of: (t: ExplainedToken) => number): number =>
    Math.max(1e-9, ...shown.map(({ tokens }) => mostOf(tokens.map((t) => Math.abs(of(t) || 0)))));
  const columns = [
    ["advantage", (t: ExplainedToken) => t.advantage],
    ["ln π − ln reference", (t: ExplainedToken) => t.logRatio],
    ["entropy", (t: ExplainedToken) => t.entropy],
  ] as const;
  const scales = columns.map(([, of]) => widest(of));
  const rows = shown.map(
    ({ update, prompt, reward, tokens }) =>
      `<tr><td>${escaped(String(update))}</td><td>${escaped(prompt)}</td><td>${Number.isNaN(reward) ? "–" : reward.toFixed(2)}</td>${columns
        .map(([, of], i) => `<td>${tokens.map((t) => colored(t, of(t), scales[i])).join("")}</td>`)
        .join("")}</tr>`,
  );
  const head = ["update", "prompt", "reward", ...columns.map(([title]) => title)]
    .map((title) => `<th>${title}</th>`)
    .join("");
  return `<h2>Samples: ${escaped(name)}</h2>
<p class="soft">each completion three times, its tokens colored: blue above 0, orange below, stronger further from it; gray is not the policy's</p>
<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

function colored({ text, own }: ExplainedToken, x: number, scale: number): string {
  const shown = escaped(text === "" ? "⏹" : text.replaceAll("\n", "⏎"));
  if (!own) return `<span style="color:gray">${shown}</span>`;
  if (Number.isNaN(x)) return `<span>${shown}</span>`;
  const strength = Math.round((60 * Math.min(1, Math.abs(x) / scale) * 255) / 100)
    .toString(16)
    .padStart(2, "0");
  const color = x >= 0 ? "#2f6fde" : "#d9582b";
  return `<span title="${x.toPrecision(3)}" style="background:${color}${strength}">${shown}</span>`;
}
