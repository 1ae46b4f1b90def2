// @ts-check
/** Advantages by rank: the best of a group gets 1/2, the worst −1/2, however far apart their scores are. */

/** @type {import("pigrad").EstimatorDefinition} */
const algorithm = {
  about: "ranks within the group",
  compare: (scores) => {
    const most = Math.max(1, scores.length - 1);
    return Array.from(scores, (score) => {
      const below = scores.filter((other) => other < score).length;
      const equal = scores.filter((other) => other === score).length;
      return (below + (equal - 1) / 2) / most - 1 / 2; // equal scores share the mean of their ranks
    });
  },
};
export default algorithm;
