/** Content identity of policies. */
import type { Policy } from './types.ts';

/** JSON with the keys of every object in order, so that equal contents have equal texts. */
function stableText(value: unknown): string {
  if (Array.isArray(value)) {
    let text = '[';
    for (const item of value) text += (text.length > 1 ? ',' : '') + stableText(item);
    return `${text}]`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields: readonly (readonly [string, unknown])[] = Object.entries(value).sort(byKey);
  let text = '{';
  for (const [key, inner] of fields) if (inner !== undefined) text += `${text.length > 1 ? ',' : ''}"${key}":${stableText(inner)}`;
  return `${text}}`;
}

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

const OTHER_SEED = 0x9e3779b9;

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');

/** Two 53-bit mixing hashes of a text (two multiply-xor lanes each), as 32 hex digits; in one go, as policies of large filters are long. */
function hash(text: string): string {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  let c = 0xdeadbeef ^ OTHER_SEED;
  let d = 0x41c6ce57 ^ OTHER_SEED;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
    c = Math.imul(c ^ code, 2654435761);
    d = Math.imul(d ^ code, 1597334677);
  }
  return mix(a, b) + mix(c, d);
}

function mix(a: number, b: number): string {
  const first = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  const second = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(first ^ (first >>> 13), 3266489909);
  return hex(second) + hex(first);
}

/** Policies are never changed, so the identity of an object is computed once. */
const known = new WeakMap<Policy, string>();

/**
 * Identity of a policy: 32 hex digits over its terms (names and reasons included) and its default verdict, whatever the
 * order of keys. The policy's own name is no part of it: peers with equal terms share an update group. Cheap when asked again.
 */
export function policyId(policy: Policy): string {
  const before = known.get(policy);
  if (before !== undefined) return before;
  const text = stableText([policy.terms, policy.otherwise]);
  const id = hash(text);
  known.set(policy, id);
  return id;
}

/** True for policies of the same name and contents; cheap where either object is compared again, as peers share them. */
export function samePolicy(a: Policy, b: Policy): boolean {
  return a === b || (a.name === b.name && policyId(a) === policyId(b));
}
