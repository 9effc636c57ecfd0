/** Pools with one CIDR: the alphabetically lowest name wins (control-plane 1.1), and the others have an issue. */
import { formatPrefix, prefixKey } from 'bgp-ts/net';
import { gotText } from './issue.ts';
import type { IPPoolResource, Issue } from './types.ts';

/** One CIDR after a change: who holds it, and every pool whose place may have changed. */
export interface SettledCidr {
  readonly key: string;
  readonly winner: IPPoolResource | undefined;
  readonly names: readonly string[];
}

/** All pools by name and by CIDR. */
export interface PoolConflicts {
  /** Sets or removes a pool; gives the CIDRs it left and joined, the left one first. */
  set(name: string, pool: IPPoolResource | undefined): readonly SettledCidr[];
  /** One issue per pool that lost, sorted by name; the same array while nothing changed. */
  issues(): readonly Issue[];
}

function lowest(members: ReadonlyMap<string, IPPoolResource>): IPPoolResource | undefined {
  let winner: IPPoolResource | undefined;
  for (const pool of members.values()) if (winner === undefined || pool.ref.name < winner.ref.name) winner = pool;
  return winner;
}

function conflictIssue(loser: IPPoolResource, winner: IPPoolResource): Issue {
  return {
    code: 'IPPOOL_CIDR_TAKEN',
    severity: 'error',
    object: loser.ref,
    field: 'spec.cidr',
    got: gotText(formatPrefix(loser.cidr)),
    rule: `is the CIDR of IPPool/${winner.ref.name}, which comes first by name`,
    source: loser.source ?? null,
    transient: true,
  };
}

/** Makes an empty index. */
export function createPoolConflicts(): PoolConflicts {
  const byName = new Map<string, IPPoolResource>();
  const byCidr = new Map<string, Map<string, IPPoolResource>>();
  let cached: readonly Issue[] | undefined;

  const settle = (key: string, alsoTouched: string): SettledCidr => {
    const members = byCidr.get(key) ?? new Map<string, IPPoolResource>();
    return { key, winner: lowest(members), names: [...new Set([...members.keys(), alsoTouched])] };
  };
  const leave = (name: string, key: string): void => {
    const members = byCidr.get(key);
    members?.delete(name);
    if (members?.size === 0) byCidr.delete(key);
  };
  const join = (name: string, key: string, pool: IPPoolResource): void => {
    const members = byCidr.get(key) ?? new Map<string, IPPoolResource>();
    members.set(name, pool);
    byCidr.set(key, members);
  };

  return {
    set(name, pool) {
      cached = undefined;
      const before = byName.get(name);
      const oldKey = before === undefined ? undefined : prefixKey(before.cidr);
      const newKey = pool === undefined ? undefined : prefixKey(pool.cidr);
      if (oldKey !== undefined && oldKey !== newKey) leave(name, oldKey);
      if (pool === undefined) byName.delete(name);
      else byName.set(name, pool);
      if (pool !== undefined && newKey !== undefined) join(name, newKey, pool);
      const left = oldKey !== undefined && oldKey !== newKey ? [settle(oldKey, name)] : [];
      return newKey === undefined ? left : [...left, settle(newKey, name)];
    },
    issues() {
      cached ??= [...byCidr.values()]
        .flatMap((members) => {
          const winner = lowest(members);
          return [...members.values()].flatMap((pool) => (winner === undefined || pool === winner ? [] : [conflictIssue(pool, winner)]));
        })
        .sort((a, b) => (a.object.name < b.object.name ? -1 : 1));
      return cached;
    },
  };
}
