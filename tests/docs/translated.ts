/**
 * `npm run docs:translated [-- FILE…]`: records that the files of the Chinese edition, or those named, say what the
 * English text says now. tests/docs/editions.test.ts names what has changed since.
 */
import { writeFileSync } from "node:fs";
import {
  changedSince,
  chineseFiles,
  englishOf,
  exists,
  type Recorded,
  read,
  recordOf,
  recordPath,
} from "./editions.ts";

const named = process.argv.slice(2);
for (const path of named)
  if (!chineseFiles.includes(path)) {
    console.error(`docs:translated: expected a file of the Chinese edition, got ${path}`);
    process.exit(1);
  }
const before: Record<string, Recorded> = exists(recordPath) ? JSON.parse(read(recordPath)) : {};
const after: Record<string, Recorded> = {};
for (const path of chineseFiles) {
  const now = recordOf(englishOf(path));
  const isRecorded = named.length === 0 || named.includes(path);
  if (isRecorded)
    for (const title of changedSince(before[path], now)) console.log(`${path}: ${title}`);
  const record = isRecorded ? now : before[path];
  if (record !== undefined) after[path] = record;
}
writeFileSync(recordPath, `${JSON.stringify(after, null, 2)}\n`);
