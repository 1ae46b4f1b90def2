/** Equality checks that decide whether a slot can be reused. */

/** Returns whether both lists have the same entries, by identity. */
export function sameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const isObject = (x: unknown): x is object => typeof x === "object" && x !== null;

/** Returns whether settings are equal: one object, or records and lists with equal entries. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b)) return false;
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!same(a[i], b[i])) return false;
    return true;
  }
  const x = a as Record<string, unknown>;
  const y = b as Record<string, unknown>;
  for (const key in y) if (!(key in x)) return false;
  for (const key in x) if (!(key in y) || !same(x[key], y[key])) return false;
  return true;
}

/** Copies settings, so that the caller cannot change a slot's. Frozen flat objects are compared by identity, not copied. */
export function copy(settings: unknown): unknown {
  if (!isObject(settings)) return settings;
  if (Object.isFrozen(settings) && !Object.values(settings).some(isObject)) return settings;
  if (Array.isArray(settings)) return settings.map(copy);
  return Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, copy(value)]));
}
