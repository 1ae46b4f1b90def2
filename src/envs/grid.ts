/** Moves on a grid with cells numbered row by row. */

/** Returns the cell `rowStep` down and `columnStep` right of `cell`; stays at the border. */
export function moved(
  cell: number,
  rows: number,
  columns: number,
  rowStep: number,
  columnStep: number,
): number {
  const row = Math.min(Math.max(Math.floor(cell / columns) + rowStep, 0), rows - 1);
  const column = Math.min(Math.max((cell % columns) + columnStep, 0), columns - 1);
  return row * columns + column;
}

/** Draws rows of letters with one of them replaced. */
export function drawGrid(rows: readonly string[], cell: number, mark: string): string {
  const columns = rows[0].length;
  const text = rows.join("");
  const marked = text.slice(0, cell) + mark + text.slice(cell + 1);
  return rows.map((_, row) => marked.slice(row * columns, (row + 1) * columns)).join("\n");
}
