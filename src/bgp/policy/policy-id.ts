/** Content identity of policies. */
import type { Policy } from './types.ts';

function stable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(stable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, stable(inner)]),
  );
}

/** 53-bit mixing hash of a text (two multiply-xor lanes), as 14 hex digits. */
function hash(text: string, seed: number): string {
  let a = 0xdeadbeef ^ seed;
  let b = 0x41c6ce57 ^ seed;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (b >>> 0).toString(16).padStart(8, '0') + (a >>> 0).toString(16).padStart(8, '0');
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
  const text = JSON.stringify([stable(policy.terms), policy.otherwise]);
  const id = hash(text, 0) + hash(text, 0x9e3779b9);
  known.set(policy, id);
  return id;
}

/** True for policies of the same name and contents; cheap where either object is compared again, as peers share them. */
export function samePolicy(a: Policy, b: Policy): boolean {
  return a === b || (a.name === b.name && policyId(a) === policyId(b));
}
