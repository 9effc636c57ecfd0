/**
 * Sets of prefixes for policy conditions, asked with bare words so that no Prefix is made per route. Entries are grouped by
 * their own length: one lookup per distinct length, whatever the number of entries.
 */
import type { Prefix } from '../net/types.ts';
import type { PrefixMatch } from './types.ts';

/** The prefix of the route under evaluation; the RIB reuses one object. */
export interface RoutePrefix {
  family: Prefix['family'];
  word0: number;
  word1: number;
  word2: number;
  word3: number;
  length: number;
}

/** Says whether a prefix is in the set. */
export type PrefixTest = (route: RoutePrefix) => boolean;

interface Level {
  readonly length: number;
  readonly mask: readonly [number, number, number, number];
  /** Allowed lengths of routes under each entry: pairs of minimum and maximum. */
  readonly ranges: Map<number | string, number[]>;
}

const FAMILY_BITS = { ipv4: 32, ipv6: 128 } as const;

function maskWord(length: number, word: number): number {
  const bits = Math.min(32, Math.max(0, length - 32 * word));
  return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
}

function rangeOf(match: PrefixMatch): readonly [number, number] {
  const { length, family } = match.prefix;
  switch (match.match.kind) {
    case 'exact':
      return [length, length];
    case 'orLonger':
      return [length, FAMILY_BITS[family]];
    case 'range':
      return [Math.max(length, match.match.min), match.match.max];
    default: {
      const never: never = match.match;
      return never;
    }
  }
}

function keyOf(family: Prefix['family'], w0: number, w1: number, w2: number, w3: number): number | string {
  return family === 'ipv4'
    ? w0
    : String.fromCharCode(w0 >>> 16, w0 & 0xffff, w1 >>> 16, w1 & 0xffff, w2 >>> 16, w2 & 0xffff, w3 >>> 16, w3 & 0xffff);
}

function buildLevels(matches: readonly PrefixMatch[], family: Prefix['family']): Level[] {
  const levels = new Map<number, Level>();
  for (const match of matches) {
    if (match.prefix.family !== family) continue;
    const { length, words } = match.prefix;
    let level = levels.get(length);
    if (level === undefined) {
      level = { length, mask: [maskWord(length, 0), maskWord(length, 1), maskWord(length, 2), maskWord(length, 3)], ranges: new Map() };
      levels.set(length, level);
    }
    const key = keyOf(family, words[0], words[1], words[2], words[3]);
    level.ranges.set(key, [...(level.ranges.get(key) ?? []), ...rangeOf(match)]);
  }
  return [...levels.values()].sort((a, b) => a.length - b.length);
}

function inLevels(levels: readonly Level[], route: RoutePrefix): boolean {
  for (const level of levels) {
    if (level.length > route.length) return false;
    const [m0, m1, m2, m3] = level.mask;
    const key = keyOf(route.family, (route.word0 & m0) >>> 0, (route.word1 & m1) >>> 0, (route.word2 & m2) >>> 0, (route.word3 & m3) >>> 0);
    const ranges = level.ranges.get(key);
    if (ranges === undefined) continue;
    for (let i = 0; i < ranges.length; i += 2) {
      if (route.length >= (ranges[i] ?? 0) && route.length <= (ranges[i + 1] ?? 0)) return true;
    }
  }
  return false;
}

/** Compiles a list of matches; an empty list holds nothing. Cost of a test: one map lookup per distinct entry length. */
export function compilePrefixSet(matches: readonly PrefixMatch[]): PrefixTest {
  const ipv4 = buildLevels(matches, 'ipv4');
  const ipv6 = buildLevels(matches, 'ipv6');
  return (route) => inLevels(route.family === 'ipv4' ? ipv4 : ipv6, route);
}
