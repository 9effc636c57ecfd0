/** Reading the JSON of other programs without believing it. */

/** A member of an object, or undefined where the value is no object or has no such member. */
export function member(value: unknown, ...path: readonly (string | number)[]): unknown {
  let at = value;
  for (const key of path) at = typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined;
  return at;
}

/** A text member, '' where there is none. */
export function text(value: unknown, ...path: readonly (string | number)[]): string {
  const found = member(value, ...path);
  return typeof found === 'string' ? found : '';
}

/** A number member, undefined where there is none. */
export function number(value: unknown, ...path: readonly (string | number)[]): number | undefined {
  const found = member(value, ...path);
  return typeof found === 'number' ? found : undefined;
}

/** An array member, empty where there is none. */
export function list(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = member(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** Members of an object as pairs, empty where the value is no object. */
export function entries(value: unknown, ...path: readonly (string | number)[]): readonly (readonly [string, unknown])[] {
  const found = member(value, ...path);
  return typeof found === 'object' && found !== null ? Object.entries(found) : [];
}
