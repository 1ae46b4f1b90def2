/** Rows of data out of files: JSON lines, JSON, CSV, pairs with a tab, plain text. */
import { FormatError } from "../core/errors.ts";
import { messageOf } from "../core/thrown.ts";
import { withoutMark } from "../core/utf8.ts";
import { pairs, texts } from "./corpus.ts";

export type DataRow = string | Readonly<Record<string, unknown>>;

/**
 * Returns the rows of a file, in the form that its name ends with: .jsonl, .json (a list), .csv (with a header), .tsv; pairs
 * where every line has one tab; else texts, by lines or paragraphs. Throws FormatError that names the file and the line.
 */
export function rowsOfFile(name: string, content: string, by: "line" | "paragraph"): DataRow[] {
  const text = withoutMark(content);
  const where = `data ${name}`;
  const ending = /\.[a-z]+$/.exec(name.toLowerCase())?.[0];
  if (ending === ".jsonl" || ending === ".ndjson") return jsonRows(text, where);
  if (ending === ".json") return listOf(parsed(text, where), where);
  if (ending === ".csv") return csvRows(text, where);
  const lines = text.split(/\r?\n/);
  const isPair = (line: string): boolean => line === "" || line.split("\t").length === 2;
  const odd = lines.findIndex((line) => !isPair(line));
  if (odd < 0 && lines.some((line) => line !== "")) return pairs(text).map((pair) => ({ ...pair }));
  if (odd >= 0 && ending === ".tsv")
    throw new FormatError(
      `${where}, line ${odd + 1}: expected a prompt, a tab and a completion, got ${lines[odd].split("\t").length} fields`,
    );
  return texts(text, by).map(({ completion }) => completion);
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${where}: expected JSON: ${messageOf(error)}`);
  }
}

const isRow = (row: unknown): row is DataRow =>
  typeof row === "string" || (typeof row === "object" && row !== null && !Array.isArray(row));

function listOf(value: unknown, where: string): DataRow[] {
  if (!Array.isArray(value)) throw new FormatError(`${where}: expected a list of rows`);
  const wrong = value.findIndex((row) => !isRow(row));
  if (wrong >= 0)
    throw new FormatError(`${where}: expected a text or an object in row ${wrong + 1}`);
  return value;
}

const jsonRows = (text: string, where: string): DataRow[] =>
  text.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    const row = parsed(line, `${where}, line ${i + 1}`);
    if (!isRow(row)) throw new FormatError(`${where}, line ${i + 1}: expected a text or an object`);
    return [row];
  });

/** Rows by the names of the header. Fields may stand in quotes, with quotes inside doubled (RFC 4180). */
function csvRows(text: string, where: string): DataRow[] {
  const [header, ...records] = csvRecords(text, where);
  if (header === undefined) throw new FormatError(`${where}: expected a header, got an empty file`);
  const names = header.fields.map((name) => name.trim());
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined)
    throw new FormatError(
      `${where}, line 1: expected columns of different names, got ${twice} twice`,
    );
  return records.map(({ fields, line }) => {
    if (fields.length !== names.length)
      throw new FormatError(
        `${where}, line ${line}: expected ${names.length} fields, got ${fields.length}`,
      );
    return Object.fromEntries(names.map((name, i) => [name, fields[i]]));
  });
}

function csvRecords(text: string, where: string): { fields: string[]; line: number }[] {
  const records: { fields: string[]; line: number }[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|\r|$)/y;
  let [fields, line, start] = [[] as string[], 1, 1];
  while (field.lastIndex < text.length || fields.length > 0) {
    const at = field.lastIndex;
    const match = field.exec(text);
    if (match === null) throw new FormatError(`${where}, line ${line}: a quote is out of place`);
    const [whole, quoted, plain, end] = match;
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    line += whole.split(/\r?\n|\r/).length - 1;
    if (end !== ",") {
      if (fields.length > 1 || fields[0] !== "") records.push({ fields, line: start });
      [fields, start] = [[], line];
      if (field.lastIndex === at || field.lastIndex >= text.length) break;
    }
  }
  return records;
}
