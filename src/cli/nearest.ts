/** Names close to a mistyped one. */

const longest = 64; // longer names are not typing errors

/** Returns `; did you mean "…"?` with the closest known name, or nothing where none is close. */
export function didYouMean(name: string, known: readonly string[]): string {
  const found = nearest(name, known);
  return found === undefined ? "" : `; did you mean "${found}"?`;
}

/** Returns the known name that differs least, by edits or as the name whose initials were given. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > longest) return undefined;
  const plain = simple(name);
  const byInitials = known.find((other) => plain.length > 1 && initials(other) === plain);
  let best: string | undefined;
  let least = Math.max(1, Math.floor(plain.length / 3)) + 1;
  for (const other of known) {
    const edits = distance(plain, simple(other));
    if (edits >= least) continue;
    least = edits;
    best = other;
  }
  return best ?? byInitials ?? startOf(plain, known);
}

const simple = (name: string): string => name.replace(/[-_ ]/g, "").toLowerCase();
const initials = (name: string): string =>
  name
    .split(/[-_ ]|(?=[A-Z])/)
    .map((word) => word.charAt(0))
    .join("")
    .toLowerCase();
/** The one name that begins so. */
function startOf(plain: string, known: readonly string[]): string | undefined {
  const starts = plain.length < 2 ? [] : known.filter((other) => simple(other).startsWith(plain));
  return starts.length === 1 ? starts[0] : undefined;
}

/** Edits from a to b: insertions, removals, replacements and swaps of neighbors. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, last[j] + 1, row[j - 1] + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.length];
}
