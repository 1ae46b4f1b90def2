/** Errors of the NATS client and of JetStream as one line that says what to do. */
import { SettingError } from "../../core/errors.ts";
import { messageOf } from "../../core/thrown.ts";
import { codeOf } from "../files.ts";

/** The server is away, refuses, or has no room. No fault of the job that was at work. */
export class LinkError extends SettingError {}

/** Error codes of JetStream's API, from the server's errors.json. */
export const apiCodes = {
  insufficientResources: 10023,
  insufficientStorage: 10047,
  maximumBytes: 10077,
  notEnabled: 10076,
  notEnabledForAccount: 10039,
  temporarilyUnavailable: 10008,
  consumerNotFound: 10014,
  streamNotFound: 10059,
  wrongLastSequence: 10071,
  streamExists: 10058,
} as const;

const full: readonly unknown[] = [
  apiCodes.insufficientResources,
  apiCodes.insufficientStorage,
  apiCodes.maximumBytes,
];

/** Returns the error code of JetStream's API, also from inside another error; undefined without one. */
export function apiCodeOf(error: unknown): number | undefined {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  if (typeof code === "number" && code >= 10_000) return code;
  return cause === undefined ? undefined : apiCodeOf(cause);
}

export const isFull = (error: unknown): boolean => full.includes(apiCodeOf(error));

const passing = [
  "TimeoutError",
  "NoRespondersError",
  "RequestError",
  "JetStreamNotEnabled", // JetStream starts after the server answers
  "ConnectionError",
  "ClosedConnectionError",
  "DrainingConnectionError",
];

/** Returns whether an error may go away by itself: the server restarts, or its JetStream does. */
export function isTransient(error: unknown): boolean {
  const code = apiCodeOf(error);
  if (code !== undefined) return code === apiCodes.temporarilyUnavailable;
  return passing.includes((error as Error | undefined)?.name ?? "");
}

/** Returns the error of a request that the server refused. */
export function requestError(error: unknown, host: string, what: string): Error {
  if (error instanceof SettingError) return error;
  const code = apiCodeOf(error);
  if (code === undefined && !isNats(error)) return error as Error;
  const store = "; make room in JetStream's store, or raise its limits (docs/scale.md)";
  const hint = isFull(error) ? `: the server's store is full${store}` : "";
  return new LinkError(`${host}: ${what}${hint} (${messageOf(error)})`);
}

const isNats = (error: unknown): boolean =>
  passing.includes((error as Error)?.name) ||
  /^(Permission|Authorization|JetStream|Stream|Consumer|Invalid)/.test(
    (error as Error)?.name ?? "",
  );

/** Returns the error of a connection that could not be made, or that ended for good. */
export function connectError(error: unknown, host: string, tls: boolean): Error {
  if (error instanceof SettingError) return error;
  const text = textsOf(error).join(": ");
  const line = (why: string): LinkError => new LinkError(`${host}: ${why} (${text})`);
  const { name = "" } = (error ?? {}) as Error;
  if (name === "AuthorizationError" || /authorization violation|authentication/i.test(text))
    return line("the server refuses this user, password, token or key");
  if (name === "JetStreamNotEnabled" || apiCodeOf(error) !== undefined)
    return line("the server has no JetStream; start it with nats-server -js");
  if (/certificate|self.signed|altname|unable to verify/i.test(text))
    return line("the server's TLS certificate is not trusted; NATS_CA names a file that vouches");
  if (/tls|ssl|EPROTO|secure/i.test(text) || codeOf(error) === "EPROTO")
    return line(
      tls
        ? "expected a server with TLS, as tls:// says; for one without it is nats://"
        : "the TLS connection failed; NATS_CA, NATS_CERT and NATS_KEY name its files",
    );
  if (/ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|ECONNRESET|ETIMEDOUT|refused|timeout/i.test(text))
    return line("no NATS server answers; start one with nats-server -js");
  return line("no connection to the NATS server");
}

/** Returns the messages of an error and of its causes. */
function textsOf(error: unknown): string[] {
  if (error === undefined || error === null) return [];
  const { cause } = error as { cause?: unknown };
  return [...new Set([messageOf(error).split("\n")[0], ...textsOf(cause)])];
}
