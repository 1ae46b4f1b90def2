/** Chapter 11's exercise: a sum over chunks of a batch, by who finishes first, and in the order of the chunks. */
const chunks = [0.1, 0.2, 0.3, 1e8, -1e8].map(Math.fround);
const total = (order: readonly number[]): number =>
  order.reduce((sum, chunk) => Math.fround(sum + chunks[chunk]), 0);
for (const order of [
  [0, 1, 2, 3, 4],
  [3, 4, 0, 1, 2],
  [3, 0, 4, 1, 2],
])
  console.log(`chunks ${order.join(" ")}: ${total(order).toFixed(3)}`);
