/** Adds entries to a list, of any number: `push(...entries)` passes each as an argument, of which calls take few. */
export function append<T>(to: T[], entries: Iterable<T>): void {
  for (const entry of entries) to.push(entry);
}
