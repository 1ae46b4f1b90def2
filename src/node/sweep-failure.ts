/** Errors with one line for a message, between threads, which keep no classes. */
import {
  FormatError,
  MemoryError,
  NumericError,
  OwnCodeError,
  SettingError,
} from "../core/errors.ts";
import { isSystemError, systemText } from "./system-error.ts";

const kinds = { FormatError, MemoryError, NumericError, OwnCodeError, SettingError } as const;

export interface Failure {
  readonly kind: keyof typeof kinds;
  readonly message: string;
}

/** Returns an error as a message; null for a fault of the program. */
export function failureOf(error: unknown): Failure | null {
  if (isSystemError(error)) return { kind: "SettingError", message: systemText(error) };
  for (const [kind, type] of Object.entries(kinds))
    if (error instanceof type) return { kind: kind as Failure["kind"], message: error.message };
  return null;
}

/** Returns the error of a failure, with where it happened before its message. */
export const errorOf = ({ kind, message }: Failure, where?: string): Error =>
  new kinds[kind](where === undefined ? message : `${where}: ${message}`);
