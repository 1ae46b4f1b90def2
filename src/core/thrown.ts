/** Returns the message of a thrown value; foreign code may throw anything, including null. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  const message = (thrown as { message?: unknown } | null | undefined)?.message;
  if (typeof message === "string") return message; // an error of another realm, as threads pass them
  return `thrown: ${textOf(thrown)}`;
}

/** Returns a thrown Error as it is, and any other thrown value as a new Error that describes it. */
export const errorOf = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(messageOf(thrown));

function textOf(thrown: unknown): string {
  try {
    return typeof thrown === "object" ? JSON.stringify(thrown) : String(thrown);
  } catch {
    return `a value of type ${typeof thrown}`;
  }
}
