/** Returns what was thrown in words; code of other people may throw anything, null included. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  const message = (thrown as { message?: unknown } | null | undefined)?.message;
  if (typeof message === "string") return message; // an error of another realm, as threads pass them
  return `thrown: ${textOf(thrown)}`;
}

/** Returns what was thrown as an Error: itself where it is one, or a new one that says what it was. */
export const errorOf = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(messageOf(thrown));

function textOf(thrown: unknown): string {
  try {
    return typeof thrown === "object" ? JSON.stringify(thrown) : String(thrown);
  } catch {
    return `a value of type ${typeof thrown}`;
  }
}
