/** Least and largest numbers of lists of any length, for which `Math.min(...list)` has no stack. */
export const leastOf = (list: Iterable<number>): number => {
  let least = Infinity;
  for (const x of list) least = Math.min(least, x);
  return least;
};
export const mostOf = (list: Iterable<number>): number => {
  let most = -Infinity;
  for (const x of list) most = Math.max(most, x);
  return most;
};
