/**
 * Usage: run-listings.ts FOLDER LISTING…: runs listings of docs/examples/book in one process, each after a line
 * "=== NAME"; then draws the pictures into FOLDER.
 */
const [folder, ...listings] = process.argv.slice(2);
for (const name of listings) {
  console.log(`=== ${name}`);
  await import(`../../docs/examples/book/${name}`);
}
console.log("=== figures");
process.argv = [...process.argv.slice(0, 2), folder];
await import("../../docs/figures/draw.ts");
