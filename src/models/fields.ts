/** Reads the fields of a JSON object with checks; messages name the file and the field. */
import { FormatError } from "../core/errors.ts";
import { brief } from "../core/printable.ts";
import type { Json } from "../io/json.ts";

export class Fields {
  private readonly where: string;
  private readonly object: ReadonlyMap<string, Json>;

  /** `where` begins each message. Throws FormatError unless `json` is an object. */
  constructor(json: Json, where: string) {
    if (!(json instanceof Map)) throw new FormatError(`${where}: expected an object`);
    this.where = where;
    this.object = json;
  }

  /** Returns a field; null if it is absent or null. */
  get(name: string): Json {
    return this.object.get(name) ?? null;
  }

  has(name: string): boolean {
    return this.object.has(name);
  }

  /** Throws FormatError for a field of another name that says something: is not null, false or empty. */
  only(known: readonly string[]): void {
    for (const [name, value] of this.object) {
      const size = value instanceof Map ? value.size : Array.isArray(value) ? value.length : 1;
      if (value !== null && value !== false && size > 0 && !known.includes(name))
        throw this.wrong(name, "to be null or empty, as it is not supported");
    }
  }

  wrong(name: string, expected: string): FormatError {
    const got = this.object.has(name) ? brief(this.get(name)) : "no such field";
    return new FormatError(`${this.where}: expected ${name} ${expected}, got ${got}`);
  }

  /** Returns a whole number from `min` on; `otherwise` for an absent field, which is an error without it. */
  whole(name: string, otherwise?: number, min = 1): number {
    const value = this.get(name) ?? otherwise;
    if (!Number.isSafeInteger(value) || (value as number) < min)
      throw this.wrong(name, `as a whole number ≥ ${min}`);
    return value as number;
  }

  /** Returns a number above 0. */
  positive(name: string, otherwise?: number): number {
    const value = this.get(name) ?? otherwise;
    if (typeof value !== "number" || !(value > 0 && value < Infinity))
      throw this.wrong(name, "as a number above 0");
    return value;
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.get(name) ?? otherwise;
    if (typeof value !== "boolean") throw this.wrong(name, "as true or false");
    return value;
  }

  text(name: string, otherwise?: string): string {
    const value = this.get(name) ?? otherwise;
    if (typeof value !== "string") throw this.wrong(name, "as a text");
    return value;
  }

  /** Returns an object's fields; null if it is absent or null. */
  inside(name: string): Fields | null {
    const value = this.get(name);
    return value === null ? null : new Fields(value, `${this.where}: ${name}`);
  }

  /** Returns token ids: one, a list, or none. */
  ids(name: string): readonly number[] {
    const value = this.get(name);
    if (value === null) return [];
    const list = Array.isArray(value) ? value : [value];
    if (!list.every((id) => Number.isSafeInteger(id) && id >= 0))
      throw this.wrong(name, "as token ids");
    return list as number[];
  }
}
