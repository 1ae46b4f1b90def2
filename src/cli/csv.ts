/** Rows as comma-separated values (RFC 4180). */

type Cell = string | number | boolean | null | undefined;

const quoted = (cell: Cell): string => {
  if (cell === null || cell === undefined || Number.isNaN(cell)) return "";
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

export const csv = (head: readonly string[], rows: readonly (readonly Cell[])[]): string =>
  [head, ...rows].map((row) => `${row.map(quoted).join(",")}\n`).join("");
