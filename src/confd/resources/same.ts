/** Equality of extracted fields: what decides whether an object changed at all (control-plane 9.2, scaling note). */
import { isSecretValue } from './secret-value.ts';

/**
 * True where two parsed objects have equal content. Positions in files are no content; functions are equal, since the text
 * that made them stands beside them (Selector).
 */
export function sameContent(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a === 'function' && typeof b === 'function') return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (isSecretValue(a)) return isSecretValue(b) && a.reveal() === b.reveal();
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => sameContent(item, b[index]));
  }
  if (a instanceof Map) {
    if (!(b instanceof Map) || a.size !== b.size) return false;
    for (const [key, item] of a) if (!b.has(key) || !sameContent(item, b.get(key))) return false;
    return true;
  }
  return !Array.isArray(b) && !(b instanceof Map) && !isSecretValue(b) && sameRecord(a, b);
}

function sameRecord(a: object, b: object): boolean {
  const left = Object.entries(a).filter(([key]) => key !== 'source');
  const right = new Map(Object.entries(b).filter(([key]) => key !== 'source'));
  return left.length === right.size && left.every(([key, item]) => right.has(key) && sameContent(item, right.get(key)));
}
