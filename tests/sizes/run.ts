/** `npm run test:sizes`: the sizes beside their budgets. */
import { sizes } from "./sizes.ts";

for (const { name, bytes, budget } of sizes()) {
  const holds = bytes <= budget;
  if (!holds) process.exitCode = 1;
  const numbers = `${(bytes / 1000).toFixed(1).padStart(6)} kB of ${budget / 1000} kB`;
  console.log(`${holds ? "ok  " : "FAIL"} ${numbers}  ${name}`);
}
