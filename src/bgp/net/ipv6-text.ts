/**
 * Text form of IPv6 addresses: RFC 4291 section 2.2 in, RFC 5952 canonical form out. Zone ids are refused: a zone is
 * the property of an interface, not of an address.
 */
import { formatIpv4Number, parseIpv4Text } from './ipv4-text.ts';
import type { Words } from './words.ts';

const GROUP = /^[0-9a-fA-F]{1,4}$/;

/** Groups of one side of `::`, an embedded IPv4 tail counting as two; undefined where one is malformed. */
function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (GROUP.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const tail = mayEndInIpv4 && index === parts.length - 1 ? parseIpv4Text(part) : undefined;
    if (tail === undefined) return undefined;
    groups.push(tail >>> 16, tail & 0xffff);
  }
  return groups;
}

function wordsFromGroups(groups: readonly number[]): Words {
  const word = (index: number): number => (((groups[index] ?? 0) << 16) | (groups[index + 1] ?? 0)) >>> 0;
  return [word(0), word(2), word(4), word(6)];
}

/** Parses an IPv6 address without zone; undefined for anything else. */
export function parseIpv6Text(text: string): Words | undefined {
  if (text.length < 2 || text.length > 45) return undefined;
  const gap = text.indexOf('::');
  if (gap < 0) {
    const groups = parseGroups(text, true);
    return groups?.length === 8 ? wordsFromGroups(groups) : undefined;
  }
  const head = parseGroups(text.slice(0, gap), false);
  const tail = parseGroups(text.slice(gap + 2), true);
  if (head === undefined || tail === undefined) return undefined;
  // `::` stands for at least one group (RFC 4291 section 2.2).
  const missing = 8 - head.length - tail.length;
  if (missing < 1) return undefined;
  return wordsFromGroups([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

/** Start and length of the longest run of zero groups, the first of equals; length 0 where no run has two groups. */
function longestZeroRun(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let at = 0; at <= groups.length; at += 1) {
    if (at < groups.length && groups[at] === 0) continue;
    if (at - start > best.length) best = { start, length: at - start };
    start = at + 1;
  }
  return best.length >= 2 ? best : { start: 0, length: 0 };
}

/** Canonical text (RFC 5952 section 4); IPv4-mapped addresses end in dotted decimal (section 5). */
export function formatIpv6Words(words: Words): string {
  if (words[0] === 0 && words[1] === 0 && words[2] === 0xffff) return `::ffff:${formatIpv4Number(words[3])}`;
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  const run = longestZeroRun(groups);
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  if (run.length === 0) return hex(groups);
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`;
}
