/** Chapter 8's exercise: k3 against k1 as the policies move apart, and the sequence that a ratio of 2 per token makes. */
for (const gap of [0.1, 1, 4]) {
  // two tokens; π gives both ½, the reference has a logit gap between them
  const ref = [1, -1].map((side) => 1 / (1 + Math.exp(side * gap)));
  const d = ref.map((r) => Math.log(2 * r));
  const [k1, k3] = [d.map((x) => -x), d.map((x) => Math.expm1(x) - x)].map((k) => {
    const mean = (k[0] + k[1]) / 2;
    return { mean, deviation: Math.abs(k[0] - k[1]) / 2 };
  });
  console.log(
    `gap ${gap.toFixed(1)}   KL ${k1.mean.toFixed(5)} = ${k3.mean.toFixed(5)}   deviation of k1 ${k1.deviation.toFixed(5)}, of k3 ${k3.deviation.toFixed(5)}`,
  );
}
console.log(`a ratio of 1.1 per token over 100 tokens: ${(1.1 ** 100).toFixed(0)}`);
