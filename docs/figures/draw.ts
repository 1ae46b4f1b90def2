/** `npm run docs:figures [FOLDER]`: draws the book's pictures into docs/figures, or into a folder of yours. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { figures } from "./book.ts";

const folder = process.argv[2] ?? fileURLToPath(new URL(".", import.meta.url));
for (const [name, draw] of Object.entries(figures)) {
  const file = join(folder, `${name}.svg`);
  writeFileSync(file, draw());
  console.log(`drew ${file}`);
}
