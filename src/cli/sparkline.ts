/** A curve in one line of text. */
const bars = "▁▂▃▄▅▆▇█";

/** Returns one bar per finite value, from the least to the greatest. */
export function sparkline(values: readonly number[]): string {
  const finite = values.filter(Number.isFinite);
  const least = Math.min(...finite);
  const range = Math.max(...finite) - least || 1;
  return finite.map((x) => bars[Math.round(((x - least) / range) * (bars.length - 1))]).join("");
}
