/**
 * The seed of property tests: fixed, so that a failure comes back; PIGRAD_SEED=random (or a number) varies
 * it. It is printed, and fast-check prints it with a failure.
 */
const wanted = process.env.PIGRAD_SEED ?? "20240607";
export const seed = wanted === "random" ? Date.now() % 2 ** 31 : Number(wanted);
if (wanted === "random") console.log(`PIGRAD_SEED=${seed}`);
