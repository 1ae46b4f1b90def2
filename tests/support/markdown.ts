/** Numbers and tables of generated Markdown. */

export const short = (x: number): string =>
  Number.isFinite(x) ? x.toLocaleString("en", { maximumFractionDigits: 3 }) : "–";

const escaped = (cell: string): string => cell.replaceAll("|", "\\|");
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.map(escaped).join(" | ")} |`)
    .join("\n");
