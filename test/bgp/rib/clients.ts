/** Clients of a reflector in a harness, numbered prefixes, and work counted from a moment on. */
import type { Harness, TestPeer } from './harness.ts';

/** A prefix. */
export const P = '203.0.113.0/24';

/** Options of a client. */
export const CLIENT = { reflectorClient: true } as const;

/** So many clients, settled. */
export function clients(harness: Harness, count: number): TestPeer[] {
  const peers = Array.from({ length: count }, () => harness.peer(CLIENT));
  harness.settle();
  return peers;
}

/** Counters that grew since. */
export function since(harness: Harness, before: Readonly<Record<string, number>>): Record<string, number> {
  const grown: Record<string, number> = {};
  for (const [name, value] of Object.entries(harness.counters)) if (value !== before[name]) grown[name] = value - (before[name] ?? 0);
  return grown;
}

/** `10.x.y.0/24`, different for each number. */
export const net = (number: number): string => `10.${(number >> 8) & 255}.${number & 255}.0/24`;
