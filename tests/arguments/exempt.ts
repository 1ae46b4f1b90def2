/** Exported functions that are tried elsewhere, and where or why. */
export const exempt: Readonly<Record<string, string>> = {};
