/** Chapter 9's exercise: how long a uniform model waits for its first right answer. */
const symbols = 6; // five letters and the end of the text
const right = 1 / symbols ** 4; // three letters, then the end
const perUpdate = 16 * 8;
const silent = (1 - right) ** perUpdate;
console.log(`one answer: ${right.toFixed(6)}; an update without any reward: ${silent.toFixed(3)}`);
console.log(`updates to wait on average: ${(1 / (1 - silent)).toFixed(1)}`);
