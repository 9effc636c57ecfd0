/** Deep equality of plain data, and of secrets by their text. */
import { isSecretText } from '../net/index.ts';

/** True for equal scalars, arrays of equal items, and objects with equal values; a key that is undefined equals an absent one. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isSecretText(a) || isSecretText(b)) return isSecretText(a) && isSecretText(b) && a.reveal() === b.reveal();
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, index) => equal(item, b[index]));
  }
  const right = new Map(Object.entries(b));
  for (const [key, value] of Object.entries(a)) {
    if (!equal(value, right.get(key))) return false;
    right.delete(key);
  }
  for (const value of right.values()) if (value !== undefined) return false;
  return true;
}
