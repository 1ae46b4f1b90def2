import { mostOf } from "./extent.ts";

/** Rows of cells as text, columns lined up: the first ones of words to the left, numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, i) => mostOf(all.map((row) => [...row[i]].length)));
  const isNumber = head.map((_, i) => rows.every((row) => /^[-+–∞\d]/.test(row[i])));
  return all
    .map((row) =>
      row
        .map((cell, i) => {
          const space = " ".repeat(widths[i] - [...cell].length);
          return isNumber[i] ? space + cell : cell + space;
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
    .concat("\n");
}
