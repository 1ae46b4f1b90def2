/** The frame of our pages: one file with library, data and style inside, and a policy that lets nothing else in. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { printable } from "../core/printable.ts";

const asset = (name: string): string =>
  readFileSync(createRequire(import.meta.url).resolve(`uplot/dist/${name}`), "utf8");

export interface PageParts {
  readonly title: string;
  readonly body: string;
  /** A script, and JSON for it, which it finds in the element #data. Without one the page has no library either. */
  readonly data?: unknown;
  readonly script?: string;
  readonly style?: string;
  /** The page listens to events of its server. */
  readonly live?: boolean;
}

export function page({ title, body, data, script, style = "", live = false }: PageParts): string {
  const scripts = script === undefined ? [] : [asset("uPlot.iife.min.js"), script];
  const policy = [
    "default-src 'none'",
    ...(scripts.length > 0 ? [`script-src ${scripts.map(hashOf).join(" ")}`] : []),
    "style-src 'unsafe-inline'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    ...(live ? ["connect-src 'self'"] : []),
  ].join("; ");
  const json = JSON.stringify(data ?? null).replaceAll("<", "\\u003c");
  const withScripts = [
    `<script type="application/json" id="data">${json}</script>`,
    ...scripts.map((text) => `<script>${text}</script>`),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="icon" href="data:,">
<title>${escaped(title)}</title>
<style>${scripts.length > 0 ? asset("uPlot.min.css") : ""}${commonStyle}${style}</style>
</head>
<body>
<main>
${body}
</main>
${scripts.length > 0 ? withScripts.join("\n") : ""}
</body>
</html>
`;
}

/** The name of a script in a page's policy, which lets that very text run and no other. */
const hashOf = (script: string): string =>
  `'sha256-${createHash("sha256").update(script).digest("base64")}'`;

/** Text for elements and quoted attributes of HTML and SVG. */
export const escaped = (text: string): string =>
  printable(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");

const commonStyle = `
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --line: #ddd; --soft: #666; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6e6; --paper: #161616; --line: #3a3a3a; --soft: #aaa; } }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
main { max-width: 72rem; margin: 0 auto; padding: 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid var(--line); }
th[scope=row] { text-align: left; font-weight: 400; }
.u-legend { font-size: 12px; text-align: left; }
.scroll { overflow-x: auto; max-width: 100%; }
`;
