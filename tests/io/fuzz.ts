/** `npm run test:fuzz [-- COUNT [SEED]]`: COUNT broken files of each format, a million by default; those through JSON's and tokenizers' structure too. */
import { formats, fuzz } from "./mutations.ts";
import { structures } from "./structures.ts";

const [count, seed] = [process.argv[2] ?? "1000000", process.argv[3] ?? "1"].map(Number);
let slowestOfAll = { name: "", ms: 0 };
let total = 0;
for (const format of [...formats(), ...structures()]) {
  const start = performance.now();
  const { files, refused, slowest, faults } = fuzz(format, count, seed);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const share = `${((100 * refused) / files).toFixed(1)} % refused`;
  const end = `slowest ${slowest.toFixed(1)} ms, ${faults.length} faults, ${seconds} s`;
  console.log(`${format.name.padEnd(16)} ${files} files, ${share}, ${end}`);
  for (const fault of faults.slice(0, 10)) console.log(`  ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
  total += files;
  if (slowest > slowestOfAll.ms) slowestOfAll = { name: format.name, ms: slowest };
}
const { name, ms } = slowestOfAll;
console.log(`${total} files in all; the slowest was of ${name}: ${ms.toFixed(1)} ms`);
