/** The engines on which one program was run (`npm run test:runtimes -- --record`), as a table. */
import { readFileSync } from "node:fs";
import { at, picture, textAt } from "./svg.ts";

interface Row {
  readonly name: string;
  readonly engine: string;
  /** "equal", "not there", or what differs. */
  readonly loops: string;
  readonly simd: string;
  /** Mean return on CartPole of an exported policy. */
  readonly plays: number;
}

const columns = [16, 220, 350, 450, 560];
const titles = ["runtime", "engine", "loops", "simd", "CartPole"];

export function engines(): string {
  const rows: readonly Row[] = JSON.parse(
    readFileSync(new URL("data/engines.json", import.meta.url), "utf8"),
  );
  const parts = titles.map((title, i) => textAt(columns[i], 24, title, 'class="title"'));
  for (const [row, { name, engine, loops, simd, plays }] of rows.entries()) {
    const y = 50 + 24 * row;
    parts.push(`<path class="grid" d="M16 ${at(y - 16)}H640"/>`, textAt(columns[0], y, name));
    parts.push(textAt(columns[1], y, engine, 'class="soft"'));
    for (const [i, said] of [loops, simd].entries()) {
      const color = said === "equal" ? "f3" : said === "not there" ? "soft" : "f2";
      parts.push(textAt(columns[2 + i], y, said, `class="${color}"`));
    }
    parts.push(textAt(columns[4], y, String(plays), 'class="soft"'));
  }
  return picture(660, 44 + 24 * rows.length, "One program on many engines", parts.join("\n"));
}
