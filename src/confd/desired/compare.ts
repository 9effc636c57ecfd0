/** Structural equality of plain data: what decides that an entry, and so its object, stays the same. */

/**
 * True where two plain values (primitives, arrays, records, maps and functions by identity) are equal; records compare by their
 * own keys, an absent key equals undefined. Values with a prototype of their own compare by identity.
 */
export function sameData(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, index) => sameData(item, b[index]));
  if (a instanceof Map)
    return b instanceof Map && a.size === b.size && [...a].every(([key, value]) => b.has(key) && sameData(value, b.get(key)));
  if (!isPlain(a) || !isPlain(b)) return false;
  return sameFields(a, b) && sameFields(b, a);
}

function isPlain(value: object): value is Record<string, unknown> {
  return Object.getPrototypeOf(value) === Object.prototype;
}

function sameFields(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  return Object.keys(a).every((key) => sameData(a[key], b[key]));
}
