/**
 * The messages between givers and workers, as JSON. They come from a network, so each is checked on reading; a wrong one
 * throws FormatError. A body too large for a message lies in the object store, and the message names it.
 */
import { FormatError } from "../../core/errors.ts";
import { brief } from "../../core/printable.ts";
import { parseJson } from "../../io/json.ts";
import { type Blobs, sha256 } from "./blobs.ts";

/** Version of these messages. Ends that differ in it, or in pigrad's version, refuse each other's jobs. */
export const protocol = 1;

export interface Envelope {
  readonly protocol: number;
  /** pigrad's version: bits of results follow from it. */
  readonly version: string;
  /** Kind of the body: of work, or "done" or "failed" of an answer. */
  readonly kind: string;
  readonly body: unknown;
}

/** A failed job's error. */
export interface WireFailure {
  readonly worker: string;
  readonly message: string;
}

export const mostMessage = 2 ** 26; // bytes, of a body in the object store too
const mostText = 2000; // characters of a text that is shown
export const headroom = 8192; // bytes of a message beside its body

type Fields = Readonly<Record<string, unknown>>;
export const isObject = (x: unknown): x is Fields =>
  typeof x === "object" && x !== null && !Array.isArray(x);
export const wrong = (where: string, what: string, got: unknown): FormatError =>
  new FormatError(`${where}: expected ${what}, got ${brief(got)}`);

export function textFrom(value: unknown, name: string, where: string, most = mostText): string {
  if (typeof value === "string" && value.length <= most) return value;
  throw wrong(where, `${name} as a text of at most ${most} characters`, value);
}

export function wholeFrom(value: unknown, name: string, where: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw wrong(where, `${name} as a whole number ≥ 0`, value);
}

/** Shortens a text that will be shown at the other end. */
export const shortened = (text: string): string => text.split("\n")[0].slice(0, mostText);

export interface WireOptions {
  readonly blobs: Blobs;
  /** First part of the names of objects. */
  readonly giver: string;
  /** Bytes that the server lets a message have. */
  readonly most: number;
}

/** Returns a message's bytes; its body goes to the object store where it does not fit. */
export async function encode(
  envelope: Envelope,
  { blobs, giver, most }: WireOptions,
): Promise<Uint8Array> {
  const bytes = Buffer.from(JSON.stringify(envelope));
  if (bytes.length <= most - headroom) return bytes;
  const body = Buffer.from(JSON.stringify(envelope.body));
  if (body.length > mostMessage)
    throw new FormatError(`a job of ${body.length} bytes: ${mostMessage} are allowed`);
  const blob = await blobs.putByHash(giver, body);
  return Buffer.from(JSON.stringify({ ...envelope, body: null, blob }));
}

/** Returns what a message says. The body is fetched by `bodyOf`, once the versions are known to agree. */
export function decode(bytes: Uint8Array, where: string): Envelope & { readonly blob?: string } {
  const fields = jsonFrom(bytes, where);
  if (!isObject(fields)) throw wrong(where, "an object", fields);
  return {
    protocol: wholeFrom(fields.protocol, "protocol", where),
    version: textFrom(fields.version, "version", where, 64),
    kind: textFrom(fields.kind, "kind", where, 64),
    body: fields.body,
    ...(fields.blob !== undefined && { blob: textFrom(fields.blob, "blob", where, 256) }),
  };
}

/** Returns a message's body, from the object store where it lies there. */
export async function bodyOf(
  { body, blob }: ReturnType<typeof decode>,
  { blobs, giver }: Pick<WireOptions, "blobs" | "giver">,
  where: string,
): Promise<unknown> {
  if (blob === undefined) return body;
  if (!blob.startsWith(`${giver}/`)) throw wrong(where, "an object of its giver", blob);
  const bytes = await blobs.get(blob);
  if (bytes === null) throw new FormatError(`${where}: its object is gone from the server`);
  if (sha256(bytes) !== blob.slice(giver.length + 1))
    throw new FormatError(`${where}: its object is not what its name says`);
  return jsonFrom(bytes, where);
}

export function jsonFrom(bytes: Uint8Array, where: string): unknown {
  if (bytes.length > mostMessage)
    throw new FormatError(`${where}: has ${bytes.length} bytes, ${mostMessage} are allowed`);
  const text = Buffer.from(bytes).toString();
  parseJson(text, where); // with a message that tells where it breaks off
  return JSON.parse(text);
}

const lineFeed = 10;

/** Returns a message of a line of JSON and of bytes after it. */
export const withBytes = (envelope: Envelope, bytes: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat([Buffer.from(`${JSON.stringify(envelope)}\n`), ...bytes]);

/** Splits a message into its line of JSON and the bytes after it. */
export function splitMessage(message: Uint8Array): {
  readonly line: Uint8Array;
  readonly bytes: Uint8Array;
} {
  const end = message.indexOf(lineFeed);
  return end < 0
    ? { line: message, bytes: message.subarray(message.length) }
    : { line: message.subarray(0, end), bytes: message.subarray(end + 1) };
}

/** Throws FormatError unless a text is a SHA-256 in hexadecimal digits. */
export function hashFrom(value: unknown, where: string): string {
  if (typeof value === "string" && /^[0-9a-f]{64}$/.test(value)) return value;
  throw wrong(where, "sha256 as 64 hexadecimal digits", value);
}

/** Returns the error of a failed job. */
export function failureFrom(body: unknown, where: string): WireFailure {
  if (!isObject(body)) throw wrong(where, "an object", body);
  return {
    worker: textFrom(body.worker, "worker", where, 200),
    message: textFrom(body.message, "message", where),
  };
}
