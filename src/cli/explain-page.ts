/** The page of an explained run: bars per input and per past step, tokens in color, the tree drawn. */
import type { ExplainedDecision, ExplainedTarget } from "../tasks/explain-decision.ts";
import {
  type Attributed,
  byColumn,
  byRow,
  completeness,
  type ExplainedRun,
  type ExplainedTree,
  hasRows,
  isOfTokens,
  short,
  strongest,
  treeHead,
  treeRows,
  treeSummary,
  type UpdateOfRun,
  updateSummary,
  updateTitle,
} from "./explain-lines.ts";
import { mostOf } from "./extent.ts";
import { escaped, page } from "./page.ts";
import { treeCode, treeSvg } from "./tree-code.ts";

export function explainPage({ path, config, decision, update, tree }: ExplainedRun): string {
  const { task, algo } = config;
  const { chosen, probability, targets, where, baseline } = decision;
  const share = probability === null ? "" : `, π ${short(probability)}`;
  return page({
    title: `pigrad: why, ${task}`,
    style,
    body: `<h1>${escaped(task)}: why ${escaped(chosen)}?</h1>
<p class="soft">${escaped(path)}, ${escaped(algo)}; ${escaped(where)}: <b>${escaped(chosen)}</b>${share}</p>
<p class="soft">Attributions are integrated gradients from a baseline, ${escaped(baseline)}; they sum to the change of the target from it. <span class="up">Blue</span> raises the target, <span class="down">orange</span> lowers it.</p>
${targets.map((target) => targetSection(decision, target)).join("\n")}
${update === null ? "" : updateSection(update)}
${tree === null ? "" : treeSection(tree)}`,
  });
}

function targetSection(decision: ExplainedDecision, target: ExplainedTarget): string {
  const isText = isOfTokens(decision);
  const rows = byRow(decision, target);
  return `<section><h2>${escaped(target.name)}</h2>
<p class="soft">${escaped(completeness(target))}</p>
${isText ? coloredTokens(rows) : `<h3>Inputs</h3>${bars(byColumn(decision, target))}`}
${hasRows(decision) ? `<h3>${isText ? "Tokens" : "Past steps"}</h3>${bars(rows, isText ? rows.length : 60)}` : ""}
</section>`;
}

const most = 40; // bars of inputs

function bars(list: readonly Attributed[], count = most): string {
  const shown = strongest(list, count);
  const largest = mostOf(shown.map(({ attribution }) => Math.abs(attribution))) || 1;
  const rows = shown.map(({ name, value, attribution }) => {
    const width = ((50 * Math.abs(attribution)) / largest).toFixed(2);
    const side = attribution < 0 ? "down" : "up";
    const from = attribution < 0 ? (50 - Number(width)).toFixed(2) : "50";
    const given = value === null ? "" : ` <span class="soft">${short(value)}</span>`;
    return `<div><span>${escaped(name)}${given}</span><i><b class="${side}" style="margin-left:${from}%;width:${width}%"></b></i><span>${short(attribution)}</span></div>`;
  });
  const rest = list.length - shown.length;
  const longest = mostOf(shown.map(({ name, value }) => name.length + (value === null ? 0 : 9)));
  return `<div class="signed" style="--name:${(0.55 * longest + 1).toFixed(1)}rem">${rows.join("")}</div>${rest > 0 ? `<p class="soft">and ${rest} smaller</p>` : ""}`;
}

function coloredTokens(list: readonly Attributed[]): string {
  const largest = mostOf(list.map(({ attribution }) => Math.abs(attribution))) || 1;
  const tokens = list.map(({ name, attribution }) => {
    const strength = Math.round((70 * Math.abs(attribution)) / largest);
    const side = attribution < 0 ? "--down" : "--up";
    return `<span title="${short(attribution)}" style="background:color-mix(in srgb, var(${side}) ${strength}%, transparent)">${escaped(name)}</span>`;
  });
  return `<p class="tokens">${tokens.join("")}</p>`;
}

const cells = (row: readonly string[], tag = "td"): string =>
  `<tr>${row.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>`;
const tableOf = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  `<div class="scroll"><table><thead>${cells(head, "th")}</thead><tbody>${rows.map((row) => cells(row)).join("")}</tbody></table></div>`;

function updateSection(update: UpdateOfRun): string {
  const parts = update.targets.map((target) => {
    const rows = target.strongest.map(({ what, reward, advantage, pull }) => [
      short(pull),
      short(advantage),
      short(reward),
      what.replaceAll("\n", "⏎"),
    ]);
    return `<p>${escaped(updateSummary(target))}</p>${tableOf(["pull", "advantage", "reward", "sample"], rows)}`;
  });
  return `<section class="pulls"><h2>One update</h2><p class="soft">${escaped(updateTitle(update))}; a sample's pull is what it adds to the target per unit of learning rate, to first order</p>${parts.join("\n")}</section>`;
}

const treeSection = (tree: ExplainedTree): string =>
  `<section><h2>The policy as a tree</h2><p class="soft">${escaped(treeSummary(tree))}</p>
<div class="scroll">${treeSvg(tree)}</div>
<pre class="scroll">${escaped(treeCode(tree))}</pre>
${tableOf(treeHead, treeRows(tree))}</section>`;

const style = `
:root { --up: #2f6fde; --down: #d9582b; }
.soft { color: var(--soft); font-weight: 400; font-size: 13px; }
h1 { font-size: 1.6rem; overflow-wrap: anywhere; } h2 { font-size: 1.2rem; margin-top: 2rem; } h3 { font-size: 1rem; margin: 1rem 0 .3rem; }
p { overflow-wrap: anywhere; }
span.up { color: var(--up); } span.down { color: var(--down); }
.signed > div { display: grid; grid-template-columns: min(var(--name), 42%) minmax(0, 1fr) 4.5rem; gap: .5rem; align-items: center; font-size: 13px; }
.signed > div > span:last-child { text-align: right; font-variant-numeric: tabular-nums; }
.signed > div > span:first-child { overflow-wrap: anywhere; }
.signed i { display: block; height: .8rem; background: linear-gradient(var(--line), var(--line)) 50% 0 / 1px 100% no-repeat; }
.signed b { display: block; height: 100%; }
.signed b.up { background: var(--up); } .signed b.down { background: var(--down); }
.tokens { font: 1.2rem/1.9 ui-monospace, monospace; } .tokens span { padding: .15em .12em; border-radius: 2px; white-space: pre-wrap; }
pre { font: 12px/1.5 ui-monospace, monospace; padding: .6rem; border: 1px solid var(--line); }
td, th { white-space: nowrap; } .pulls :is(td, th):last-child { text-align: left; }
@media (prefers-color-scheme: dark) { :root { --up: #6c9cf0; --down: #e8805a; } }
`;
